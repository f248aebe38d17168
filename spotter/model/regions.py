"""Sampling of regions: RoIRotate (Liu et al. 2018, FOTS, arXiv:1801.01671).

Coordinates are half-pixel: the centre of a map's first cell is (0.5, 0.5) cells, and bins are sampled at their centres.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.cells import Cells
from spotter.model.family import Patches, RegionSampler
from spotter.model.geometry import boxes_to_polygons


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
    """Columns int64 [N] that boxes [N, 6] fill."""
    ratio = boxes[:, 2] / boxes[:, 3].clamp(min=1e-3)
    columns = torch.where(ratio.isnan(), 0.0, ratio * size.height)
    return columns.clamp(size.min_width, size.max_width).ceil().to(torch.int64)


def rotated_grid(boxes: Tensor, widths: Tensor, height: int, columns: Tensor, stride: int) -> Tensor:
    """Cells (x, y), float32 [N, height, columns, 2], of a map at `stride` that the bins of boxes [N, 6] read.

    columns: arange of the patch's columns; those at or beyond a region's own width lie outside it.
    """
    u = (columns.to(boxes.dtype) + 0.5) / widths.to(boxes.dtype)[:, None] - 0.5  # N x W
    v = (torch.arange(height, device=boxes.device, dtype=boxes.dtype) + 0.5) / height - 0.5  # h
    cx, cy, w, h, theta, slant = (value[:, None, None] for value in boxes.unbind(-1))
    down = v[None, :, None] * h
    along = u[:, None, :] * w + slant * down
    cos, sin = theta.cos(), theta.sin()
    x = cx + along * cos - down * sin
    y = cy + along * sin + down * cos
    return torch.stack((x, y), -1) / stride


def sample_regions(features: Tensor, grid: Tensor, image_index: Tensor) -> Tensor:
    """Bilinear samples [N, C, h, w] of maps [B, C, H, W] at cells [N, h, w, 2] of the maps `image_index` [N].

    Cells off the map read as zero, and so does a place that is not a number. The maps are laid end to end with a row
    of zeros between them and sampled once, so no map is copied for a region and memory grows with the words alone.
    """
    batch, channels, height, width = features.shape
    regions, rows, columns, _ = grid.shape
    strip = F.pad(features, (0, 0, 0, 1)).transpose(0, 1).reshape(1, channels, batch * (height + 1), width)
    # Index -1 is off the strip or the zero row of the map before, index `height` the map's own: none reads a neighbour.
    y = (grid[..., 1] - 0.5).clamp(-1, height).nan_to_num(-1)
    y = y + (image_index.to(grid.dtype) * (height + 1))[:, None, None]
    x = (grid[..., 0] - 0.5).clamp(-1, width).nan_to_num(-1)
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
    """Patches [N, C, height, W] of rotated boxes [N, 6] (picture pixels), W being the largest of `widths` int64 [N].

    A patch is zero beyond its own width. N must be at least 1.
    """
    columns = torch.arange(int(widths.max()), device=boxes.device)
    grid = rotated_grid(boxes, widths, height, columns, stride)
    inside = (columns < widths[:, None])[:, None, None, :]
    return sample_regions(features, grid, image_index) * inside.to(features.dtype)


class RoIRotate(RegionSampler):
    """FOTS's region sampler: the stem's detail and the shared features of one rotated box."""

    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        self.size = size

    def forward(self, fine: Tensor, shared: Tensor, cells: Cells, shapes: Tensor, image_index: Tensor) -> Patches:
        """As `RegionSampler.forward`; shapes are boxes [N, 6]."""
        boxes = cells.place(shapes)
        widths = patch_widths(boxes, self.size)
        height = self.size.height
        return Patches(
            roi_rotate(fine, boxes, image_index, 2 * widths, 2 * height, 2),
            roi_rotate(shared, boxes, image_index, widths, height, 4),
            widths,
        )

    def polygons(self, shapes: Tensor) -> Tensor:
        """The corners [N, 4, 2] of boxes [N, 6]."""
        return boxes_to_polygons(shapes)
