"""Boxes of one line that touch become one region.

Anchor points near the two ends of a wide word may predict two boxes, each with one end right, and the boxes of a long
token leave out what lies between. So boxes that touch along their line are read together; where they were several words
after all, the recogniser writes spaces, at which the region is cut again (`spotter.model.splitting`).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.family import Gaps, Parts

_SAME_DIRECTION = 0.97  # cosine of the angle between two boxes
_SAME_LINE, _SAME_HEIGHT = 0.35, 0.6  # of the lower one's height at most; of the heights at least
_GAP = 0.5  # of the lower one's height, at most: gaps inside words may be as wide as those between small-set words
_NARROW_GAP = 0.2  # the same in rows that would be too long: less than most gaps between words
_OVERLAP = 0.15  # of a box's height at most: boxes that overlap more are parts of one word
_SEEN_TWICE = 0.5  # of a box's width, within a surer one
_LONGEST = 40.0  # heights: the longest region that can be read; longer rows of boxes are not joined as a whole
_HOPS = 5  # rounds; each at least doubles how far labels have spread along a line


class Joined(NamedTuple):
    """boxes: float32 [N, 6], those that touch along one line as the box around them all. stays: bool [N], which of them
    stay. gaps: between the boxes that were joined, in the regions that stay, numbered in their order. parts: these
    boxes."""

    boxes: Tensor
    stays: Tensor
    gaps: Gaps
    parts: Parts


class _Rows(NamedTuple):
    """The row of each of N boxes.

    label: int64 [N], the rank of its surest box. together: bool [N, N], which boxes are in one row. first, last:
    float32 [N], where the row begins and ends in the frame of each box, pixels from its centre. height: float32 [N],
    pixels. short: bool [N], whether the row can be read at once.
    """

    label: Tensor
    together: Tensor
    first: Tensor
    last: Tensor
    height: Tensor
    short: Tensor


def join_touching(boxes: Tensor, scores: Tensor, image_index: Tensor) -> Joined:
    """Joins boxes [N, 6] that touch along one line.

    Of boxes that are joined the surest stays. The united box is the straight line through all of them (least squares),
    with their mean height. A row too long to be read at once falls into parts at all but its narrow gaps, and a part
    that is still too long into its boxes.
    """
    # An additional box that belongs to no picture spares reductions over empty tensors.
    boxes = F.pad(boxes, (0, 0, 0, 1), value=1.0)
    scores, image_index = F.pad(scores, (0, 1)), F.pad(image_index, (0, 1), value=-1)
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    cos, sin = theta.cos(), theta.sin()
    dx, dy = cx[None, :] - cx[:, None], cy[None, :] - cy[:, None]  # of j, from i
    down = dy * cos[:, None] - dx * sin[:, None]
    along = dx * cos[:, None] + dy * sin[:, None]
    straight = along - slant[:, None] * down
    turn = theta[None, :] - theta[:, None]
    lower = torch.minimum(h[:, None], h[None, :])
    half = w / 2
    apart = torch.maximum(straight - half[None, :] - half[:, None], -half[:, None] - straight - half[None, :])
    touching = (
        (image_index[:, None] == image_index[None, :])
        & (turn.cos() > _SAME_DIRECTION)
        & (down.abs() < _SAME_LINE * lower)
        & (lower > _SAME_HEIGHT * torch.maximum(h[:, None], h[None, :]))
        & (apart < _GAP * lower)
    )
    rank = ranks(scores)
    place = _by_rank(rank)

    def row_of(linked: Tensor) -> _Rows:
        label = connected(linked | linked.t(), rank)
        together = label[:, None] == label[None, :]
        first = torch.where(together, straight - half[None, :], torch.inf).amin(1)
        last = torch.where(together, straight + half[None, :], -torch.inf).amax(1)
        height = (together * w * h).sum(1) / (together * w).sum(1)
        # One box decides for its row: each measures the length in a frame of its own.
        short = (last - first < _LONGEST * height)[place[label]]
        return _Rows(label, together, first, last, height, short)

    rows = row_of(touching)
    label, together, first, last, height, short = row_of(
        touching & (rows.short[:, None] | (apart < _NARROW_GAP * lower))
    )
    # Sums over the boxes joined with i, in the frame of i, each box a level segment with its own slope.
    weight = together * w[None, :]
    total = weight.sum(1)
    mean_along, mean_down = (weight * along).sum(1) / total, (weight * down).sum(1) / total
    off_along, off_down = along - mean_along[:, None], down - mean_down[:, None]
    own = (w.square() / 12)[None, :]
    slope = (weight * (off_along * off_down + own * turn.sin())).sum(1)
    slope = slope / (weight * (off_along.square() + own)).sum(1).clamp(min=1e-3)
    joined_slant = (weight * slant[None, :]).sum(1) / total
    several = (together.sum(1) > 1) & short
    middle = (first + last) / 2
    aside = mean_down + slope * (middle - mean_along)
    at = middle + slant * aside
    united = torch.stack(
        (
            cx + at * cos - aside * sin,
            cy + at * sin + aside * cos,
            last - first,
            height,
            theta + slope.atan(),
            joined_slant,
        ),
        1,
    )
    # Of a row that stays in parts, a box that lies within a surer one is the same word seen twice.
    hidden = (touching & (rank[:, None] < rank[None, :]) & (-apart > _SEEN_TWICE * w[None, :])).any(0)
    stays = (several & (label == rank)) | ~(several | hidden)
    # A gap lies between a box and the farthest end of those before it.
    before = torch.where(together & (straight < 0), straight + half[None, :], -torch.inf).amax(1)
    (starts,) = (several & (-half - before > -_OVERLAP * h) & before.isfinite()).nonzero().unbind(1)
    surest = place[label]
    length, number = (last - first)[surest], (stays.to(torch.int64).cumsum(0) - 1)[surest]
    own = straight.t().gather(1, surest[:, None])[:, 0] - middle[surest]  # of each box, in its region's frame
    start, end = (own - half) / length, (own + half) / length
    gaps = Gaps(number[starts], (own + before)[starts] / length[starts], start[starts])
    (joined,) = several.nonzero().unbind(1)
    parts = Parts(number[joined], start[joined], end[joined], boxes[joined])
    return Joined(torch.where(several[:, None], united, boxes)[:-1], stays[:-1], gaps, parts)


def ranks(scores: Tensor) -> Tensor:
    """Rank int64 [N] of each score [N], 0 for the highest; equal scores are ranked in their order."""
    order = torch.arange(scores.shape[0], device=scores.device)
    surer = (scores[None, :] > scores[:, None]) | (
        (scores[None, :] == scores[:, None]) & (order[None, :] < order[:, None])
    )
    return surer.sum(1)


def connected(linked: Tensor, rank: Tensor) -> Tensor:
    """The least rank [N] in the connected component of each box; linked: bool [N, N], symmetric; rank: a permutation.

    In each round every tree of labels is hung below the least label next to any of its members, and labels then pass on
    from the place that they name (Shiloach and Vishkin 1982), so a few rounds reach along any line of words.
    """
    place = _by_rank(rank)
    label = rank
    worst = rank.shape[0]
    for _ in range(_HOPS):
        near = torch.where(linked, label[None, :], worst).amin(1)
        of_tree = torch.where(label[None, :] == rank[:, None], near[None, :], worst).amin(1)  # of the tree named rank
        label = torch.minimum(label, torch.minimum(of_tree[place[label]], near))
        label = label[place[label]]
        label = label[place[label]]
    return label


def _by_rank(rank: Tensor) -> Tensor:
    """The box int64 [N] of each rank; rank: a permutation."""
    return torch.zeros_like(rank).scatter(0, rank, torch.arange(rank.shape[0], device=rank.device))
