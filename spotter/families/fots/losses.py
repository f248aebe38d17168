"""FOTS's parts of the loss: the boxes and their reading direction."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.fots.maps import DetectionMaps
from spotter.families.interface import Truth


def geometry_losses(maps: DetectionMaps, truth: Truth, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(box, ends, direction) losses over the points in words' cores; each word counts by `weights` [N], whatever its
    size.

    box: -log IoU in the word's own frame (Yu et al. 2016, UnitBox, arXiv:1608.01471), which hardly changes when a
    long word misses a letter. ends: smooth L1 on the left and right distances as shares of the height, counted the more
    the nearer a point is to that end, since `sharpen_ends` uses those points. direction: smooth L1 on the raw
    (cos, sin) and the slant; a cosine loss on the normalised pair would let its norm grow and its gradient vanish.
    """
    image, row, column = (truth.owner >= 0).nonzero().unbind(1)
    if not len(image):
        nothing = maps.distances.sum() * 0
        return nothing, nothing, nothing
    word = truth.owner[image, row, column]
    cx, cy, w, h, theta, slant = truth.shapes[word].unbind(1)
    anchors = maps.anchors
    x = anchors.x[row, column] - cx
    y = anchors.y[row, column] - cy
    cos, sin = theta.cos(), theta.sin()
    down = y * cos - x * sin
    along = x * cos + y * sin - slant * down
    true = torch.stack((h / 2 + down, w / 2 - along, h / 2 - down, w / 2 + along), 1).clamp(min=0.5)
    count = torch.bincount(word, minlength=len(truth.shapes)).to(true.dtype)
    weight = weights[word] / count[word]
    weight = weight / weight.sum()
    predicted = maps.distances[image, :, row, column] * anchors.scale[row, column][:, None]
    near = torch.minimum(predicted, true)
    intersection = (near[:, 0] + near[:, 2]) * (near[:, 1] + near[:, 3])
    area_predicted = (predicted[:, 0] + predicted[:, 2]) * (predicted[:, 1] + predicted[:, 3])
    area_true = (true[:, 0] + true[:, 2]) * (true[:, 1] + true[:, 3])
    overlap = (intersection + 1) / (area_predicted + area_true - intersection + 1)
    nearness = (1 - 2 * true[:, [1, 3]] / w[:, None]).clamp(min=0)
    off = F.smooth_l1_loss(predicted[:, [1, 3]] / h[:, None], true[:, [1, 3]] / h[:, None], reduction="none", beta=0.2)
    direction = F.smooth_l1_loss(
        maps.direction[image, :, row, column], torch.stack((cos, sin, slant), 1), reduction="none", beta=0.2
    )
    return -(overlap.log() * weight).sum(), ((off * nearness).sum(1) * weight).sum(), (direction.sum(1) * weight).sum()
