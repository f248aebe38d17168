"""Regions that hold several words are cut where the recogniser writes a space.

A detector tells words apart by gaps of a few pixels; a recogniser sees which gap is a space. So regions may hold
several words of a line, and each part between spaces becomes a word of its own.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.family import Gaps

_INWARDS = 0.25  # of the way from a space's column to the next character's: where a word begins
_NEAR = 3.0  # columns: how far a space is written at most from the middle of the gap that it stands for
_LEAST = 0.01  # of the region's length: shorter words lie in the margin only and are dropped


class Pieces(NamedTuple):
    """M words of N regions.

    region: int64 [M], ascending. columns: bool [M, T], which of the region's columns are the word's.
    start, end: float32 [M], where the word begins and ends, as shares of the region's length: from -0.5, its left end,
    to 0.5.
    """

    region: Tensor
    columns: Tensor
    start: Tensor
    end: Tensor


def split_at_spaces(
    characters: Tensor, space: int, widths: Tensor, stretch: Tensor, gaps: Gaps | None = None
) -> Pieces:
    """The words in rows of characters int [N, T], classes by column with repeats collapsed to the blank, 0.

    space: the class at which rows are cut. widths: int64 [N], columns of each region's patch. stretch: float32 [N], the
    patch's length over the region's. gaps: where the detector saw words end and begin in these regions; where one lies
    at a space, the words end and begin there. A row without characters gives no word.
    """
    spaces = characters == space
    letters = (characters > 0) & ~spaces
    piece = spaces.to(torch.int64).cumsum(1)  # N x T
    sums = torch.zeros_like(piece).scatter_add(1, piece, letters.to(torch.int64))
    region, number = (sums > 0).nonzero().unbind(1)
    own = piece[region] == number[:, None]
    said = own & letters[region]
    spaces = spaces[region]
    count = characters.shape[1]
    places = torch.arange(count, device=characters.device)
    first = torch.where(said, places, count).amin(1)
    last = torch.where(said, places, -1).amax(1)
    before = torch.where(spaces & (places < first[:, None]), places, -1).amax(1)
    after = torch.where(spaces & (places > last[:, None]), places, count).amin(1)

    def share(column: Tensor) -> Tensor:
        return ((column + 0.5) / widths[region].to(stretch.dtype) - 0.5) * stretch[region]

    start = torch.where(before < 0, -0.5, share(before + _INWARDS * (first - before).to(stretch.dtype)))
    end = torch.where(after >= count, 0.5, share(after - _INWARDS * (after - last).to(stretch.dtype)))
    if gaps is not None:
        nowhere = torch.full_like(widths[:1], -1)  # a maximum over nothing has no value
        of, near_end, near_start = torch.cat((gaps.region, nowhere)), F.pad(gaps.end, (0, 1)), F.pad(gaps.start, (0, 1))
        middle = ((near_end + near_start) / 2 / stretch[of] + 0.5) * widths[of].to(stretch.dtype) - 0.5
        own_gap = region[:, None] == of

        def at(column: Tensor, there: Tensor, otherwise: Tensor) -> Tensor:
            close = own_gap & ((middle - column[:, None]).abs() <= _NEAR)
            return torch.where(close.any(1), torch.where(close, there, -torch.inf).amax(1), otherwise)

        start = torch.where(before < 0, start, at(before, near_start, start))
        end = torch.where(after >= count, end, at(after, near_end, end))
    start, end = start.clamp(min=-0.5), end.clamp(max=0.5)
    (kept,) = (end - start > _LEAST).nonzero().unbind(1)
    return Pieces(region[kept], own[kept], start[kept], end[kept])
