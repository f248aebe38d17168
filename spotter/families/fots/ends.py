"""Refines the ends and the direction of boxes with the predictions of the anchor points next to their ends."""

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
    anchors = maps.anchors
    at_points = torch.stack((anchors.x, anchors.y, anchors.scale)).expand(maps.score.shape[0], -1, -1, -1)
    predictions = torch.cat((maps.score, maps.distances, maps.direction[:, :2], at_points), 1).permute(0, 2, 3, 1)
    for _ in range(_ROUNDS):
        boxes = _sharpened(predictions, boxes, image_index, placed(boxes, anchors))
    return boxes


def _sharpened(predictions: Tensor, boxes: Tensor, image_index: Tensor, there: Tensor) -> Tensor:
    """A round. predictions: float32 [B, H, W, 10], what each point predicts, and its x, y and scale; there: boxes
    [N, 6] on the map."""
    rows, columns = predictions.shape[1:3]
    cx, cy, w, h, theta, slant = boxes[..., None].unbind(1)  # N x 1
    x, y, width, height = there[..., None].unbind(1)[:4]
    cos, sin = theta.cos(), theta.sin()
    half = w / 2
    long, very_long = (w > _LONG) & (w > _LONG_RATIO * h), w > _VERY_LONG_RATIO * h
    each = len(_FROM_END) * len(_ASIDE)
    points = [(sign, inwards, aside) for sign in (-1.0, 1.0) for inwards in _FROM_END for aside in _ASIDE]
    sign, inwards, aside = torch.tensor(points, device=boxes.device).unbind(1)
    # From here on N x P, the points at the left end before those at the right one.
    inside, off = sign * (width / 2 - inwards * height).clamp(min=0), aside * height
    column = ((x + inside * cos - off * sin) / STRIDE).clamp(0, columns - 1).to(torch.int64)
    row = ((y + inside * sin + off * cos) / STRIDE).clamp(0, rows - 1).to(torch.int64)
    score, top, right, bottom, left, ahead_x, ahead_y, x, y, scale = predictions[
        image_index[:, None], row, column
    ].unbind(2)
    x, y = x - cx, y - cy
    forward, down = x * cos + y * sin, y * cos - x * sin
    predicted = forward - slant * down + sign * (torch.where(sign < 0, left, right) * scale)
    usable = (
        long
        & (very_long | (aside == 0))
        & (ahead_x * cos + ahead_y * sin > 0.5 * (ahead_x.square() + ahead_y.square()).sqrt())
        & ((predicted - sign * half).abs() < torch.maximum(_MOST_MOVED * w, _MOST_HEIGHTS * h))
        & (score > _LEAST_LOGIT)
    ).reshape(-1, 2, each)
    first = torch.where(usable, torch.arange(each, device=boxes.device), each - 1).amin(2, keepdim=True)
    known = usable.any(2)  # N x 2: whether a point predicted the end; otherwise it is the box's own
    # Each end, and a place on the line in the middle of the word's height as the point saw it.
    seen = torch.stack((predicted, forward, down + (bottom - top) * scale / 2)).reshape(3, -1, 2, each)
    end, along, across = seen.gather(3, first.expand(3, -1, -1, -1))[..., 0]
    start, stop = torch.where(known, end, half * sign[each - 1 : each + 1])[..., None].unbind(1)
    span = along[:, 1:] - along[:, :1]
    straightened = very_long & known.all(1, keepdim=True) & (span > half)
    slope = torch.where(straightened, (across[:, 1:] - across[:, :1]) / span.clamp(min=1), 0.0)
    middle = (start + stop) / 2
    down = torch.where(straightened, across[:, :1] + slope * (middle - along[:, :1]), 0.0)
    middle = middle + slant * down
    cx, cy = cx + middle * cos - down * sin, cy + middle * sin + down * cos
    return torch.cat((cx, cy, (stop - start).clamp(min=1), h, theta + slope.atan(), slant), 1)
