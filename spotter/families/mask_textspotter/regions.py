"""Samples patches within the outlines of masks. This is both RoI masking (Liao et al. 2020, Mask TextSpotter v3,
arXiv:2007.09482) and rectification, since nothing outside an outline is sampled."""

from torch import Tensor

from spotter.families.mask_textspotter.outlines import OUTLINES, placed
from spotter.families.patches import GridSampler
from spotter.model.anchors import AnchorPoints
from spotter.model.family import Geometry


class OutlineSampler(GridSampler):
    """The region sampler of a recogniser that reads the shared maps."""

    geometry: Geometry = OUTLINES

    def placed(self, shapes: Tensor, anchors: AnchorPoints) -> Tensor:
        """As `GridSampler.placed`; shapes are regions [N, 32]."""
        return placed(shapes, anchors)
