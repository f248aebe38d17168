"""Sampling of slanted boxes: RoIRotate (Liu et al. 2018, FOTS, arXiv:1801.01671), and the operator that replaces it in
a graph."""

from typing import cast

import torch
from torch import Tensor

from spotter.families.fots.boxes import SLANTED_BOXES, box_places, placed
from spotter.families.symbolic import emit
from spotter.model.anchors import AnchorPoints
from spotter.model.family import Geometry, Patches, RegionSampler
from spotter.model.regions import PatchSize, patch_widths, sample_regions


def box_widths(boxes: Tensor, size: PatchSize) -> Tensor:
    """Columns int64 [N] that boxes [N, 6] fill."""
    return patch_widths(SLANTED_BOXES.extent(boxes), size)


def rotated_grid(boxes: Tensor, widths: Tensor, height: int, columns: Tensor, stride: int) -> Tensor:
    """Positions (x, y), float32 [N, height, columns, 2], in a map at `stride` from which the bins of boxes [N, 6] are
    sampled.

    columns: indices of the patch's columns; those at or beyond a region's own width lie outside the region.
    """
    u = (columns.to(boxes.dtype) + 0.5) / widths.to(boxes.dtype)[:, None] - 0.5  # N x W
    v = (torch.arange(height, device=boxes.device, dtype=boxes.dtype) + 0.5) / height - 0.5  # h
    return torch.stack(box_places(boxes, u, v), -1) / stride


def roi_rotate(
    features: Tensor, boxes: Tensor, image_index: Tensor, widths: Tensor, height: int, stride: int
) -> Tensor:
    """Patches [N, C, height, W] of slanted boxes [N, 6] (picture pixels), W being the largest of `widths` int64 [N].

    A patch is zero beyond its own width. N must be at least 1.
    """
    columns = torch.arange(int(widths.max()), device=boxes.device)
    grid = rotated_grid(boxes, widths, height, columns, stride)
    inside = (columns < widths[:, None])[:, None, None, :]
    return sample_regions(features, grid, image_index) * inside.to(features.dtype)


class RoIRotate(RegionSampler):
    """FOTS's region sampler: the stem's detail and the shared features of one slanted box."""

    geometry: Geometry = SLANTED_BOXES

    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.size = size

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """As `RegionSampler.forward`; shapes are boxes [N, 6]."""
        boxes = placed(shapes, anchors)
        widths = box_widths(boxes, self.size)
        height = self.size.height
        return Patches(
            roi_rotate(fine, boxes, image_index, 2 * widths, 2 * height, 2),
            roi_rotate(shared, boxes, image_index, widths, height, 4),
            widths,
        )

    def symbolic(self) -> RegionSampler:
        """As `RegionSampler.symbolic`."""
        return SymbolicRoIRotate(self.size)


class SymbolicRoIRotate(RoIRotate):
    """Replaces `RoIRotate` during export: emits the operator instead of its arithmetic."""

    def _emit(
        self, features: Tensor, boxes: Tensor, image_index: Tensor, columns: int, scale: int, stride: int
    ) -> Tensor:
        limits = {"min_width": self.size.min_width, "max_width": self.size.max_width}
        return emit(
            "RoIRotate",
            (features, boxes, image_index),
            {"height": scale * self.size.height, **limits, "scale": scale, "stride": stride},
            features.dtype,
            (boxes.shape[0], features.shape[1], scale * self.size.height, scale * columns),
        )

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """As `RoIRotate.forward`."""
        boxes = placed(shapes, anchors)
        widths = box_widths(boxes, self.size)
        # Symbolic while tracing: int() would fix it to the example's value.
        columns = cast(int, widths.max().item())
        torch._check(columns >= self.size.min_width)  # type: ignore[no-untyped-call]
        torch._check(columns <= self.size.max_width)  # type: ignore[no-untyped-call]
        return Patches(
            self._emit(fine, boxes, image_index, columns, 2, 2),
            self._emit(shared, boxes, image_index, columns, 1, 4),
            widths,
        )
