"""The training sources of synthetic pictures."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from spotter.training.sample import Sample
from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.degrade import ease
from spotter.training.synthesis.glare import dim
from spotter.training.synthesis.layout import Layout, characters, labels, quarter_turned
from spotter.training.synthesis.pages import PAGE_LOOKS, page_layout
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rasterise import rasterise
from spotter.training.synthesis.scenes import SCENE_LOOKS, scene_layout, sheet_layout


@dataclass(frozen=True)
class PlannedSample(Sample):
    """A sample whose picture is not composed yet: `image` is empty, and `layout` describes it by patches in `pool`."""

    layout: Layout
    pool: PatchPool


class LayoutSource:
    """The base class of the sources: draws layouts, scales their difficulty, and composes them on the CPU.

    kinds: factors by which words of a kind are drawn more often than they occur in the pool, e.g. {"mrz": 3, "url": 0}.
    turned: share of the pictures, 0..1, that are rotated as a whole by 90, 180 or 270 degrees.
    looks: shares of the appearances of words or pages, instead of those in the class's `LOOKS`, e.g. {"table": 0.5}.
    Raises ValueError for an invalid share, an unknown kind of words or look, or when no words are left.
    """

    LOOKS: ClassVar[Mapping[str, float]]

    def __init__(
        self,
        pool: PatchPool,
        backgrounds: Backgrounds,
        kinds: Mapping[str, float] | None = None,
        turned: float = 0.0,
        looks: Mapping[str, float] | None = None,
    ) -> None:
        if not 0 <= turned <= 1:
            raise ValueError(f"turned is a share from 0 to 1, not {turned}")
        if unknown := (looks or {}).keys() - self.LOOKS.keys():
            raise ValueError(f"unknown looks: {', '.join(sorted(unknown))}; known are {', '.join(self.LOOKS)}")
        self._looks = {**self.LOOKS, **(looks or {})}
        if any(not 0 <= share <= 1 for share in self._looks.values()):
            raise ValueError("looks are shares from 0 to 1")
        if self.LOOKS is PAGE_LOOKS and not any(self._looks.values()):
            raise ValueError("all looks of pages are 0")
        self.pool, self.backgrounds, self._styles = pool, backgrounds, Styles(pool, kinds)
        self._turned = turned
        self.difficulty = 1.0
        self._plans = False

    def at(self, difficulty: float) -> Self:
        """The same source, with glare and degradation scaled by `difficulty` (0 to 1)."""
        easier = copy(self)
        easier.difficulty = difficulty
        return easier

    def planned(self) -> Self:
        """The same source with layouts instead of pictures in its samples, for a device to compose."""
        planning = copy(self)
        planning._plans = True
        return planning

    def layout(self, rng: np.random.Generator, size: int) -> Layout:
        """The layout of the next picture."""
        drawn = self._draw(rng, size)
        if self._turned and rng.random() < self._turned:
            drawn = quarter_turned(drawn, int(rng.integers(1, 4)))
        return replace(
            drawn, degradation=ease(drawn.degradation, self.difficulty), glare=dim(drawn.glare, self.difficulty)
        )

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """The next picture, of size x size pixels, with its words."""
        layout = self.layout(rng, size)
        if self._plans:
            empty = np.broadcast_to(np.zeros(1, np.uint8), (size, size, 3))
            shown = characters(layout, self.pool)
            return PlannedSample(empty, *labels(layout, self.pool), layout, self.pool, characters=shown)
        return rasterise(layout, self.pool, self.backgrounds)

    def _draw(self, rng: np.random.Generator, size: int) -> Layout:
        raise NotImplementedError


class SceneSource(LayoutSource):
    """Signs and lettering on photographs: up to some tens of words."""

    LOOKS = SCENE_LOOKS

    def _draw(self, rng: np.random.Generator, size: int) -> Layout:
        return scene_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures, self._looks)


class PageSource(LayoutSource):
    """Receipts and documents: some tens of small words."""

    LOOKS = PAGE_LOOKS

    def _draw(self, rng: np.random.Generator, size: int) -> Layout:
        return page_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures, self._looks)


class SheetSource(LayoutSource):
    """Pictures filled with words of all styles, a hundred or more: the most text for the cost of a step."""

    LOOKS = SCENE_LOOKS

    def _draw(self, rng: np.random.Generator, size: int) -> Layout:
        return sheet_layout(rng, size, self.pool, self._styles, self.backgrounds.pictures, self._looks)
