"""FOTS's parts of the loss: several losses of the boxes, and one of their reading direction."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.fots.boxes import boxes_to_polygons, probiou
from spotter.families.fots.maps import DetectionMaps
from spotter.families.interface import Truth

_BETA = 0.2


def geometry_losses(maps: DetectionMaps, truth: Truth, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(box, ends, direction) losses over the points in words' cores; each word counts by `weights` [N], whatever its
    size.

    box: -log IoU in the word's own frame (Yu et al. 2016, UnitBox, arXiv:1608.01471), which hardly changes when a
    long word misses a letter. ends: smooth L1 on the left and right distances as shares of the height, with more weight
    the nearer a point is to that end, since `sharpen_ends` uses those points. direction: smooth L1 on the raw
    (cos, sin) and the slant; a cosine loss on the normalised pair would let its norm grow and its gradient vanish.
    """
    found = _core(maps, truth, weights)
    if found is None:
        nothing = maps.distances.sum() * 0
        return nothing, nothing, nothing
    image, row, column, true_boxes, weight = found
    cx, cy, w, h, theta, slant = true_boxes.unbind(1)
    anchors = maps.anchors
    x = anchors.x[row, column] - cx
    y = anchors.y[row, column] - cy
    cos, sin = theta.cos(), theta.sin()
    down = y * cos - x * sin
    along = x * cos + y * sin - slant * down
    true = torch.stack((h / 2 + down, w / 2 - along, h / 2 - down, w / 2 + along), 1).clamp(min=0.5)
    predicted = maps.distances[image, :, row, column] * anchors.scale[row, column][:, None]
    near = torch.minimum(predicted, true)
    intersection = (near[:, 0] + near[:, 2]) * (near[:, 1] + near[:, 3])
    area_predicted = (predicted[:, 0] + predicted[:, 2]) * (predicted[:, 1] + predicted[:, 3])
    area_true = (true[:, 0] + true[:, 2]) * (true[:, 1] + true[:, 3])
    overlap = (intersection + 1) / (area_predicted + area_true - intersection + 1)
    nearness = (1 - 2 * true[:, [1, 3]] / w[:, None]).clamp(min=0)
    off = F.smooth_l1_loss(
        predicted[:, [1, 3]] / h[:, None], true[:, [1, 3]] / h[:, None], reduction="none", beta=_BETA
    )
    direction = F.smooth_l1_loss(
        maps.direction[image, :, row, column], torch.stack((cos, sin, slant), 1), reduction="none", beta=_BETA
    )
    return -(overlap.log() * weight).sum(), ((off * nearness).sum(1) * weight).sum(), (direction.sum(1) * weight).sum()


def overlap_losses(maps: DetectionMaps, truth: Truth, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(giou, probiou, points) losses, other ways to compare the boxes that core anchor points predict with the true
    ones; weights as in `geometry_losses`.

    giou: 1 - GIoU (Rezatofighi et al. 2019, arXiv:1902.09630) of the rectangles around both in the word's own frame,
    which has a gradient however far they are apart. probiou: 1 - ProbIoU (Murrugarra-Llerena et al. 2021,
    arXiv:2106.06072), which also sees the direction and the slant. points: smooth L1 on the four corners, in multiples
    of the word's height.
    """
    found = _core(maps, truth, weights)
    if found is None:
        nothing = (maps.distances.sum() + maps.direction.sum()) * 0
        return nothing, nothing, nothing
    image, row, column, true, weight = found
    predicted = maps.boxes(image, row, column)
    corners, true_corners = boxes_to_polygons(predicted), boxes_to_polygons(true)
    off = (corners - true_corners) / true[:, 3, None, None].clamp(min=1)
    wrong = F.smooth_l1_loss(off, torch.zeros_like(off), reduction="none", beta=_BETA).sum(-1).mean(1)
    giou, prob = _giou(_in_frames(corners, true), _in_frames(true_corners, true)), probiou(predicted, true)
    return ((1 - giou) * weight).sum(), ((1 - prob) * weight).sum(), (wrong * weight).sum()


def _core(maps: DetectionMaps, truth: Truth, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None:
    """Picture, row and column of the K anchor points in words' cores, the true boxes [K, 6] there, and how much each
    counts, [K]; None where there is no word."""
    image, row, column = (truth.owner >= 0).nonzero().unbind(1)
    if not len(image):
        return None
    word = truth.owner[image, row, column]
    count = torch.bincount(word, minlength=len(truth.shapes)).to(truth.shapes.dtype)
    weight = weights[word] / count[word]
    return image, row, column, truth.shapes[word], weight / weight.sum()


def _in_frames(points: Tensor, boxes: Tensor) -> Tensor:
    """Points [K, P, 2] along and across the reading direction of boxes [K, 6], their slants undone."""
    theta, slant = boxes[:, 4, None], boxes[:, 5, None]
    x, y = points.unbind(2)
    down = y * theta.cos() - x * theta.sin()
    return torch.stack((x * theta.cos() + y * theta.sin() - slant * down, down), 2)


def _giou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU [K] of the upright rectangles around polygons [K, P, 2]."""
    (low, high), (other_low, other_high) = ((each.amin(1), each.amax(1)) for each in (first, second))

    def area(least: Tensor, most: Tensor) -> Tensor:
        return (most - least).clamp(min=0).prod(1)

    both = area(torch.maximum(low, other_low), torch.minimum(high, other_high))
    union = (area(low, high) + area(other_low, other_high) - both).clamp(min=1e-6)
    hull = area(torch.minimum(low, other_low), torch.maximum(high, other_high)).clamp(min=1e-6)
    return both / union - (hull - union) / hull
