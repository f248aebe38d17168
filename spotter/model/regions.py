"""Sampling of regions: RoIRotate (Liu et al. 2018, FOTS, arXiv:1801.01671).

Coordinates are half-pixel: the centre of a map's first cell is (0.5, 0.5) cells, and bins are sampled at their centres.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class PatchSize:
    """How a region becomes a patch.

    height: rows of the patch.
    min_width, max_width: columns; in between they are `height` times the region's aspect ratio.
    step: columns come in multiples of it, so that patches of twice the size have exactly twice the columns.
    """

    height: int
    min_width: int
    max_width: int
    step: int = 1


def patch_widths(boxes: Tensor, size: PatchSize) -> Tensor:
    """Columns int64 [N] that boxes [N, 5] fill."""
    ratio = boxes[:, 2] / boxes[:, 3].clamp(min=1e-3)
    columns = (ratio * (size.height / size.step)).ceil().nan_to_num(nan=0.0)
    columns = columns.clamp(size.min_width / size.step, size.max_width / size.step)
    return columns.to(torch.int64) * size.step


def rotated_grid(boxes: Tensor, widths: Tensor, height: int, columns: Tensor, stride: int) -> Tensor:
    """Cells (x, y), float32 [N, height, columns, 2], of a map at `stride` that the bins of boxes [N, 5] read.

    columns: arange of the patch's columns; those at or beyond a region's own width lie outside it.
    """
    u = (columns.to(boxes.dtype) + 0.5) / widths.to(boxes.dtype)[:, None] - 0.5  # N x W
    v = (torch.arange(height, device=boxes.device, dtype=boxes.dtype) + 0.5) / height - 0.5  # h
    cx, cy, w, h, theta = (value[:, None, None] / 1 for value in boxes.unbind(-1))
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
    strip = F.pad(features, (0, 0, 1, 0)).transpose(0, 1).reshape(1, channels, batch * (height + 1), width)
    strip = F.pad(strip, (0, 0, 0, 1))
    # Index -1 and index `height` are the zero rows of a map, so no sample reads its neighbour.
    y = (grid[..., 1] - 0.5).clamp(-1, height) + (image_index.to(grid.dtype) * (height + 1) + 1)[:, None, None]
    x = (grid[..., 0] - 0.5).clamp(-1, width)
    normalised = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / (batch * (height + 1) + 1) - 1), -1)
    samples = F.grid_sample(
        strip,
        normalised.reshape(1, regions * rows, columns, 2),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return samples.reshape(channels, regions, rows, columns).transpose(0, 1)


def roi_rotate(
    features: Tensor, boxes: Tensor, image_index: Tensor, size: PatchSize, stride: int
) -> tuple[Tensor, Tensor]:
    """Patches [N, C, height, W] of rotated boxes [N, 5] (picture pixels) and their widths int64 [N].

    W is the widest region's width; a patch is zero beyond its own. N must be at least 1.
    """
    widths = patch_widths(boxes, size)
    columns = torch.arange(int(widths.max()), device=boxes.device)
    grid = rotated_grid(boxes, widths, size.height, columns, stride)
    patches = sample_regions(features, grid, image_index)
    inside = columns < widths[:, None]
    return patches * inside[:, None, None, :].to(patches.dtype), widths


class RoIRotate(nn.Module):
    """`roi_rotate` with its numbers bound."""

    def __init__(self, size: PatchSize, stride: int) -> None:
        super().__init__()
        self.size = size
        self.stride = stride

    def forward(self, features: Tensor, boxes: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """See `roi_rotate`."""
        return roi_rotate(features, boxes, image_index, self.size, self.stride)
