"""Regions whose ends are told by the anchor points next to them."""

import torch
from torch import Tensor

from spotter.families.abcnet.bezier import bernstein, controls, measured, placed
from spotter.families.abcnet.maps import CurveMaps
from spotter.model.cells import STRIDE

_ROUNDS = 3
_FROM_END = 0.8  # of the height: an anchor point so far inside an end lies in the word's core and sees it from close by
_MOST_MOVED = 0.5  # of the length in a round, or
_MOST_HEIGHTS = 2.0  # of the height, if that is more
_LONG = 48.0  # pixels; the middle of a shorter word sees its ends as well
_LONG_RATIO = 1.5
_ALIGNED = 0.5  # cosine
_ALIKE = 1.8  # times as high, at most


def sharpen_ends(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> Tensor:
    """Regions [N, 16] whose ends are where the anchor points next to them see them.

    The further an end, the less sure an anchor point is of it, and one in the middle sees both ends of a long word from
    afar; a region that is a letter short cannot be read. The anchor point next to an end that was wrong knows better
    where it is, and the one next to that place better still, so this is done some times. An end stays where the anchor
    point next to it is no text or is of another word. Control points follow the end that is nearer, each by its third.
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
    middle = controls(placed(curves, maps.cells)).mean(1)  # N x 4 x 2, on the map
    thirds = torch.arange(4, device=curves.device)[:, None] / 3
    sharpened = points
    for end, t, share in ((0, inside, 1 - thirds), (3, 1 - inside, thirds)):
        asked = (bernstein(t)[:, None] @ middle).squeeze(1) / STRIDE
        column = asked[:, 0].clamp(0, columns - 1).to(torch.int64)
        row = asked[:, 1].clamp(0, rows - 1).to(torch.int64)
        told = controls(maps.curves(image_index, row, column))
        moved = told[:, :, end] - points[:, :, end]  # N x 2 x 2
        near = moved.mean(1).square().sum(-1).sqrt() < furthest
        way, other = (each[:, :, max(end, 1)] - each[:, :, max(end, 1) - 1] for each in (points, told))
        way, other = way.mean(1), other.mean(1)
        aligned = (way * other).sum(-1) > _ALIGNED * (way.square().sum(-1) * other.square().sum(-1)).sqrt()
        side, its = (each[:, 1, end] - each[:, 0, end] for each in (points, told))
        ratio = its.square().sum(-1) / side.square().sum(-1).clamp(min=1e-6)
        alike = (ratio < _ALIKE**2) & (ratio > 1 / _ALIKE**2)
        usable = long & aligned & alike & near & (maps.score[image_index, 0, row, column] > 0)
        sharpened = sharpened + (moved * usable.to(moved.dtype)[:, None, None])[:, :, None] * share
    return sharpened.flatten(1)
