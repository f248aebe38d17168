"""Samples maps at the positions of regions of any shape.

Coordinates are half-pixel: the centre of a map's first element is (0.5, 0.5) elements, and bins are sampled at their
centres.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.family import Extent

Sample = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`sample_regions`, or its replacement during export."""


@dataclass(frozen=True)
class PatchSize:
    """The size of a region's patch.

    height: rows of the patch.
    min_width, max_width: limits of its columns; in between they are `height` times the region's aspect ratio, rounded
    up.
    """

    height: int
    min_width: int
    max_width: int


def patch_widths(extent: Extent, size: PatchSize) -> Tensor:
    """Columns int64 [N] that regions fill."""
    ratio = extent.lengths / extent.heights.clamp(min=1e-3)
    columns = torch.where(ratio.isnan(), 0.0, ratio * size.height)
    return columns.clamp(size.min_width, size.max_width).ceil().to(torch.int64)


def sample_regions(features: Tensor, grid: Tensor, image_index: Tensor) -> Tensor:
    """Bilinear samples [N, C, h, w] of maps [B, C, H, W] at positions (x, y) `grid` [N, h, w, 2], in elements, in the
    maps `image_index` [N].

    Positions off the map, and positions that are NaN, read as zero. The maps are laid end to end with a row of zeros
    between them and sampled once, so no map is copied for a region, and the memory grows with the number of words only.
    """
    batch, channels, height, width = features.shape
    regions, rows, columns, _ = grid.shape
    stacked = F.pad(features, (0, 0, 0, 1)).transpose(0, 1).reshape(1, channels, batch * (height + 1), width)
    # Index -1 is outside or the zero row of the map before, and index `height` is the map's own zero row: neither reads
    # another map.
    y = (grid[..., 1] - 0.5).clamp(-1, height).nan_to_num(-1)
    y = y + (image_index.to(grid.dtype) * (height + 1))[:, None, None]
    x = (grid[..., 0] - 0.5).clamp(-1, width).nan_to_num(-1)
    normalised = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / (batch * (height + 1)) - 1), -1)
    samples = F.grid_sample(
        stacked,
        normalised.reshape(1, regions * rows, columns, 2),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return samples.reshape(channels, regions, rows, columns).transpose(0, 1)
