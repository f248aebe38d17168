"""Synthetic pictures as training sources."""

from copy import copy
from typing import Self

import numpy as np

from spotter.training.sample import Sample
from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.layout import Layout
from spotter.training.synthesis.pages import page_layout
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rasterise import rasterise
from spotter.training.synthesis.scenes import scene_layout, sheet_layout


class _Graded:
    """What the sources share."""

    def __init__(self, pool: PatchPool, backgrounds: Backgrounds) -> None:
        self.pool, self.backgrounds, self._styles = pool, backgrounds, Styles(pool)
        self.difficulty = 1.0

    def at(self, difficulty: float) -> Self:
        """The same source, whose pictures are degraded only as far as `difficulty` (0 to 1) says."""
        easier = copy(self)
        easier.difficulty = difficulty
        return easier


class SceneSource(_Graded):
    """Signs and lettering on pictures, as cameras meet them."""

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The next picture as numbers."""
        return scene_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of up to some tens of words."""
        return rasterise(self.layout(rng, size), self.pool, self.backgrounds, self.difficulty)


class PageSource(_Graded):
    """Receipts and documents."""

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The next picture as numbers."""
        return page_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of some tens of small words."""
        return rasterise(self.layout(rng, size), self.pool, self.backgrounds, self.difficulty)


class SheetSource(_Graded):
    """Pictures filled with words of all styles: the most to read for a step's price."""

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The next picture as numbers."""
        return sheet_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of up to a hundred words or more."""
        return rasterise(self.layout(rng, size), self.pool, self.backgrounds, self.difficulty)
