"""Samples patches within the outlines of masks. This is both RoI masking (Liao et al. 2020, Mask TextSpotter v3,
arXiv:2007.09482) and rectification, since nothing outside an outline is sampled."""

from typing import cast

import torch
from torch import Tensor

from spotter.families import symbolic
from spotter.families.mask_textspotter.outlines import OUTLINES, measured, outline_places, placed
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.family import Geometry, Patches, RegionSampler
from spotter.model.regions import PatchSize, Sample, patch_widths, sample_regions


def outline_grid(outlines: Tensor, widths: Tensor, rows: int, columns: int) -> Tensor:
    """Positions [N, rows, columns, 2] of the middles of a patch's bins in regions [N, 32], in the same pixels as these;
    beyond `widths` int64 [N] they lie outside the region."""
    u = (torch.arange(columns, device=outlines.device) + 0.5) / widths.to(outlines.dtype)[:, None] - 0.5
    v = (torch.arange(rows, device=outlines.device, dtype=outlines.dtype) + 0.5) / rows - 0.5
    return torch.stack(outline_places(outlines, u, v), -1)


def widest(widths: Tensor, size: PatchSize) -> int:
    """The largest of `widths` int64 [N] of patches of that size; symbolic while a graph is traced."""
    columns = cast(int, widths.max().item())
    torch._check(columns >= size.min_width)  # type: ignore[no-untyped-call]
    torch._check(columns <= size.max_width)  # type: ignore[no-untyped-call]
    return columns


def cut_outlines(
    features: Tensor,
    outlines: Tensor,
    image_index: Tensor,
    widths: Tensor,
    shape: tuple[int, int],
    stride: int,
    sample: Sample = sample_regions,
) -> Tensor:
    """Patches [N, C, rows, columns] of regions [N, 32] (pixels of the map of `features` times `stride`), N at least 1;
    shape: rows and columns. A patch is zero beyond its own width, of `widths` int64 [N]."""
    grid = outline_grid(outlines, widths, *shape) / stride
    own = (torch.arange(shape[1], device=outlines.device) < widths[:, None])[:, None, None, :]
    return sample(features, grid, image_index) * own.to(features.dtype)


class OutlineSampler(RegionSampler):
    """The region sampler of a recogniser that reads the shared maps: the stem's detail and the shared features within
    outlines."""

    geometry: Geometry = OUTLINES

    def __init__(self, size: PatchSize, sample: Sample = sample_regions) -> None:
        super().__init__()
        self.size = size
        self._sample = sample

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        """As `RegionSampler.forward`; shapes are regions [N, 32]."""
        outlines = placed(shapes, anchors)
        widths = patch_widths(measured(outlines), self.size)
        rows, columns = self.size.height, widest(widths, self.size)
        return Patches(
            cut_outlines(fine, outlines, image_index, 2 * widths, (2 * rows, 2 * columns), STRIDE // 2, self._sample),
            cut_outlines(shared, outlines, image_index, widths, (rows, columns), STRIDE, self._sample),
            widths,
        )

    def symbolic(self) -> RegionSampler:
        """As `RegionSampler.symbolic`."""
        return OutlineSampler(self.size, symbolic.sample_regions)
