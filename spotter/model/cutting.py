"""Words cut from the picture itself, packed end to end, for a recogniser that reads pixels.

A region is cut with margins on all sides, and a fourth channel marks what of the patch lies inside it: a letter that
the box cut in half can still be seen, and its neighbours need not be read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from spotter.model.config import PictureRecogniserConfig
from spotter.model.packing import UNIT, Packing, pack
from spotter.model.pyramid import join, level_of, lower_canvas, place
from spotter.model.regions import sample_regions

LEVEL_HEIGHTS = (70.0, 140.0, 280.0)
"""Pixels of the picture; higher words are cut from a level further up, so that they are never shrunk by much more than
the patch's own height asks for."""


@dataclass(frozen=True)
class Cut:
    """patches: float32 [1, 4, rows, 8 U], packed. packing: of the N words. longest: units of the longest word."""

    patches: Tensor
    packing: Packing
    longest: int


def picture_mosaic(pictures: Tensor, empty: float) -> Tensor:
    """Normalised pictures [B, 3, H, W], their sides multiples of 64, and the levels of their pyramids, in one map."""
    return join(pictures, lower_canvas(pictures, empty), 1)


def with_margins(boxes: Tensor, config: PictureRecogniserConfig) -> Tensor:
    """Boxes [N, 6] widened by the margins."""
    w = boxes[:, 2] + 2 * config.beside * boxes[:, 3]
    h = boxes[:, 3] * (1 + 2 * config.above)
    return torch.stack((boxes[:, 0], boxes[:, 1], w, h, boxes[:, 4], boxes[:, 5]), 1)


Sample = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`sample_regions`, or what stands for it while a graph is written."""


def cut(
    mosaic: Tensor,
    boxes: Tensor,
    image_index: Tensor,
    size: tuple[int, int],
    config: PictureRecogniserConfig,
    sample: Sample = sample_regions,
    multiple: int = 1,
) -> Cut:
    """Cuts boxes [N, 6], in pixels of pictures of `size` = (height, width), from their mosaics [B, 3, H, W]; N at least
    1. multiple: as in `pack`."""
    whole = with_margins(boxes, config)
    ratio = (whole[:, 2] / whole[:, 3].clamp(min=1e-3)).nan_to_num(0.0)
    lengths = (ratio * config.rows / UNIT).clamp(1, config.longest).round().to(torch.int64)
    packing = pack(lengths, multiple)
    units = lengths[packing.word].to(boxes.dtype)
    columns = torch.arange(UNIT, device=boxes.device, dtype=boxes.dtype)
    u = (packing.position[:, None] * UNIT + columns + 0.5) / (units * UNIT)[:, None] - 0.5  # U x 8
    v = (torch.arange(config.rows, device=boxes.device, dtype=boxes.dtype) + 0.5) / config.rows - 0.5
    placed = place(whole, *size, level_of(boxes[:, 3], LEVEL_HEIGHTS))[packing.word]
    cx, cy, w, h, theta, slant = (value[:, None, None] for value in placed.unbind(-1))
    down = v[None, :, None] * h
    along = u[:, None, :] * w + slant * down
    cos, sin = theta.cos(), theta.sin()
    grid = torch.stack((cx + along * cos - down * sin, cy + along * sin + down * cos), -1)  # U x rows x 8 x 2
    samples = sample(mosaic, grid, image_index[packing.word])  # U x 3 x rows x 8
    inner = (boxes[:, 2] / whole[:, 2].clamp(min=1e-3))[packing.word] / 2
    marked = (u.abs() <= inner[:, None])[:, None, None, :] & (v.abs() <= 0.5 / (1 + 2 * config.above))[:, None]
    patches = torch.cat((samples, marked.to(samples.dtype)), 1) * packing.inside[:, None, None, None]
    row = patches.permute(1, 2, 0, 3).flatten(2)[None]
    longest = cast(int, lengths.max().item())  # a symbol while a graph is traced
    torch._check(longest >= 1)  # type: ignore[no-untyped-call]
    torch._check(longest <= config.longest)  # type: ignore[no-untyped-call]
    return Cut(row, packing, longest)
