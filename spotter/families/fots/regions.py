"""Sampling of slanted boxes: RoIRotate (Liu et al. 2018, FOTS, arXiv:1801.01671)."""

from typing import ClassVar

from torch import Tensor

from spotter.families.fots.boxes import SLANTED_BOXES, placed
from spotter.families.patches import OperatorSampler
from spotter.model.anchors import AnchorPoints
from spotter.model.family import Geometry


class RoIRotate(OperatorSampler):
    """FOTS's region sampler."""

    geometry: Geometry = SLANTED_BOXES
    operator: ClassVar[str] = "RoIRotate"

    def placed(self, shapes: Tensor, anchors: AnchorPoints) -> Tensor:
        """As `GridSampler.placed`; shapes are boxes [N, 6]."""
        return placed(shapes, anchors)
