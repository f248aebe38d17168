"""Boxes whose ends are told by the cells next to them."""

import torch
from torch import Tensor

from spotter.families.fots.boxes import placed
from spotter.families.fots.maps import DetectionMaps
from spotter.model.cells import STRIDE

_ROUNDS = 3
_FROM_END = 0.8  # of the height: a cell so far inside an end lies in the word's core and sees the end from close by
_MOST_MOVED = 0.5  # of the width in a round, or
_MOST_HEIGHTS = 2.0  # of the height, if that is more
_LONG = 48.0  # pixels; the middle of a shorter word sees its ends as well
_LONG_RATIO = 1.5


def sharpen_ends(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    """Boxes [N, 6] with each end as told by the cell next to it.

    The further a side, the less sure a cell is of it, and a middle cell sees both ends of a long word from afar; a box
    that is a letter short cannot be read. (AdvancedEAST asks the cells at the ends for the same reason.) The cell next
    to an end that was wrong knows better where it is, and the cell next to that place better still, so this is done
    some times. An end stays where the cell next to it is no text or is of another word.
    """
    for _ in range(_ROUNDS):
        boxes = _sharpened(maps, boxes, image_index)
    return boxes


def _sharpened(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    rows, columns = maps.score.shape[-2:]
    cells = maps.cells
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    cos, sin = theta.cos(), theta.sin()
    there = placed(boxes, cells)
    long = (w > _LONG) & (w > _LONG_RATIO * h)
    inside = (there[:, 2] / 2 - _FROM_END * there[:, 3]).clamp(min=0)
    furthest = torch.maximum(_MOST_MOVED * w, _MOST_HEIGHTS * h)
    ends = []
    for sign, side in ((-1.0, 3), (1.0, 1)):
        column = ((there[:, 0] + sign * inside * cos) / STRIDE).clamp(0, columns - 1).to(torch.int64)
        row = ((there[:, 1] + sign * inside * sin) / STRIDE).clamp(0, rows - 1).to(torch.int64)
        x, y = cells.x[row, column] - cx, cells.y[row, column] - cy
        along = x * cos + y * sin - slant * (y * cos - x * sin)
        told = along + sign * maps.distances[image_index, side, row, column] * cells.scale[row, column]
        direction = maps.direction[image_index, :2, row, column]
        aligned = direction[:, 0] * cos + direction[:, 1] * sin > 0.5 * direction.square().sum(1).sqrt()
        near = (told - sign * w / 2).abs() < furthest
        usable = long & aligned & near & (maps.score[image_index, 0, row, column] > 0)
        ends.append(torch.where(usable, told, sign * w / 2))
    left, right = ends
    middle = (left + right) / 2
    return torch.stack((cx + middle * cos, cy + middle * sin, (right - left).clamp(min=1), h, theta, slant), 1)
