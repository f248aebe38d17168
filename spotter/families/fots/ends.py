"""Refines the ends and the direction of boxes with the predictions of the anchor points next to their ends."""

from typing import NamedTuple

import torch
from torch import Tensor

from spotter.families.fots.boxes import placed
from spotter.families.fots.maps import DetectionMaps
from spotter.model.anchors import STRIDE

_ROUNDS = 3
_FROM_END = (0.7, 1.0, 1.4, 2.0)  # of the height: distances of the points from an end, inwards, the nearest first
_ASIDE = (0.0, -0.35, 0.35)  # of the height: the points at each distance, where a box leaves its line at the end
_LEAST_LOGIT = -1.0  # the least score of a point; next to `:` and other small signs no point has a higher one
_MOST_MOVED = 0.5  # of the width: the farthest that an end moves in a round, or
_MOST_HEIGHTS = 2.0  # of the height, whichever is more
_LONG = 24.0  # pixels; in shorter words the middle is near enough to both ends
_LONG_RATIO = 1.5
_VERY_LONG_RATIO = 5.0  # wider boxes are very long: their two ends give the direction better than one point does


class _End(NamedTuple):
    """An end of N boxes, each number in pixels in the frame of its box, from its centre.

    end: float32 [N], how far along. known: bool [N], whether a point predicted it; otherwise it is the box's own.
    along, down: float32 [N], a place on the line in the middle of the word's height, as the point saw it.
    """

    end: Tensor
    known: Tensor
    along: Tensor
    down: Tensor


def sharpen_ends(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    """Boxes [N, 6] with each end as predicted by an anchor point near it.

    A point predicts a far side less precisely than a near one, and a point in the middle of a long word is far from
    both ends. A box that cuts off a letter cannot be read. (AdvancedEAST uses the points at the ends for the same
    reason.) A point next to a wrong end predicts it better, and a point next to that prediction better still, so the
    step is repeated. Of four points inside an end, the nearest one that is text and belongs to the same word is used;
    where there is none, the end stays. Where both ends have one, a very long box takes the direction from one to the
    other: an error of three degrees at one point is more than the height at the end of a web address. Such a box may
    have left its line at the ends, so the points beside it are asked, too.
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
    long, very_long = (w > _LONG) & (w > _LONG_RATIO * h), w > _VERY_LONG_RATIO * h
    points = torch.tensor([(x, y) for x in _FROM_END for y in _ASIDE], device=boxes.device)
    order = torch.arange(len(points), device=boxes.device)
    inside = (there[:, 2:3] / 2 - points[:, 0] * there[:, 3:4]).clamp(min=0)  # N x K, as all below
    off = points[:, 1] * there[:, 3:4]
    furthest = torch.maximum(_MOST_MOVED * w, _MOST_HEIGHTS * h)
    image = image_index[:, None]
    ends = []
    for sign, side in ((-1.0, 3), (1.0, 1)):
        to_x = there[:, 0:1] + sign * inside * cos[:, None] - off * sin[:, None]
        to_y = there[:, 1:2] + sign * inside * sin[:, None] + off * cos[:, None]
        column = (to_x / STRIDE).clamp(0, columns - 1).to(torch.int64)
        row = (to_y / STRIDE).clamp(0, rows - 1).to(torch.int64)
        x, y = anchors.x[row, column] - cx[:, None], anchors.y[row, column] - cy[:, None]
        forward, down = x * cos[:, None] + y * sin[:, None], y * cos[:, None] - x * sin[:, None]
        top, to_end, bottom = (maps.distances[image, k, row, column] * anchors.scale[row, column] for k in (0, side, 2))
        predicted = forward - slant[:, None] * down + sign * to_end
        direction = maps.direction[image, :2, row, column]
        ahead = direction[..., 0] * cos[:, None] + direction[..., 1] * sin[:, None]
        now = sign * w / 2
        usable = (
            long[:, None]
            & (very_long[:, None] | (points[:, 1] == 0))
            & (ahead > 0.5 * direction.square().sum(-1).sqrt())
            & ((predicted - now[:, None]).abs() < furthest[:, None])
            & (maps.score[image, 0, row, column] > _LEAST_LOGIT)
        )
        first = torch.where(usable, order, len(points) - 1).amin(1, keepdim=True)
        known = usable.any(1)
        end, along, across = (
            values.gather(1, first)[:, 0] for values in (predicted, forward, down + (bottom - top) / 2)
        )
        ends.append(_End(torch.where(known, end, now), known, along, across))
    left, right = ends
    span = right.along - left.along
    straightened = very_long & left.known & right.known & (span > w / 2)
    slope = torch.where(straightened, (right.down - left.down) / span.clamp(min=1), 0.0)
    middle = (left.end + right.end) / 2
    aside = torch.where(straightened, left.down + slope * (middle - left.along), 0.0)
    middle = middle + slant * aside
    return torch.stack(
        (
            cx + middle * cos - aside * sin,
            cy + middle * sin + aside * cos,
            (right.end - left.end).clamp(min=1),
            h,
            theta + slope.atan(),
            slant,
        ),
        1,
    )
