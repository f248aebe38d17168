"""Sampling between two Bezier curves: BezierAlign (Liu et al. 2020, ABCNet, arXiv:2002.10200), and the operator that
replaces it in a graph."""

from typing import cast

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import BEZIER_REGIONS, bezier_places, measured, placed
from spotter.families.symbolic import emit
from spotter.model.anchors import AnchorPoints
from spotter.model.family import Geometry, Patches, RegionSampler
from spotter.model.regions import PatchSize, patch_widths, sample_regions


def curve_widths(curves: Tensor, size: PatchSize) -> Tensor:
    """Columns int64 [N] that regions [N, 16] fill."""
    return patch_widths(measured(curves), size)


def bezier_align(
    features: Tensor, curves: Tensor, image_index: Tensor, widths: Tensor, height: int, stride: int
) -> Tensor:
    """Patches [N, C, height, W] of regions [N, 16] (picture pixels), W being the largest of `widths` int64 [N].

    Bins lie at the middles of equal steps of t and of equal steps from the upper curve to the lower one, so that a
    curve's end is sampled like its start. A patch is zero beyond its own width. N must be at least 1.
    """
    columns = torch.arange(int(widths.max()), device=curves.device)
    u = (columns.to(curves.dtype) + 0.5) / widths.to(curves.dtype)[:, None] - 0.5
    v = (torch.arange(height, device=curves.device, dtype=curves.dtype) + 0.5) / height - 0.5
    grid = torch.stack(bezier_places(curves, u, v), -1) / stride
    inside = (columns < widths[:, None])[:, None, None, :]
    return sample_regions(features, grid, image_index) * inside.to(features.dtype)


class BezierAlign(RegionSampler):
    """ABCNet's region sampler: the stem's detail and the shared features between two curves."""

    geometry: Geometry = BEZIER_REGIONS

    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.size = size

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """As `RegionSampler.forward`; shapes are regions [N, 16]."""
        curves = placed(shapes, anchors)
        widths = curve_widths(curves, self.size)
        height = self.size.height
        return Patches(
            bezier_align(fine, curves, image_index, 2 * widths, 2 * height, 2),
            bezier_align(shared, curves, image_index, widths, height, 4),
            widths,
        )

    def symbolic(self) -> RegionSampler:
        """As `RegionSampler.symbolic`."""
        return SymbolicBezierAlign(self.size)


class SymbolicBezierAlign(BezierAlign):
    """Replaces `BezierAlign` during export: emits the operator instead of its arithmetic."""

    def _emit(
        self, features: Tensor, curves: Tensor, image_index: Tensor, columns: int, scale: int, stride: int
    ) -> Tensor:
        limits = {"min_width": self.size.min_width, "max_width": self.size.max_width}
        return emit(
            "BezierAlign",
            (features, curves, image_index),
            {"height": scale * self.size.height, **limits, "scale": scale, "stride": stride},
            features.dtype,
            (curves.shape[0], features.shape[1], scale * self.size.height, scale * columns),
        )

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """As `BezierAlign.forward`."""
        curves = placed(shapes, anchors)
        widths = curve_widths(curves, self.size)
        # Symbolic while tracing: int() would fix it to the example's value.
        columns = cast(int, widths.max().item())
        torch._check(columns >= self.size.min_width)  # type: ignore[no-untyped-call]
        torch._check(columns <= self.size.max_width)  # type: ignore[no-untyped-call]
        return Patches(
            self._emit(fine, curves, image_index, columns, 2, 2),
            self._emit(shared, curves, image_index, columns, 1, 4),
            widths,
        )
