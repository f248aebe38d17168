"""ABCNet's parts of the loss: points of both curves, the words' ends, and their reading direction."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.abcnet.bezier import edges, measured, parted, straight_parts
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.overlap import directions
from spotter.families.abcnet.targets import CurveTruth

_POINTS = 8  # of each edge
_BETA = 0.2
_BETA_POINTS = 0.05  # of the height: larger errors all count alike, so that far ends do not outweigh the height nearby
_MOST_TURN = 0.9  # radians: a point predicts its word as far as the text turns by this from the direction at the point
_FAR = 0.1  # of a point's distance from the anchor point: the tolerated error grows by this


def curve_losses(maps: CurveMaps, truth: CurveTruth, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(points, ends, direction) losses over the anchor points in words' cores; each word counts by `weights` [N],
    whatever its size.

    A point predicts only the part of its word in which the text turns by at most `_MOST_TURN`. What lies beyond, half
    way round a ring, it hardly sees; `sharpen_ends` puts a word together from the parts that points near its ends
    predict.

    points: smooth L1 on points of both edges, in multiples of the word's height, with less weight where they are far
    from the anchor point. (ABCNet has this loss on the control points. Those may lie far off the text, and nearly equal
    curves may have very different ones.) ends: the same on the corners, with more weight the nearer an anchor point is
    to that end, since `sharpen_ends` uses those points. direction: smooth L1 on the raw (cos, sin) of the box, whose
    truth is the direction from the start of that part to its end.
    """
    image, row, column = (truth.owner >= 0).nonzero().unbind(1)
    if not len(image):
        nothing = (maps.distances.sum() + maps.bend.sum()) * 0
        return nothing, nothing, nothing
    word = truth.owner[image, row, column]
    place = truth.place[image, row, column]
    start, end = straight_parts(truth.shapes, word, place, _MOST_TURN)
    true = parted(truth.shapes[word], start - 0.5, end - 0.5)
    count = torch.bincount(word, minlength=len(truth.shapes)).to(true.dtype)
    weight = weights[word] / count[word]
    weight = weight / weight.sum()
    heights = measured(truth.shapes).heights.clamp(min=1)[word]
    t = torch.linspace(0, 1, _POINTS, device=true.device)
    wanted, predicted = edges(true, t), edges(maps.curves(image, row, column), t)  # K x 2 x T x 2
    anchors = maps.anchors
    places = torch.stack((anchors.x[row, column], anchors.y[row, column]), 1)
    away = (wanted - places[:, None, None]).norm(dim=-1, keepdim=True)
    scale = heights[:, None, None, None]
    off = (predicted - wanted) / (scale + _FAR * away)
    points = F.smooth_l1_loss(off, torch.zeros_like(off), reduction="none", beta=_BETA_POINTS).sum(-1).mean((1, 2))
    corners = ((predicted - wanted) / scale)[:, :, [0, -1]]
    wrong = F.smooth_l1_loss(corners, torch.zeros_like(corners), reduction="none", beta=_BETA).sum(-1).mean(1)  # K x 2
    nearness = torch.stack(((1 - 2 * place) * (start == 0), (2 * place - 1) * (end == 1)), 1).clamp(min=0)
    direction = F.smooth_l1_loss(maps.direction[image, :2, row, column], directions(true), reduction="none", beta=_BETA)
    return (points * weight).sum(), ((wrong * nearness).sum(1) * weight).sum(), (direction.sum(1) * weight).sum()
