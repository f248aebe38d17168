"""Anchor points: the centres of a detection map's positions, and where they lie in the picture."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spotter.model.pyramid import GAP, LEVEL_HEIGHTS, SMALL_GAP, Placement, level_of, mosaic_height, placement

STRIDE = 4
_LARGEST = 1.3 * LEVEL_HEIGHTS[0]  # pixels; taller words are found at the next level
_SMALLEST = 0.85 * LEVEL_HEIGHTS[0] / 2  # pixels; smaller words are found at the level before


@dataclass(frozen=True)
class AnchorPoints:
    """Where the anchor points of a map lie in the picture.

    x, y: float32 [H, W], in the picture's pixels. scale: float32 [H, W], how many of the picture's pixels one pixel of
    the map is. inside: bool [H, W], false between the levels of a mosaic. mosaic: (height, width) of the picture in
    pixels where the map is the mosaic of its pyramid, None where it is one plain map.
    """

    x: Tensor
    y: Tensor
    scale: Tensor
    inside: Tensor
    mosaic: tuple[int, int] | None = None

    def placement(self, heights: Tensor) -> Placement | None:
        """Where words of heights [N], in the picture's pixels, lie in the map, STRIDE pixels to a position; None where
        they lie as in the picture."""
        return None if self.mosaic is None else placement(level_of(heights), *self.mosaic)

    def fits(self, heights: Tensor) -> Tensor:
        """bool [..., H, W]: whether words of `heights` [..., H, W], in the map's pixels, are of the size that the level
        of each point finds."""
        if self.mosaic is None:
            return torch.ones_like(heights, dtype=torch.bool)
        last = self.scale >= 2 ** len(LEVEL_HEIGHTS)
        fitting: Tensor = ((heights < _LARGEST) | last) & ((heights >= _SMALLEST) | (self.scale == 1))
        return fitting


def plain_anchors(rows: int, columns: int, device: torch.device) -> AnchorPoints:
    """The anchor points of one map at STRIDE."""
    y = ((torch.arange(rows, device=device) + 0.5) * STRIDE)[:, None].expand(rows, columns)
    x = ((torch.arange(columns, device=device) + 0.5) * STRIDE).expand(rows, columns)
    return AnchorPoints(x, y, torch.ones_like(x), torch.ones_like(x, dtype=torch.bool))


def mosaic_anchors(height: int, width: int, device: torch.device) -> AnchorPoints:
    """The anchor points of the mosaic of a picture of height x width pixels (see `spotter.model.pyramid`)."""
    plain = plain_anchors(mosaic_height(height) // STRIDE, width // STRIDE, device)
    below, right = height + GAP, width // 2 + GAP
    lowest = below + height // 4 + SMALL_GAP

    def part(top: int, left: int, size: int) -> Tensor:
        y, x = plain.y - top, plain.x - left
        return (y > 0) & (y < height // size) & (x > 0) & (x < width // size)

    first, second, third = part(below, 0, 2), part(below, right, 4), part(lowest, right, 8)
    lower, on_right = first | second | third, second | third
    dtype = plain.x.dtype
    scale = 1.0 + first.to(dtype) + 3.0 * second.to(dtype) + 7.0 * third.to(dtype)
    x = (plain.x - right * on_right.to(dtype)) * scale
    y = (plain.y - below * lower.to(dtype) - (height // 4 + SMALL_GAP) * third.to(dtype)) * scale
    return AnchorPoints(x, y, scale, (plain.y < height) | lower, (height, width))
