"""ABCNet (Liu et al. 2020, arXiv:2002.10200) behind the interface that all families share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Generator, Tensor

from spotter.families.abcnet.bezier import BEZIER_REGIONS
from spotter.families.abcnet.config import CurveConfig
from spotter.families.abcnet.head import CurveHead
from spotter.families.abcnet.learning import curves_to_read, misplaced_curves
from spotter.families.abcnet.losses import curve_losses
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.regions import BezierAlign
from spotter.families.abcnet.targets import CurveTruth, curve_truth
from spotter.families.interface import Misplacement, Texts
from spotter.model.family import Geometry
from spotter.model.regions import PatchSize


class ABCNet:
    """Words between two Bezier curves: each anchor point in a word's core predicts a score and eight control points."""

    config: type[Any] = CurveConfig
    parts: Mapping[str, float] = MappingProxyType({"points": 4.0, "ends": 1.0, "direction": 2.0})
    geometry: Geometry = BEZIER_REGIONS

    def read_config(self, values: Mapping[str, Any]) -> CurveConfig:
        """As `Family.read_config`."""
        return CurveConfig(**values)

    def head(self, inputs: int, config: CurveConfig, classes: int) -> CurveHead:
        """As `Family.head`."""
        return CurveHead(inputs, config)

    def sampler(self, size: PatchSize, config: CurveConfig) -> BezierAlign:
        """As `Family.sampler`."""
        return BezierAlign(size)

    def truth(self, polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> CurveTruth:
        """As `Family.truth`; shapes are regions [N, 16]."""
        return curve_truth(polygons, image_index, ignore, shape)

    def with_texts(self, truth: CurveTruth, texts: Texts) -> CurveTruth:
        """As `Family.with_texts`: its head does not read."""
        return truth

    def losses(self, maps: CurveMaps, truth: CurveTruth, weights: Tensor) -> dict[str, Tensor]:
        """As `Family.losses`."""
        return dict(zip(self.parts, curve_losses(maps, truth, weights), strict=True))

    def to_read(
        self,
        maps: CurveMaps,
        truth: CurveTruth,
        words: Tensor,
        image_index: Tensor,
        jitter: float,
        predicted: float,
        generator: Generator,
    ) -> Tensor:
        """As `Family.to_read`."""
        return curves_to_read(maps, truth.shapes[words], image_index[words], jitter, predicted, generator)

    def misplaced(self, shapes: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
        """As `Family.misplaced`."""
        return misplaced_curves(shapes, off, rng)
