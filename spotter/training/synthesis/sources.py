"""Synthetic pictures as training sources."""

import numpy as np

from spotter.training.sample import Sample
from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.layout import Layout
from spotter.training.synthesis.pages import page_layout
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rasterise import rasterise
from spotter.training.synthesis.scenes import scene_layout, sheet_layout


class SceneSource:
    """Signs and lettering on pictures, as cameras meet them."""

    def __init__(self, pool: PatchPool, backgrounds: Backgrounds) -> None:
        self.pool, self.backgrounds, self._styles = pool, backgrounds, Styles(pool)

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The next picture as numbers."""
        return scene_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of up to some tens of words."""
        return rasterise(self.layout(rng, size), self.pool, self.backgrounds)


class PageSource:
    """Receipts and documents."""

    def __init__(self, pool: PatchPool, backgrounds: Backgrounds) -> None:
        self.pool, self.backgrounds, self._styles = pool, backgrounds, Styles(pool)

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The next picture as numbers."""
        return page_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of some tens of small words."""
        return rasterise(self.layout(rng, size), self.pool, self.backgrounds)


class SheetSource:
    """Pictures filled with words of all styles: the most to read for a step's price."""

    def __init__(self, pool: PatchPool, backgrounds: Backgrounds) -> None:
        self.pool, self.backgrounds, self._styles = pool, backgrounds, Styles(pool)

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The next picture as numbers."""
        return sheet_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture of up to a hundred words or more."""
        return rasterise(self.layout(rng, size), self.pool, self.backgrounds)
