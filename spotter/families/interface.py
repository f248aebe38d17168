"""The interface of a family of spotters; the rest of the program uses nothing else of it.

Polygons are float32 [N, 2n, 2] in pixels: the top edge of a word in reading order, then the bottom edge back, n at
least 2 and the same for all that come together. A family converts them to the shapes of its regions (`Geometry`),
so quadrilaterals and curves are handled alike. In addition to what is listed here it brings a `Head` and a
`RegionSampler`, see `spotter.model.family`; the head states which of its weights stay in float and where the graph is
cut in two (`spotter.model.roles`), and the sampler states which operator replaces it in a graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Generator, Tensor

from spotter.model.family import Geometry, Head, RegionSampler
from spotter.model.regions import PatchSize


@dataclass(frozen=True)
class Truth:
    """The targets of a batch's maps; a family may add to it.

    text, counted: bool [B, h, w], anchor points in a word's core, and those that the score's loss counts.
    owner: int64 [B, h, w], the word that a point of a core belongs to, else -1. shapes: float32 [N, G], of the words.
    """

    text: Tensor
    counted: Tensor
    owner: Tensor
    shapes: Tensor


@dataclass(frozen=True)
class Misplacement:
    """The errors of a detector's regions, to imitate them.

    ends, sides: standard deviations of a region's ends and of its upper and lower side, as shares of the height;
    astray: share of the ends that are wrong by up to half a height.
    """

    ends: float
    sides: float
    astray: float


@dataclass(frozen=True)
class Texts:
    """What the N words of a batch say.

    classes: int64 [N, L], of their characters, 0 beyond a word's end and throughout where a word is not to be read.
    characters: float32 [N, L, 4, 2], the quadrilaterals of the characters, in pixels, corners as of a polygon.
    located: bool [N], whether these are known; they are where pictures are drawn.
    """

    classes: Tensor
    characters: Tensor
    located: Tensor


class Family(Protocol):
    """One family. It has no state: all weights are in its head."""

    @property
    def config(self) -> type[Any]:
        """The frozen dataclass of its own settings, each with a default; it raises ValueError for impossible ones."""
        ...

    @property
    def parts(self) -> Mapping[str, float]:
        """The names of its parts of the loss, in addition to `score` and `dice` that all have, and their usual
        weights; 0 for parts that a recipe may ask for."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Converts between polygons and its shapes."""
        ...

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Inverse of `dataclasses.asdict`, for checkpoints of every age. Raises TypeError for unknown fields."""
        ...

    def head(self, inputs: int, config: Any, classes: int) -> Head:
        """A head with random weights on features of `inputs` channels; classes: of the characters, the blank
        included, for a head that reads."""
        ...

    def sampler(self, size: PatchSize, config: Any) -> RegionSampler:
        """The sampler that cuts its regions into patches of that size."""
        ...

    def truth(self, polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> Truth:
        """The targets of maps of `shape` = (B, h, w), at a stride of 4 pixels.

        polygons: [N, 2n, 2]. image_index: int64 [N], ascending. ignore: bool [N], words that count neither as text nor
        as background.
        """
        ...

    def with_texts(self, truth: Any, texts: Texts) -> Truth:
        """The truth with what its words say, for a family whose head reads; others return it as it is."""
        ...

    def losses(self, maps: Any, truth: Any, weights: Tensor) -> dict[str, Tensor]:
        """Its parts of the loss, by the names of `parts` and without their weights: single numbers.

        maps, truth: its own. weights: float32 [N], how much each word counts.
        """
        ...

    def to_read(
        self,
        maps: Any,
        truth: Any,
        words: Tensor,
        image_index: Tensor,
        jitter: float,
        predicted: float,
        generator: Generator,
    ) -> Tensor:
        """Shapes [K, G], without gradients, of the words int64 [K], as the recogniser is trained on them.

        image_index: int64 [N] of all words. jitter: deviation of the true shapes' noise, as a share of the height.
        predicted: share of the words whose shape is the detector's own, where that is good enough.
        generator: on the CPU.
        """
        ...

    def misplaced(self, shapes: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
        """True shapes [N, G] with a detector's errors added, for training without a detector."""
        ...
