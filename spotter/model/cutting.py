"""Words cut from the picture itself, packed end to end, for a recogniser that reads pixels.

A region is cut with margins on all sides, and a fourth channel marks what of the patch lies inside it: a letter that the
box cut in half can still be seen, and its neighbours need not be read.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from spotter.model.packing import UNIT, Packing, pack
from spotter.model.pyramid import join, level_of, lower_canvas, place
from spotter.model.regions import sample_regions

LEVEL_HEIGHTS = (70.0, 140.0, 280.0)
"""Pixels of the picture; higher words are cut from a level further up, so that they are never shrunk by much more than
the patch's own height asks for."""


@dataclass(frozen=True)
class CutSize:
    """How a region becomes a patch.

    rows: pixels of height. longest: units of width at most. beside, above: margins, as shares of the region's height.
    """

    rows: int = 48
    longest: int = 144
    beside: float = 0.3
    above: float = 0.1


@dataclass(frozen=True)
class Cut:
    """patches: float32 [1, 4, rows, 8 U], packed. packing: of the N words. longest: units of the longest word."""

    patches: Tensor
    packing: Packing
    longest: int


def picture_mosaic(pictures: Tensor, empty: float) -> Tensor:
    """Normalised pictures [B, 3, H, W], their sides multiples of 64, and the levels of their pyramids, in one map."""
    return join(pictures, lower_canvas(pictures, empty), 1)


def with_margins(boxes: Tensor, size: CutSize) -> Tensor:
    """Boxes [N, 6] widened by the margins."""
    w = boxes[:, 2] + 2 * size.beside * boxes[:, 3]
    h = boxes[:, 3] * (1 + 2 * size.above)
    return torch.stack((boxes[:, 0], boxes[:, 1], w, h, boxes[:, 4], boxes[:, 5]), 1)


def cut(mosaic: Tensor, boxes: Tensor, image_index: Tensor, height: int, width: int, size: CutSize) -> Cut:
    """Cuts boxes [N, 6], pixels of pictures of `height` x `width`, from their mosaics [B, 3, H, W]; N at least 1."""
    whole = with_margins(boxes, size)
    ratio = (whole[:, 2] / whole[:, 3].clamp(min=1e-3)).nan_to_num(0.0)
    lengths = (ratio * size.rows / UNIT).clamp(1, size.longest).round().to(torch.int64)
    packing = pack(lengths)
    units = lengths[packing.word].to(boxes.dtype)
    columns = torch.arange(UNIT, device=boxes.device, dtype=boxes.dtype)
    u = (packing.position[:, None] * UNIT + columns + 0.5) / (units * UNIT)[:, None] - 0.5  # U x 8
    v = (torch.arange(size.rows, device=boxes.device, dtype=boxes.dtype) + 0.5) / size.rows - 0.5
    placed = place(whole, height, width, level_of(boxes[:, 3], LEVEL_HEIGHTS))[packing.word]
    cx, cy, w, h, theta, slant = (value[:, None, None] for value in placed.unbind(-1))
    down = v[None, :, None] * h
    along = u[:, None, :] * w + slant * down
    cos, sin = theta.cos(), theta.sin()
    grid = torch.stack((cx + along * cos - down * sin, cy + along * sin + down * cos), -1)  # U x rows x 8 x 2
    samples = sample_regions(mosaic, grid, image_index[packing.word])  # U x 3 x rows x 8
    inner = (boxes[:, 2] / whole[:, 2].clamp(min=1e-3))[packing.word] / 2
    marked = (u.abs() <= inner[:, None])[:, None, None, :] & (v.abs() <= 0.5 / (1 + 2 * size.above))[:, None]
    patches = torch.cat((samples, marked.to(samples.dtype)), 1) * packing.inside[:, None, None, None]
    row = patches.permute(1, 2, 0, 3).flatten(2)[None]
    return Cut(row, packing, int(lengths.max()))

