"""The interface of a family of spotters. The rest of the program uses families through this interface only.

Polygons are float32 [N, 2n, 2] in pixels: the top edge of a word in reading order, then the bottom edge back, with n at
least 2 and the same for all polygons of a batch. A family converts them to the shapes of its regions (`Geometry`),
so quadrilaterals and curves are handled alike. In addition to what is listed here a family provides a `Head` and a
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
    """The targets of a batch's maps; a family may add fields.

    text, counted: bool [B, h, w], anchor points in a word's core, and those over which the score's loss is computed.
    owner: int64 [B, h, w], the word that a point of a core belongs to, else -1. shapes: float32 [N, G], of the words.
    """

    text: Tensor
    counted: Tensor
    owner: Tensor
    shapes: Tensor


@dataclass(frozen=True)
class Misplacement:
    """The distribution of a detector's errors, to imitate them.

    ends, sides: standard deviations of the positions of a region's ends and of its upper and lower side, as shares of
    the height; astray: share of the ends that are wrong by up to half a height.
    """

    ends: float
    sides: float
    astray: float


@dataclass(frozen=True)
class Texts:
    """The transcripts of the N words of a batch, and where their characters are.

    classes: int64 [N, L], of their characters, 0 beyond a word's end and throughout where a word is not to be read.
    characters: float32 [N, L, 4, 2], the quadrilaterals of the characters, in pixels, corners in the order of a
    polygon's.
    located: bool [N], whether these are known, as in synthetic pictures.
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
        """The names of its own parts of the loss, in addition to `score` and `dice`, which all families have, and their
        default weights; 0 for parts that are off unless a recipe gives them a weight."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Converts between polygons and its shapes."""
        ...

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Inverse of `dataclasses.asdict`, for checkpoints of every age. Raises TypeError for unknown fields."""
        ...

    def head(self, inputs: int, config: Any, classes: int) -> Head:
        """A head with random weights for features of `inputs` channels; classes: number of the characters' classes, the
        blank included, for a head that reads."""
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
        """The truth with the transcripts added, for a family whose head reads; others return it unchanged."""
        ...

    def losses(self, maps: Any, truth: Any, weights: Tensor) -> dict[str, Tensor]:
        """Its parts of the loss, scalars by the names of `parts`, not yet multiplied by their weights.

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
