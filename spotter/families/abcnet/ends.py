"""Refines the ends of regions with the anchor points next to them."""

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import bernstein, controls, measured, placed
from spotter.families.abcnet.maps import CurveMaps
from spotter.model.anchors import STRIDE

_ROUNDS = 3
_FROM_END = 0.8  # of the height: a point at this distance inside an end lies in the word's core and still near the end
_MOST_MOVED = 0.5  # of the length: the farthest that an end moves in a round, or
_MOST_HEIGHTS = 2.0  # of the height, whichever is more
_LONG = 24.0  # pixels; in shorter words the middle is near enough to both ends
_LONG_RATIO = 1.5
_ALIGNED = 0.5  # cosine
_ALIKE = 1.8  # the largest ratio of the two heights


def sharpen_ends(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> Tensor:
    """Regions [N, 16] with each end as predicted by the anchor point next to it.

    A point predicts a far end less precisely than a near one, and a point in the middle of a long word is far from both
    ends. A region that cuts off a letter cannot be read. A point next to a wrong end predicts it better, and a point
    next to that prediction better still, so the step is repeated. An end stays where the point next to it is background
    or belongs to another word. Each inner control point moves by two thirds of the move of the nearer end and by one
    third of the move of the other.
    """
    for _ in range(_ROUNDS):
        curves = _sharpened(maps, curves, image_index)
    return curves


def _sharpened(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> Tensor:
    rows, columns = maps.score.shape[-2:]
    lengths, heights = measured(curves)
    long = (lengths > _LONG) & (lengths > _LONG_RATIO * heights)
    inside = (_FROM_END * heights / lengths.clamp(min=1e-6)).clamp(max=0.5)
    furthest = torch.maximum(_MOST_MOVED * lengths, _MOST_HEIGHTS * heights)
    points = controls(curves)
    middle = controls(placed(curves, maps.anchors)).mean(1)  # N x 4 x 2, on the map
    thirds = torch.arange(4, device=curves.device)[:, None] / 3
    sharpened = points
    for end, t, share in ((0, inside, 1 - thirds), (3, 1 - inside, thirds)):
        near_end = (bernstein(t)[:, None] @ middle).squeeze(1) / STRIDE
        column = near_end[:, 0].clamp(0, columns - 1).to(torch.int64)
        row = near_end[:, 1].clamp(0, rows - 1).to(torch.int64)
        predicted = controls(maps.curves(image_index, row, column))
        moved = predicted[:, :, end] - points[:, :, end]  # N x 2 x 2
        near = moved.mean(1).square().sum(-1).sqrt() < furthest
        way, other = (each[:, :, max(end, 1)] - each[:, :, max(end, 1) - 1] for each in (points, predicted))
        way, other = way.mean(1), other.mean(1)
        aligned = (way * other).sum(-1) > _ALIGNED * (way.square().sum(-1) * other.square().sum(-1)).sqrt()
        side, its = (each[:, 1, end] - each[:, 0, end] for each in (points, predicted))
        ratio = its.square().sum(-1) / side.square().sum(-1).clamp(min=1e-6)
        alike = (ratio < _ALIKE**2) & (ratio > 1 / _ALIKE**2)
        usable = long & aligned & alike & near & (maps.score[image_index, 0, row, column] > 0)
        sharpened = sharpened + (moved * usable.to(moved.dtype)[:, None, None])[:, :, None] * share
    return sharpened.flatten(1)
