"""Refines the ends of boxes with the predictions of the anchor points next to them."""

import torch
from torch import Tensor

from spotter.families.fots.boxes import placed
from spotter.families.fots.maps import DetectionMaps
from spotter.model.anchors import STRIDE

_ROUNDS = 3
_FROM_END = (0.7, 1.0, 1.4, 2.0)  # of the height: distances of the points from an end, inwards, the nearest first
_LEAST_LOGIT = -1.0  # the least score of a point; next to `:` and other small signs no point has a higher one
_MOST_MOVED = 0.5  # of the width: the farthest that an end moves in a round, or
_MOST_HEIGHTS = 2.0  # of the height, whichever is more
_LONG = 24.0  # pixels; in shorter words the middle is near enough to both ends
_LONG_RATIO = 1.5


def sharpen_ends(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    """Boxes [N, 6] with each end as predicted by an anchor point near it.

    A point predicts a far side less precisely than a near one, and a point in the middle of a long word is far from
    both ends. A box that cuts off a letter cannot be read. (AdvancedEAST uses the points at the ends for the same
    reason.) A point next to a wrong end predicts it better, and a point next to that prediction better still, so the
    step is repeated. Of four points inside an end, the nearest one that is text and belongs to the same word is used;
    where there is none, the end stays.
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
    from_end = torch.tensor(_FROM_END, device=boxes.device)
    order = torch.arange(len(_FROM_END), device=boxes.device)
    inside = (there[:, 2:3] / 2 - from_end * there[:, 3:4]).clamp(min=0)  # N x K, as all tensors of the points below
    furthest = torch.maximum(_MOST_MOVED * w, _MOST_HEIGHTS * h)
    image = image_index[:, None]
    ends = []
    for sign, side in ((-1.0, 3), (1.0, 1)):
        column = ((there[:, 0:1] + sign * inside * cos[:, None]) / STRIDE).clamp(0, columns - 1).to(torch.int64)
        row = ((there[:, 1:2] + sign * inside * sin[:, None]) / STRIDE).clamp(0, rows - 1).to(torch.int64)
        x, y = anchors.x[row, column] - cx[:, None], anchors.y[row, column] - cy[:, None]
        along = x * cos[:, None] + y * sin[:, None] - slant[:, None] * (y * cos[:, None] - x * sin[:, None])
        predicted = along + sign * maps.distances[image, side, row, column] * anchors.scale[row, column]
        direction = maps.direction[image, :2, row, column]
        ahead = direction[..., 0] * cos[:, None] + direction[..., 1] * sin[:, None]
        now = sign * w / 2
        usable = (
            long[:, None]
            & (ahead > 0.5 * direction.square().sum(-1).sqrt())
            & ((predicted - now[:, None]).abs() < furthest[:, None])
            & (maps.score[image, 0, row, column] > _LEAST_LOGIT)
        )
        first = torch.where(usable, order, len(_FROM_END) - 1).amin(1, keepdim=True)
        ends.append(torch.where(usable.any(1), predicted.gather(1, first)[:, 0], now))
    left, right = ends
    middle = (left + right) / 2
    return torch.stack((cx + middle * cos, cy + middle * sin, (right - left).clamp(min=1), h, theta, slant), 1)
