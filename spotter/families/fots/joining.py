"""Joins touching boxes of one line into one region.

Anchor points near the two ends of a wide word may predict two boxes, each of which has one end right, and the boxes of
a long word may leave a gap between them. So boxes that touch along their line are read together. Where they were
several words after all, the recogniser writes spaces, and the region is split there (`spotter.model.splitting`).
Boxes on both sides of an underscore are read together, too, since the detector often takes it for a space.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.fots.underscores import WIDEST, underscored
from spotter.model.family import Gaps, Parts

_SAME_DIRECTION = 0.97  # cosine of the angle between two boxes
_SAME_LINE, _SAME_HEIGHT = 0.35, 0.6  # of the smaller one's height at most; ratio of the heights at least
_GAP = 0.5  # of the smaller one's height, at most: gaps inside words may be as wide as those between closely set words
_NARROW_GAP = 0.2  # the same in rows that would be too long to read: less than most gaps between words
_DOUBTFUL, _LONG = 0.5, 3.0
"""The score below which boxes are not joined that are longer than so many heights: these are mostly rows of dots, which
make the words before them unreadable."""
_OVERLAP = 0.15  # of a box's height at most: boxes that overlap more are parts of one word
_DUPLICATE = 0.5  # of a box's width that lies within a higher-scoring box: it is a duplicate
_LONGEST = 40.0  # heights: longer rows of boxes are divided where words may end
_LONGEST_WORD = 52.0  # heights: a longer row without such gaps is read box by box; a hash of 64 characters has 40 to 46
_ROUNDS = 5  # rounds; each at least doubles how far labels have spread along a line


class Joined(NamedTuple):
    """boxes: float32 [N, 6], each with the box around its row where it was joined. stays: bool [N], which are kept.
    gaps: between the boxes that were joined; regions are numbered in the order of the kept boxes. parts: the boxes that
    were joined."""

    boxes: Tensor
    stays: Tensor
    gaps: Gaps
    parts: Parts


class _Rows(NamedTuple):
    """The row of each of N boxes.

    label: int64 [N], the rank of its highest-scoring box. together: bool [N, N], which boxes are in one row. first,
    last: float32 [N], where the row begins and ends in the frame of each box, pixels from its centre. height: float32
    [N], pixels. short: bool [N], whether the row can be read at once.
    """

    label: Tensor
    together: Tensor
    first: Tensor
    last: Tensor
    height: Tensor
    short: Tensor


def join_touching(boxes: Tensor, scores: Tensor, image_index: Tensor, pictures: Tensor | None = None) -> Joined:
    """Joins boxes [N, 6] that touch along one line, and those between which `pictures` show an underscore.

    The highest-scoring of the joined boxes is kept. It becomes a box along the straight line fitted to all of them
    (least squares), with their mean height. A row too long to be read at once is divided at all but its narrow gaps. A
    part that is still too long is read narrower, or, far longer, is divided into its boxes.
    """
    # An additional box that belongs to no picture avoids reductions over empty tensors.
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
    sure = (scores >= _DOUBTFUL) | (w < _LONG * h)
    aligned = (
        sure[:, None]
        & sure[None, :]
        & (image_index[:, None] == image_index[None, :])
        & (turn.cos() > _SAME_DIRECTION)
        & (down.abs() < _SAME_LINE * lower)
        & (lower > _SAME_HEIGHT * torch.maximum(h[:, None], h[None, :]))
    )
    touching, close = aligned & (apart < _GAP * lower), apart < _NARROW_GAP * lower
    joint = torch.zeros_like(touching)
    if pictures is not None:
        left = straight - half[None, :]  # where the others begin
        begins = torch.where(aligned & (left > half[:, None]), left, torch.inf).amin(1)
        bridged = underscored(pictures, boxes, image_index, begins, begins - half < WIDEST * h)
        joint = aligned & (left == begins[:, None]) & bridged[:, None]
        touching, close = touching | joint, close | joint
    rank = ranks(scores)
    place = _by_rank(rank)

    def row_of(linked: Tensor, longest: float) -> _Rows:
        label = connected(linked | linked.t(), rank)
        together = label[:, None] == label[None, :]
        first = torch.where(together, straight - half[None, :], torch.inf).amin(1)
        last = torch.where(together, straight + half[None, :], -torch.inf).amax(1)
        height = (together * w * h).sum(1) / (together * w).sum(1)
        # The first-ranked box decides for its row, since each box measures the length in its own frame.
        short = (last - first < longest * height)[place[label]]
        return _Rows(label, together, first, last, height, short)

    rows = row_of(touching, _LONGEST)
    label, together, first, last, height, short = row_of(touching & (rows.short[:, None] | close), _LONGEST_WORD)
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
    # In a row that is not joined, a box that lies within a higher-scoring one is a duplicate of the same word.
    duplicate = (touching & (rank[:, None] < rank[None, :]) & (-apart > _DUPLICATE * w[None, :])).any(0)
    stays = (several & (label == rank)) | ~(several | duplicate)
    # A gap lies between a box and the farthest end of those before it.
    before = torch.where(together & (straight < 0), straight + half[None, :], -torch.inf).amax(1)
    (starts,) = (several & (-half - before > -_OVERLAP * h) & before.isfinite()).nonzero().unbind(1)
    leader = place[label]
    length, number = (last - first)[leader], (stays.to(torch.int64).cumsum(0) - 1)[leader]
    own = straight.t().gather(1, leader[:, None])[:, 0] - middle[leader]  # of each box, in its region's frame
    start, end = (own - half) / length, (own + half) / length
    underscore = joint.any(0)[starts]
    gaps = Gaps(number[starts], (own + before)[starts] / length[starts], start[starts], underscore)
    (joined,) = several.nonzero().unbind(1)
    parts = Parts(number[joined], start[joined], end[joined], boxes[joined])
    return Joined(torch.where(several[:, None], united, boxes)[:-1], stays[:-1], gaps, parts)


def ranks(scores: Tensor) -> Tensor:
    """Rank int64 [N] of each score [N], 0 for the highest; equal scores are ranked in their order."""
    order = torch.arange(scores.shape[0], device=scores.device)
    better = (scores[None, :] > scores[:, None]) | (
        (scores[None, :] == scores[:, None]) & (order[None, :] < order[:, None])
    )
    return better.sum(1)


def connected(linked: Tensor, rank: Tensor) -> Tensor:
    """The least rank [N] in the connected component of each box; linked: bool [N, N], symmetric; rank: a permutation.

    In each round every tree of labels is attached to the least label next to any of its members, and then pointers are
    doubled: each label is replaced by the label of the box that it names (Shiloach and Vishkin 1982). So a few rounds
    suffice for any line of words.
    """
    place = _by_rank(rank)
    label = rank
    worst = rank.shape[0]
    for _ in range(_ROUNDS):
        near = torch.where(linked, label[None, :], worst).amin(1)
        of_tree = torch.where(label[None, :] == rank[:, None], near[None, :], worst).amin(
            1
        )  # of the tree with this root
        label = torch.minimum(label, torch.minimum(of_tree[place[label]], near))
        label = label[place[label]]
        label = label[place[label]]
    return label


def _by_rank(rank: Tensor) -> Tensor:
    """The box int64 [N] of each rank; rank: a permutation."""
    return torch.zeros_like(rank).scatter(0, rank, torch.arange(rank.shape[0], device=rank.device))
