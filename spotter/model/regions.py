"""Sampling of regions: RoIRotate (Liu et al. 2018, FOTS, arXiv:1801.01671).

Coordinates are half-pixel: the centre of a map's first cell is (0.5, 0.5) cells, and bins are sampled at their centres.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class PatchSize:
    """How a region becomes a patch.

    height: rows of the patch.
    min_width, max_width: columns; in between they are `height` times the region's aspect ratio, rounded up.
    """

    height: int
    min_width: int
    max_width: int


def patch_widths(boxes: Tensor, size: PatchSize) -> Tensor:
    """Columns int64 [N] that boxes [N, 5] fill."""
    ratio = boxes[:, 2] / boxes[:, 3].clamp(min=1e-3)
    columns = torch.where(ratio.isnan(), 0.0, ratio * size.height)
    return columns.clamp(size.min_width, size.max_width).ceil().to(torch.int64)


def rotated_grid(boxes: Tensor, widths: Tensor, height: int, columns: Tensor, stride: int) -> Tensor:
    """Cells (x, y), float32 [N, height, columns, 2], of a map at `stride` that the bins of boxes [N, 5] read.

    columns: arange of the patch's columns; those at or beyond a region's own width lie outside it.
    """
    u = (columns.to(boxes.dtype) + 0.5) / widths.to(boxes.dtype)[:, None] - 0.5  # N x W
    v = (torch.arange(height, device=boxes.device, dtype=boxes.dtype) + 0.5) / height - 0.5  # h
    cx, cy, w, h, theta = (value[:, None, None] for value in boxes.unbind(-1))
    along = u[:, None, :] * w
    down = v[None, :, None] * h
    cos, sin = theta.cos(), theta.sin()
    x = cx + along * cos - down * sin
    y = cy + along * sin + down * cos
    return torch.stack((x, y), -1) / stride


def sample_regions(features: Tensor, grid: Tensor, image_index: Tensor) -> Tensor:
    """Bilinear samples [N, C, h, w] of maps [B, C, H, W] at cells [N, h, w, 2] of the maps `image_index` [N].

    Cells off the map read as zero. The maps are laid end to end with a row of zeros between them and sampled once, so
    no map is copied for a region and memory grows with the words alone.
    """
    batch, channels, height, width = features.shape
    regions, rows, columns, _ = grid.shape
    strip = F.pad(features, (0, 0, 0, 1)).transpose(0, 1).reshape(1, channels, batch * (height + 1), width)
    # Index -1 is off the strip or the zero row of the map before, index `height` the map's own: none reads a neighbour.
    y = (grid[..., 1] - 0.5).clamp(-1, height) + (image_index.to(grid.dtype) * (height + 1))[:, None, None]
    x = (grid[..., 0] - 0.5).clamp(-1, width)
    normalised = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / (batch * (height + 1)) - 1), -1)
    samples = F.grid_sample(
        strip,
        normalised.reshape(1, regions * rows, columns, 2),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return samples.reshape(channels, regions, rows, columns).transpose(0, 1)


def roi_rotate(
    features: Tensor, boxes: Tensor, image_index: Tensor, widths: Tensor, height: int, stride: int
) -> Tensor:
    """Patches [N, C, height, W] of rotated boxes [N, 5] (picture pixels), W being the largest of `widths` int64 [N].

    A patch is zero beyond its own width. N must be at least 1.
    """
    columns = torch.arange(int(widths.max()), device=boxes.device)
    grid = rotated_grid(boxes, widths, height, columns, stride)
    inside = (columns < widths[:, None])[:, None, None, :]
    return sample_regions(features, grid, image_index) * inside.to(features.dtype)


@dataclass(frozen=True)
class Patches:
    """fine: [N, C, 2 height, 2 W], sampled at stride 2. coarse: [N, C, height, W], sampled at stride 4.
    widths: int64 [N], columns of `coarse` that belong to the region."""

    fine: Tensor
    coarse: Tensor
    widths: Tensor


LEVELS = 3
MOSAIC_GAP = 16  # pixels of zeros between the levels
LEVEL_HEIGHTS = (40.0, 80.0)  # pixels; words this high and higher are found and read a level further up


def mosaic(levels: Sequence[Tensor], stride: int) -> Tensor:
    """Three levels of a pyramid [B, C, H, W], [B, C, H/2, W/2], [B, C, H/4, W/4] in one map, zeros between them.

        +-----------------+
        |     level 0     |      A word is found and sampled at the level at which its text has ordinary size, so that
        |                 |      detector and recogniser see one scale (level assignment as in Lin et al. 2017,
        +--------+-+------+      arXiv:1612.03144).
        | level 1| | 2    |
        +--------+-+------+

    The finest level is at `stride`. W must be at least 64 pixels. Boxes find their places by `place_in_mosaic`.
    """
    finest, middle, coarsest = levels
    gap = MOSAIC_GAP // stride
    height, width = finest.shape[-2:]
    lower = torch.cat((F.pad(middle, (0, gap)), F.pad(coarsest, (0, 0, 0, height // 2 - height // 4))), 3)
    lower = F.pad(lower, (0, width - width // 2 - gap - width // 4))
    return torch.cat((F.pad(finest, (0, 0, 0, gap)), lower), 2)


def place_in_mosaic(boxes: Tensor, height: int, width: int) -> Tensor:
    """Boxes [N, 5] in the pixels of a picture of `height` x `width` -> boxes in the pixels of its mosaic."""
    h = boxes[:, 3]
    first, second = ((h >= limit).to(boxes.dtype) for limit in LEVEL_HEIGHTS)
    scale = 1 - first * 0.5 - second * 0.25
    x = boxes[:, 0] * scale + second * (width // 2 + MOSAIC_GAP)
    y = boxes[:, 1] * scale + first * (height + MOSAIC_GAP)
    return torch.stack((x, y, boxes[:, 2] * scale, h * scale, boxes[:, 4]), 1)


class RoIRotate(nn.Module):
    """FOTS's region sampler: the stem's detail and the shared features, from one box and one level of the pyramid."""

    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.size = size

    def forward(self, fine: Tensor, shared: Tensor, boxes: Tensor, image_index: Tensor) -> Patches:
        """Mosaics whose finest levels are at strides 2 and 4, boxes [N, 5] in their pixels, N at least 1."""
        widths = patch_widths(boxes, self.size)
        height = self.size.height
        return Patches(
            roi_rotate(fine, boxes, image_index, 2 * widths, 2 * height, 2),
            roi_rotate(shared, boxes, image_index, widths, height, 4),
            widths,
        )
