"""FOTS (Liu et al. 2018, arXiv:1801.01671) behind the interface that all families share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Generator, Tensor

from spotter.families.fots.boxes import SLANTED_BOXES
from spotter.families.fots.config import DetectionConfig
from spotter.families.fots.head import DetectionHead
from spotter.families.fots.learning import boxes_to_read, misplaced_boxes
from spotter.families.fots.losses import geometry_losses, overlap_losses
from spotter.families.fots.maps import DetectionMaps
from spotter.families.fots.regions import RoIRotate
from spotter.families.fots.targets import box_truth
from spotter.families.interface import Misplacement, Texts, Truth
from spotter.model.family import Geometry
from spotter.model.regions import PatchSize


class FOTS:
    """Slanted boxes, predicted at the anchor points of a word's core: a score, four distances and a direction."""

    config: type[Any] = DetectionConfig
    parts: Mapping[str, float] = MappingProxyType(
        {"box": 1.0, "ends": 1.0, "direction": 5.0, "giou": 0.0, "probiou": 0.0, "points": 0.0}
    )
    geometry: Geometry = SLANTED_BOXES

    def read_config(self, values: Mapping[str, Any]) -> DetectionConfig:
        """As `Family.read_config`; the first checkpoints had one more field, which is dropped."""
        return DetectionConfig(**{name: value for name, value in values.items() if name != "levels"})

    def head(self, inputs: int, config: DetectionConfig, classes: int) -> DetectionHead:
        """As `Family.head`."""
        return DetectionHead(inputs, config)

    def sampler(self, size: PatchSize, config: DetectionConfig) -> RoIRotate:
        """As `Family.sampler`."""
        return RoIRotate(size)

    def truth(self, polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> Truth:
        """As `Family.truth`; shapes are boxes [N, 6]."""
        return box_truth(polygons, image_index, ignore, shape)

    def with_texts(self, truth: Truth, texts: Texts) -> Truth:
        """As `Family.with_texts`: its head does not read."""
        return truth

    def losses(self, maps: DetectionMaps, truth: Truth, weights: Tensor) -> dict[str, Tensor]:
        """As `Family.losses`."""
        found = (*geometry_losses(maps, truth, weights), *overlap_losses(maps, truth, weights))
        return dict(zip(self.parts, found, strict=True))

    def to_read(
        self,
        maps: DetectionMaps,
        truth: Truth,
        words: Tensor,
        image_index: Tensor,
        jitter: float,
        predicted: float,
        generator: Generator,
    ) -> Tensor:
        """As `Family.to_read`."""
        return boxes_to_read(maps, truth.shapes[words], image_index[words], jitter, predicted, generator)

    def misplaced(self, shapes: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
        """As `Family.misplaced`."""
        return misplaced_boxes(shapes, off, rng)
