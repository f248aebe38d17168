"""Patches of each family's regions, and their widths, without a network around them."""

from torch import Tensor

from spotter.families.abcnet.bezier import BEZIER_REGIONS
from spotter.families.fots.boxes import SLANTED_BOXES
from spotter.families.patches import bins, cut
from spotter.model.regions import PatchSize, patch_widths


def box_widths(boxes: Tensor, size: PatchSize) -> Tensor:
    """Columns int64 [N] that boxes [N, 6] fill."""
    return patch_widths(SLANTED_BOXES.extent(boxes), size)


def curve_widths(curves: Tensor, size: PatchSize) -> Tensor:
    """Columns int64 [N] that regions [N, 16] fill."""
    return patch_widths(BEZIER_REGIONS.extent(curves), size)


def rotated_grid(boxes: Tensor, widths: Tensor, rows: int, columns: int, stride: int) -> Tensor:
    """The bins of boxes [N, 6] in a map at `stride`."""
    return bins(SLANTED_BOXES, boxes, widths, rows, columns) / stride


def roi_rotate(features: Tensor, boxes: Tensor, image_index: Tensor, widths: Tensor, rows: int, stride: int) -> Tensor:
    """Patches of boxes [N, 6], as wide as the widest."""
    return cut(SLANTED_BOXES, features, boxes, image_index, widths, (rows, int(widths.max())), stride)


def bezier_align(
    features: Tensor, curves: Tensor, image_index: Tensor, widths: Tensor, rows: int, stride: int
) -> Tensor:
    """Patches of regions [N, 16], as wide as the widest."""
    return cut(BEZIER_REGIONS, features, curves, image_index, widths, (rows, int(widths.max())), stride)
