"""Boxes whose ends are refined by what the anchor points next to them predict."""

import torch
from torch import Tensor

from spotter.families.fots.boxes import placed
from spotter.families.fots.maps import DetectionMaps
from spotter.model.anchors import STRIDE

_ROUNDS = 3
_FROM_END = 0.8  # of the height: a point so far inside an end lies in the word's core and is near the end
_MOST_MOVED = 0.5  # of the width: how far an end moves in a round at most, or
_MOST_HEIGHTS = 2.0  # of the height, if that is more
_LONG = 24.0  # pixels; in a shorter word the middle is as near to the ends
_LONG_RATIO = 1.5


def sharpen_ends(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    """Boxes [N, 6] with each end as the anchor point next to it predicts it.

    The farther a side, the less precisely a point predicts it, and a point in the middle of a long word is far from
    both ends; a box that is a letter short cannot be read. (AdvancedEAST uses the points at the ends for the same
    reason.) The point next to a wrong end predicts it better, and the point next to that prediction better still, so
    this is repeated. An end stays where the point next to it is no text or belongs to another word.
    """
    for _ in range(_ROUNDS):
        boxes = _sharpened(maps, boxes, image_index)
    return boxes


def _sharpened(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    rows, columns = maps.score.shape[-2:]
    anchors = maps.anchors
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    cos, sin = theta.cos(), theta.sin()
    there = placed(boxes, anchors)
    long = (w > _LONG) & (w > _LONG_RATIO * h)
    inside = (there[:, 2] / 2 - _FROM_END * there[:, 3]).clamp(min=0)
    furthest = torch.maximum(_MOST_MOVED * w, _MOST_HEIGHTS * h)
    ends = []
    for sign, side in ((-1.0, 3), (1.0, 1)):
        column = ((there[:, 0] + sign * inside * cos) / STRIDE).clamp(0, columns - 1).to(torch.int64)
        row = ((there[:, 1] + sign * inside * sin) / STRIDE).clamp(0, rows - 1).to(torch.int64)
        x, y = anchors.x[row, column] - cx, anchors.y[row, column] - cy
        along = x * cos + y * sin - slant * (y * cos - x * sin)
        predicted = along + sign * maps.distances[image_index, side, row, column] * anchors.scale[row, column]
        direction = maps.direction[image_index, :2, row, column]
        aligned = direction[:, 0] * cos + direction[:, 1] * sin > 0.5 * direction.square().sum(1).sqrt()
        near = (predicted - sign * w / 2).abs() < furthest
        usable = long & aligned & near & (maps.score[image_index, 0, row, column] > 0)
        ends.append(torch.where(usable, predicted, sign * w / 2))
    left, right = ends
    middle = (left + right) / 2
    return torch.stack((cx + middle * cos, cy + middle * sin, (right - left).clamp(min=1), h, theta, slant), 1)
