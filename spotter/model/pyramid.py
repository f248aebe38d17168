"""The image pyramid: text of every size is found and read at about one size.

The network sees the picture at full size, and on a second canvas, about a third as large, the picture halved once,
twice and three times. A word is found and read at the level at which its text has ordinary size, so letters of 200
pixels need no additional weights (Adelson et al. 1984; as a scheme for detection: Singh & Davis 2018, SNIP,
arXiv:1711.08189).

    +-----------------+
    |     level 0     |     The maps of both canvases are joined into one mosaic, one below the other;
    |                 |     every word has one position in it.
    +--------+-+------+
    |        | | 2  |
    |   1    | +----+
    |        | |3|
    +--------+-+------+
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

GAP = 16  # empty pixels between the levels
SMALL_GAP = 8  # between the last two levels; a picture 64 pixels high has no room for more
LEVEL_HEIGHTS = (40.0, 80.0, 160.0)  # pixels of the picture; taller words are found and read at the next level
STRIDE = 64  # the sides of canvases are multiples of it


def _up(pixels: int) -> int:
    return (pixels + STRIDE - 1) // STRIDE * STRIDE


def lower_canvas(pictures: Tensor, empty: float) -> Tensor:
    """Levels 1 to 3 of pictures [B, C, H, W], H and W multiples of 64, with `empty` between and around them."""
    height, width = pictures.shape[-2:]
    half = F.avg_pool2d(pictures, 2)
    quarter = F.avg_pool2d(half, 2)
    eighth = F.avg_pool2d(quarter, 2)
    remaining = height // 2 - height // 4 - SMALL_GAP - height // 8
    eighth = F.pad(eighth, (0, width // 4 - width // 8, SMALL_GAP, remaining), value=empty)
    right = F.pad(torch.cat((quarter, eighth), 2), (GAP, 0), value=empty)
    canvas = torch.cat((half, right), 3)
    below, right_pad = (
        _up(height // 2) - height // 2,
        _up(width // 2 + GAP + width // 4) - width // 2 - GAP - width // 4,
    )
    return F.pad(canvas, (0, right_pad, 0, below), value=empty)


def join(finest: Tensor, lower: Tensor, stride: int) -> Tensor:
    """Maps at `stride` of the picture [B, C, h, w] and of its lower canvas -> the mosaic [B, C, h', w]."""
    apart = F.pad(lower, (0, finest.shape[3] - lower.shape[3], GAP // stride, 0))
    return torch.cat((finest, apart), 2)


def mosaic_height(height: int) -> int:
    """The height in pixels of the mosaic of a picture `height` pixels high."""
    return height + GAP + _up(height // 2)


def level_of(heights: Tensor, limits: tuple[float, float, float] = LEVEL_HEIGHTS) -> Tensor:
    """The level, float [N] from 0 to 3, of words of `heights` [N] pixels; taller words have a higher level."""
    return (heights[:, None] >= torch.tensor(limits, device=heights.device)).to(heights.dtype).sum(1)


@dataclass(frozen=True)
class Placement:
    """Where words lie in the mosaic of a picture of height x width pixels.

    scale: float [N], how many of the mosaic's pixels one pixel of the picture is. first, second, third: float [N], 1
    where a word's level is at least that, else 0.
    """

    scale: Tensor
    first: Tensor
    second: Tensor
    third: Tensor
    height: int
    width: int

    def x(self, x: Tensor) -> Tensor:
        """The picture's x -> the mosaic's."""
        return x * self.scale + self.second * (self.width // 2 + GAP)

    def y(self, y: Tensor) -> Tensor:
        """The picture's y -> the mosaic's."""
        return y * self.scale + self.first * (self.height + GAP) + self.third * (self.height // 4 + SMALL_GAP)

    def of(self, index: Tensor) -> "Placement":
        """The placement of many points of each of the words `index` [U], [U, R, C]."""
        scale, first, second, third = (
            values[index][:, None, None] for values in (self.scale, self.first, self.second, self.third)
        )
        return replace(self, scale=scale, first=first, second=second, third=third)


def placement(levels: Tensor, height: int, width: int) -> Placement:
    """Where words of levels float [N] of a picture of height x width pixels lie in its mosaic."""
    first, second, third = ((levels >= level).to(levels.dtype) for level in (1, 2, 3))
    return Placement(1 - first * 0.5 - second * 0.25 - third * 0.125, first, second, third, height, width)
