"""Sampling between two Bezier curves: BezierAlign (Liu et al. 2020, ABCNet, arXiv:2002.10200)."""

from typing import ClassVar

from torch import Tensor

from spotter.families.abcnet.bezier import BEZIER_REGIONS, placed
from spotter.families.patches import OperatorSampler
from spotter.model.anchors import AnchorPoints
from spotter.model.family import Geometry


class BezierAlign(OperatorSampler):
    """ABCNet's region sampler.

    Bins lie at the middles of equal steps of t and of equal steps from the upper curve to the lower one, so a curve's
    end is sampled like its start.
    """

    geometry: Geometry = BEZIER_REGIONS
    operator: ClassVar[str] = "BezierAlign"

    def placed(self, shapes: Tensor, anchors: AnchorPoints) -> Tensor:
        """As `GridSampler.placed`; shapes are regions [N, 16]."""
        return placed(shapes, anchors)
