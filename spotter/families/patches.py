"""Cuts patches out of the shared maps at the grids of a family's geometry: RoIRotate (Liu et al. 2018, FOTS,
arXiv:1801.01671), BezierAlign (Liu et al. 2020, ABCNet, arXiv:2002.10200) and the like differ only in where a region's
bins lie."""

from typing import ClassVar, cast

import torch
from torch import Tensor

from spotter.families import symbolic
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.family import Geometry, Patches, RegionSampler
from spotter.model.regions import PatchSize, Sample, patch_widths, sample_regions


def bins(geometry: Geometry, shapes: Tensor, widths: Tensor, rows: int, columns: int) -> Tensor:
    """Positions (x, y), float32 [N, rows, columns, 2], of the middles of a patch's bins in regions [N, G], in the same
    pixels as these; from the columns `widths` int64 [N] on they lie outside the region."""
    u = (torch.arange(columns, device=shapes.device).to(shapes.dtype) + 0.5) / widths.to(shapes.dtype)[:, None] - 0.5
    v = (torch.arange(rows, device=shapes.device, dtype=shapes.dtype) + 0.5) / rows - 0.5
    return torch.stack(geometry.places(shapes, u, v), -1)


def cut(
    geometry: Geometry,
    features: Tensor,
    shapes: Tensor,
    image_index: Tensor,
    widths: Tensor,
    size: tuple[int, int],
    stride: int,
    sample: Sample = sample_regions,
) -> Tensor:
    """Patches [N, C, rows, columns] of regions [N, G] (pixels of the map of `features` times `stride`), N at least 1;
    size: rows and columns. A patch is zero beyond its own width, of `widths` int64 [N]."""
    grid = bins(geometry, shapes, widths, *size) / stride
    own = (torch.arange(size[1], device=shapes.device) < widths[:, None])[:, None, None, :]
    return sample(features, grid, image_index) * own.to(features.dtype)


def widest(widths: Tensor, size: PatchSize) -> int:
    """The largest of `widths` int64 [N] of patches of that size; symbolic while a graph is traced, where int() would
    fix it to the example's value."""
    columns = cast(int, widths.max().item())
    torch._check(columns >= size.min_width)  # type: ignore[no-untyped-call]
    torch._check(columns <= size.max_width)  # type: ignore[no-untyped-call]
    return columns


class GridSampler(RegionSampler):
    """Samples the stem's detail and the shared features of a region at the bins of its geometry."""

    def __init__(self, size: PatchSize, sample: Sample = sample_regions) -> None:
        super().__init__()
        self.size = size
        self._sample = sample

    def placed(self, shapes: Tensor, anchors: AnchorPoints) -> Tensor:
        """Shapes [N, G] in the picture's pixels -> in the pixels of the map of these anchor points."""
        raise NotImplementedError

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """As `RegionSampler.forward`."""
        there = self.placed(shapes, anchors)
        widths = patch_widths(self.geometry.extent(there), self.size)
        columns = widest(widths, self.size)
        return Patches(
            self.patches(fine, there, image_index, widths, columns, 2),
            self.patches(shared, there, image_index, widths, columns, 1),
            widths,
        )

    def patches(
        self, features: Tensor, shapes: Tensor, image_index: Tensor, widths: Tensor, columns: int, scale: int
    ) -> Tensor:
        """Patches of a map at a stride of STRIDE / scale, with `scale` times the rows and columns, of shapes as
        `placed` returns them."""
        size = scale * self.size.height, scale * columns
        return cut(
            self.geometry, features, shapes, image_index, scale * widths, size, STRIDE // scale, sample=self._sample
        )

    def symbolic(self) -> RegionSampler:
        """As `RegionSampler.symbolic`: the same with the operator that samples at given positions."""
        return type(self)(self.size, symbolic.sample_regions)


class OperatorSampler(GridSampler):
    """A grid sampler of which one operator computes the grid, too; it takes the maps, the shapes and `image_index`.

    operator: its name in the domain `spotter`.
    """

    operator: ClassVar[str]

    def symbolic(self) -> RegionSampler:
        """As `RegionSampler.symbolic`: the same with that operator."""
        return _Emitting(self)


class _Emitting(GridSampler):
    """Replaces an operator's sampler during export."""

    def __init__(self, sampler: OperatorSampler) -> None:
        super().__init__(sampler.size)
        self.geometry = sampler.geometry
        self._sampler = sampler

    def placed(self, shapes: Tensor, anchors: AnchorPoints) -> Tensor:
        return self._sampler.placed(shapes, anchors)

    def patches(
        self, features: Tensor, shapes: Tensor, image_index: Tensor, widths: Tensor, columns: int, scale: int
    ) -> Tensor:
        limits = {"min_width": self.size.min_width, "max_width": self.size.max_width}
        return symbolic.emit(
            self._sampler.operator,
            (features, shapes, image_index),
            {"height": scale * self.size.height, **limits, "scale": scale, "stride": STRIDE // scale},
            features.dtype,
            (shapes.shape[0], features.shape[1], scale * self.size.height, scale * columns),
        )
