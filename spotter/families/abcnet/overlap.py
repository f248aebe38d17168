"""The overlap of two curved regions, without clipping polygons.

A region is approximated by a row of short parallelograms along its middle line, as TextSnake (Long et al. 2018,
arXiv:1807.01544) represents a word by a row of discs. The overlap along a region is the share of its middle line that
lies in the other region's parallelograms. So a word in the middle of a ring does not overlap the text around it,
although their boxes, and the Gaussians of their boxes, do.
"""

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import measured, middle_lines, outlines

_SAMPLES = 9  # of a middle line
_PIECES = 6  # parallelograms
_ALIGNED = 0.5  # cosine of the angle between two predictions of one word
_WITHIN = 1.01  # a little above 1, so that a point between two parallelograms lies in one of them
_EPSILON = 1e-6


def overlaps(first: Tensor, second: Tensor) -> Tensor:
    """Approximate intersection over union [P] of pairs of regions [P, 16]."""
    lengths, heights = measured(first)
    other_lengths, other_heights = measured(second)
    common = (_share(first, second) * lengths + _share(second, first) * other_lengths) / 2
    intersection = common * torch.minimum(heights, other_heights)
    union = lengths * heights + other_lengths * other_heights - intersection
    return (intersection / union.clamp(min=_EPSILON)).clamp(0, 1)


def _share(inner: Tensor, outer: Tensor) -> Tensor:
    """The share [P] of the middle lines of `inner` that lie in `outer`, both [P, 16]."""
    device = inner.device
    samples, _ = middle_lines(inner, (torch.arange(_SAMPLES, device=device) + 0.5) / _SAMPLES)
    joints, across = middle_lines(outer, torch.arange(_PIECES + 1, device=device) / _PIECES)
    centre = (joints[:, 1:] + joints[:, :-1]) / 2
    half = (joints[:, 1:] - joints[:, :-1]) / 2  # P x K x 2
    down = (across[:, 1:] + across[:, :-1]) / 4
    offset = samples[:, :, None] - centre[:, None]  # P x S x K x 2
    area = cross(half, down)[:, None]
    area = torch.where(area.abs() < _EPSILON, _EPSILON, area)
    along, aside = cross(offset, down[:, None]) / area, cross(half[:, None], offset) / area
    inside = (torch.maximum(along.abs(), aside.abs()) <= _WITHIN).to(inner.dtype).amax(2)
    return inside.mean(1)


def cross(first: Tensor, second: Tensor) -> Tensor:
    """The cross product [...] of vectors [..., 2]."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def directions(curves: Tensor) -> Tensor:
    """Unit vectors [..., 2] from the start of regions [..., 16] to their end."""
    points = curves.unflatten(-1, (2, 4, 2))  # type: ignore[no-untyped-call]
    way: Tensor = (points[..., 3, :] - points[..., 0, :]).sum(-2)
    return way / way.square().sum(-1, keepdim=True).sqrt().clamp(min=_EPSILON)


def pair_overlaps(curves: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """(overlap, agreement) [B, M, M] of regions [B, M, 16], zero for those that are not `real`, bool [B, M]. agreement:
    the overlap where both regions have about the same reading direction, else zero.

    Only pairs whose upright boxes meet are computed: they are few.
    """
    batch, count = real.shape
    outline = outlines(curves.flatten(0, 1)).unflatten(0, (batch, count))  # type: ignore[no-untyped-call]
    low, high = outline.amin(2), outline.amax(2)  # B x M x 2
    meet = ((low[:, :, None] < high[:, None]) & (low[:, None] < high[:, :, None])).all(-1)
    # Each region is also paired with itself, so that there is always a pair.
    itself = torch.eye(count, dtype=torch.bool, device=curves.device)
    picture, one, other = ((meet & real[:, :, None] & real[:, None]) | itself).nonzero().unbind(1)
    first, second = curves[picture, one], curves[picture, other]
    found = overlaps(first, second) * (real[picture, one] & real[picture, other]).to(curves.dtype)
    aligned = (directions(first) * directions(second)).sum(-1) > _ALIGNED
    nothing = torch.zeros(batch, count, count, dtype=curves.dtype, device=curves.device)
    place = (picture, one, other)
    return nothing.index_put(place, found), nothing.index_put(place, found * aligned.to(curves.dtype))
