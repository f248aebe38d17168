"""Splits regions of several words where the recogniser writes a space.

A detector separates words by gaps of a few pixels; a recogniser can tell which gap is a space. So regions may hold
several words of a line, and each part between spaces becomes a word of its own.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.ctc import GreedyPath
from spotter.model.family import Columns, Gaps, Geometry, Parts

_INWARDS = 0.25  # a word begins at this share of the way from a space's column to the next character's
_NEAR = 1.5  # columns: how far beyond its space an end of a gap may lie
_SAME = 0.25  # of the height: a word and a part whose ends differ by less are the same
_LEAST = 0.01  # of the region's length: shorter words lie in the margin only and are dropped
_UNDERSCORE_BIAS = 6.0  # nats by which a space may exceed an underscore where the head saw one; of 1,543 spaces between
# words of the validation sets 9 exceed it by less in one of their columns


class Pieces(NamedTuple):
    """M words of N regions.

    region: int64 [M], ascending. columns: bool [M, T], which of the region's columns belong to the word.
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
    patch's length divided by the region's. gaps: where the detector saw words end and begin in these regions; these
    positions are used where they agree with the characters and spaces. A row without characters gives no word.
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
        return _share(column, widths[region], stretch[region])

    start = torch.where(before < 0, -0.5, share(before + _INWARDS * (first - before).to(stretch.dtype)))
    end = torch.where(after >= count, 0.5, share(after - _INWARDS * (after - last).to(stretch.dtype)))
    if gaps is not None:
        nowhere = torch.full_like(widths[:1], -1)  # a maximum over nothing has no value
        of = torch.cat((gaps.region, nowhere))

        def seen(places: Tensor, low: Tensor, high: Tensor, otherwise: Tensor) -> Tensor:
            """The position that the detector saw, if it lies in a column from `low` to `high`, else `otherwise`."""
            places = F.pad(places, (0, 1))
            column = (places / stretch[of] + 0.5) * widths[of].to(stretch.dtype) - 0.5
            there = (region[:, None] == of) & (column >= low[:, None]) & (column <= high[:, None])
            return torch.where(there.any(1), torch.where(there, places, -torch.inf).amax(1), otherwise)

        start = torch.where(before < 0, start, seen(gaps.start, before - _NEAR, first + 0.5, start))
        end = torch.where(after >= count, end, seen(gaps.end, last - 0.5, after + _NEAR, end))
    start, end = start.clamp(min=-0.5), end.clamp(max=0.5)
    (kept,) = (end - start > _LEAST).nonzero().unbind(1)
    return Pieces(region[kept], own[kept], start[kept], end[kept])


def _share(column: Tensor, widths: Tensor, stretch: Tensor) -> Tensor:
    """Where the middles of columns lie in their region, from -0.5 at its left end to 0.5 at its right end."""
    return ((column + 0.5) / widths.to(stretch.dtype) - 0.5) * stretch


def with_underscores(path: GreedyPath, columns: Columns, gaps: Gaps, space: int, underscore: int) -> GreedyPath:
    """The path with underscores instead of the spaces where the head saw one, unless they clearly are spaces.

    Where the recogniser itself has an underscore in the gap, the spaces beside it are removed. space, underscore: their
    classes.
    """
    classes, logits = path.classes, columns.logits
    (seen,) = gaps.underscore.nonzero().unbind(1)
    region = F.pad(gaps.region[seen], (0, 1))  # an additional gap of no width keeps the tensors non-empty
    end, start = F.pad(gaps.end[seen], (0, 1), value=1.0), F.pad(gaps.start[seen], (0, 1), value=-1.0)
    widths, stretch = columns.widths[region], columns.stretch[region]
    places = torch.arange(classes.shape[1], device=classes.device)
    place, margin = _share(places, widths[:, None], stretch[:, None]), _NEAR * stretch / widths
    inside = (place > (end - margin)[:, None]) & (place < (start + margin)[:, None])
    behind = logits[..., underscore] - logits[..., space]
    inside = inside & (inside & (behind[region] > -_UNDERSCORE_BIAS)).any(1, keepdim=True)
    there_already = (inside & (classes[region] == underscore)).any(1, keepdim=True)

    def among(chosen: Tensor) -> Tensor:
        """bool [N, T], the columns of regions that are chosen, bool [K, T], in one of their gaps."""
        to = region[:, None].expand(chosen.shape)
        return torch.zeros_like(classes).scatter_add(0, to, chosen.to(classes.dtype)) > 0

    spaces = classes == space
    changed = torch.where(spaces & among(inside), underscore, classes)
    return GreedyPath(torch.where(spaces & among(inside & there_already), 0, changed), path.probabilities)


def shapes_of(pieces: Pieces, shapes: Tensor, geometry: Geometry, parts: Parts | None = None) -> Tensor:
    """The words' shapes [M, G]: the part of their region, of shapes [N, G], between their start and end; or, where the
    detector saw the same word there, the detector's shape for it, since words of a line differ in height."""
    shapes = shapes[pieces.region]
    cut = geometry.part(shapes, pieces.start, pieces.end)
    if parts is None:
        return cut
    of, starts, ends, seen = (F.pad(value, (0,) * (2 * value.dim() - 1) + (1,), value=-1) for value in parts)
    extent = geometry.extent(shapes)
    near = (_SAME * extent.heights / extent.lengths)[:, None]
    same = (
        (pieces.region[:, None] == of)
        & ((pieces.start[:, None] - starts).abs() < near)
        & ((pieces.end[:, None] - ends).abs() < near)
    )
    last = of.shape[0] - 1  # the additional row, which belongs to no region
    first = torch.where(same, torch.arange(of.shape[0], device=of.device), last).amin(1)
    return torch.where((first < last)[:, None], seen[first], cut)
