"""Cuts words from the picture itself and packs them end to end, for a recogniser that reads pixels.

A region is cut with margins on all sides, and a fourth channel marks which part of the patch lies inside it: a letter
that the region cut in half is still visible, and the recogniser can tell the word from neighbouring text. The region's
geometry maps positions in it to the picture, so regions may have any shape.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from spotter.model.config import PictureRecogniserConfig
from spotter.model.family import Geometry
from spotter.model.packing import UNIT, Packing, pack
from spotter.model.pyramid import join, level_of, lower_canvas, placement
from spotter.model.regions import Sample, sample_regions

LEVEL_HEIGHTS = (70.0, 140.0, 280.0)
"""Heights in pixels of the picture. Taller words are cut from a coarser level of the pyramid, so that sampling hardly
shrinks them."""

_ROUNDING = 0.47
"""Not 0.5: shapes of round numbers often have widths that end in a half, and floating-point noise would decide how they
are rounded."""


@dataclass(frozen=True)
class Cut:
    """patches: float32 [1, 4, rows, 8 U], packed. packing: of the N words. longest: units of the longest word. stretch:
    float32 [N], the length of each patch divided by that of its region."""

    patches: Tensor
    packing: Packing
    longest: int
    stretch: Tensor


def picture_mosaic(pictures: Tensor, empty: float) -> Tensor:
    """Normalised pictures [B, 3, H, W], whose sides are multiples of 64, and the coarser levels of their pyramids,
    joined into one map [B, 3, H', W]. empty: value of the pixels between and around the levels."""
    return join(pictures, lower_canvas(pictures, empty), 1)


def cut(
    mosaic: Tensor,
    shapes: Tensor,
    image_index: Tensor,
    size: tuple[int, int],
    config: PictureRecogniserConfig,
    geometry: Geometry,
    sample: Sample = sample_regions,
    multiple: int = 1,
) -> Cut:
    """Cuts regions of shapes [N, G], in pixels of pictures of `size` = (height, width), from their mosaics
    [B, 3, H, W]; N at least 1. multiple: as in `pack`."""
    extent = geometry.extent(shapes)
    length = extent.lengths + 2 * config.margin_x * extent.heights  # with the margins
    taller = 1 + 2 * config.margin_y
    ratio = length / (extent.heights * taller).clamp(min=1e-3)
    ratio = ratio.masked_fill(ratio.isnan(), 0.0)
    lengths = ((ratio * config.rows / UNIT).clamp(1, config.longest) + _ROUNDING).floor().to(torch.int64)
    packing = pack(lengths, multiple)
    units = lengths[packing.word].to(shapes.dtype)
    columns = torch.arange(UNIT, device=shapes.device, dtype=shapes.dtype)
    u = (packing.position[:, None] * UNIT + columns + 0.5) / (units * UNIT)[:, None] - 0.5  # U x 8
    v = (torch.arange(config.rows, device=shapes.device, dtype=shapes.dtype) + 0.5) / config.rows - 0.5
    stretch = length / extent.lengths.clamp(min=1e-3)
    longer = stretch[packing.word][:, None]
    x, y = geometry.places(shapes[packing.word], u * longer, v * taller)  # U x rows x 8
    at = placement(level_of(extent.heights, LEVEL_HEIGHTS), *size).of(packing.word)
    samples = sample(mosaic, torch.stack((at.x(x), at.y(y)), -1), image_index[packing.word])  # U x 3 x rows x 8
    inner = (extent.lengths / length.clamp(min=1e-3))[packing.word] / 2
    marked = (u.abs() <= inner[:, None])[:, None, None, :] & (v.abs() <= 0.5 / taller)[:, None]
    patches = torch.cat((samples, marked.to(samples.dtype)), 1) * packing.inside[:, None, None, None]
    row = patches.permute(1, 2, 0, 3).flatten(2)[None]
    longest = cast(int, lengths.max().item())  # a symbol while a graph is traced
    torch._check(longest >= 1)  # type: ignore[no-untyped-call]
    torch._check(longest <= config.longest)  # type: ignore[no-untyped-call]
    return Cut(row, packing, longest, stretch)
