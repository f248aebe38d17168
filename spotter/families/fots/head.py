"""FOTS's detection head: dense maps, and how they become rotated boxes.

Every cell says whether it lies in the core of a word, how far its four sides are from the cell's centre, measured in
the word's own frame, the direction in which the word is read, over the full circle, and how far its upright strokes
lean. The head learns on plain maps and looks at the mosaic of the picture's pyramid afterwards.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.families.fots.boxes import MOST_SLANT, placed, probiou
from spotter.families.fots.config import DetectionConfig
from spotter.model.blocks import convolution
from spotter.model.cells import STRIDE, Cells
from spotter.model.family import Head, Regions
from spotter.model.roles import Roles

_DISTANCE_SCALE = 16.0
_ROUNDS = 4
_NEAR_END = 0.28  # of the width from the middle: within the core of words that are wide
_MOST_MOVED = 0.3  # of the width
_LONG = 48.0  # pixels; the middle of a shorter word sees its ends as well
_LONG_RATIO = 1.5
_JOINING_ROUNDS = 2
_SAME_DIRECTION = 0.97  # cosine of the angle between two parts of one word, at least
_SAME_LINE, _SAME_HEIGHT = 0.35, 0.6  # of the lower one's height at most; of the heights at least
_OVERLAPPING = 0.15  # of the narrower one's width


@dataclass(frozen=True)
class DetectionMaps:
    """score: logits [B, 1, H, W]. distances: map's pixels to the top, right, bottom and left side [B, 4, H, W].
    direction: (cos, sin), not normalised, and the slant [B, 3, H, W]. cells: where these are in the picture."""

    score: Tensor
    distances: Tensor
    direction: Tensor
    cells: Cells

    def boxes(self, image_index: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """The boxes [N, 6], in the picture's pixels, that cells tell."""
        cells = self.cells
        return cell_boxes(
            self.distances[image_index, :, row, column] * cells.scale[row, column][:, None],
            self.direction[image_index, :, row, column],
            cells.x[row, column],
            cells.y[row, column],
        )


class DetectionHead(Head):
    """Score, four distances and a direction (Zhou et al. 2017, EAST, arXiv:1704.03155, with the circle completed and a
    slant)."""

    # The last layer gives distances in pixels: few bits are too few.
    roles: ClassVar[Roles] = Roles(dense=("*",), exact=("out.*",), precise=("out.*",), last=("out.*",), ends=("out.*",))

    def __init__(self, inputs: int, config: DetectionConfig) -> None:
        super().__init__()
        self.config = config
        self.shared = convolution(inputs, config.channels)
        self.out = nn.Conv2d(config.channels, 8, 1)
        # Text is rare and mostly level: the first steps need not learn just that.
        self.out.bias = nn.Parameter(torch.tensor([-3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]))

    def forward(self, features: Tensor, cells: Cells) -> DetectionMaps:
        """Features [B, C, H, W], one vector a cell -> maps of the same size, float32."""
        out = self.out(self.shared(features)).float()
        score, distances, direction = out.split((1, 4, 3), 1)
        return DetectionMaps(score, distances.clamp(-6.0, 4.8).exp() * _DISTANCE_SCALE, direction, cells)

    def regions(self, maps: DetectionMaps, sizes: Tensor) -> Regions:
        """Boxes of the words in maps, best first within each picture; sizes int [B, 2] = (height, width) in pixels."""
        candidates, scores = select_candidates(maps, sizes, self.config)
        boxes, kept = merge_overlapping(candidates, scores, self.config)
        usable = kept & (boxes[..., 2] > 1) & (boxes[..., 3] > 1)
        image_index, row = usable.nonzero().unbind(1)
        found, sure = sharpen_ends(maps, boxes[image_index, row], image_index), scores[image_index, row]
        for _ in range(_JOINING_ROUNDS):
            found, stands = join_fragments(found, sure, image_index)
            found, sure, image_index = found[stands], sure[stands], image_index[stands]
        return Regions(found, sure, image_index)


def cell_boxes(distances: Tensor, direction: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Boxes [..., 6] told by cells: distances [..., 4], direction [..., 3], the cells' centres x, y [...] in pixels."""
    top, right, bottom, left = distances.unbind(-1)
    norm = direction[..., :2].square().sum(-1).sqrt().clamp(min=1e-6)
    cos, sin = direction[..., 0] / norm, direction[..., 1] / norm
    slant = direction[..., 2].clamp(-MOST_SLANT, MOST_SLANT)
    down = (bottom - top) / 2
    along = (right - left) / 2 + slant * down
    return torch.stack(
        (
            x + along * cos - down * sin,
            y + along * sin + down * cos,
            left + right,
            top + bottom,
            torch.atan2(sin, cos),
            slant,
        ),
        -1,
    )


def sharpen_ends(maps: DetectionMaps, boxes: Tensor, image_index: Tensor) -> Tensor:
    """Boxes [N, 6] with each end as told by the cell next to it.

    The further a side, the less sure a cell is of it, and a middle cell sees both ends of a long word from afar; a box
    that is a letter short cannot be read. (AdvancedEAST asks the cells at the ends for the same reason.) An end stays
    where the cell next to it is no text or is of another word.
    """
    rows, columns = maps.score.shape[-2:]
    cells = maps.cells
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    cos, sin = theta.cos(), theta.sin()
    there = placed(boxes, cells)
    long = (w > _LONG) & (w > _LONG_RATIO * h)
    ends = []
    for sign, side in ((-1.0, 3), (1.0, 1)):
        away = sign * _NEAR_END * there[:, 2]
        column = ((there[:, 0] + away * cos) / STRIDE).clamp(0, columns - 1).to(torch.int64)
        row = ((there[:, 1] + away * sin) / STRIDE).clamp(0, rows - 1).to(torch.int64)
        x, y = cells.x[row, column] - cx, cells.y[row, column] - cy
        along = x * cos + y * sin - slant * (y * cos - x * sin)
        told = along + sign * maps.distances[image_index, side, row, column] * cells.scale[row, column]
        direction = maps.direction[image_index, :2, row, column]
        aligned = direction[:, 0] * cos + direction[:, 1] * sin > 0.5 * direction.square().sum(1).sqrt()
        near = (told - sign * w / 2).abs() < _MOST_MOVED * w
        usable = long & aligned & near & (maps.score[image_index, 0, row, column] > 0)
        ends.append(torch.where(usable, told, sign * w / 2))
    left, right = ends
    middle = (left + right) / 2
    return torch.stack((cx + middle * cos, cy + middle * sin, (right - left).clamp(min=1), h, theta, slant), 1)


def join_fragments(boxes: Tensor, scores: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes [N, 6] of which those that are parts of one word became the word's, and which of them stay, bool [N].

    Cells near the two ends of a wide word may tell two boxes, each with one end right. Words of one line do not overlap
    along it, so boxes of one line that do are parts of one word: the surest of them takes the ends of all.
    """
    # One box of no picture more keeps reductions away from tensors of no rows.
    boxes = F.pad(boxes, (0, 0, 0, 1), value=1.0)
    scores, image_index = F.pad(scores, (0, 1)), F.pad(image_index, (0, 1), value=-1)
    cx, cy, w, h, theta, slant = boxes.unbind(1)
    cos, sin = theta.cos(), theta.sin()
    dx, dy = cx[None, :] - cx[:, None], cy[None, :] - cy[:, None]  # of j, from i
    down = dy * cos[:, None] - dx * sin[:, None]
    along = dx * cos[:, None] + dy * sin[:, None] - slant[:, None] * down
    ratio = h[None, :] / h[:, None]
    same_line = (
        (image_index[:, None] == image_index[None, :])
        & ((theta[:, None] - theta[None, :]).cos() > _SAME_DIRECTION)
        & (down.abs() < _SAME_LINE * torch.minimum(h[:, None], h[None, :]))
        & (ratio > _SAME_HEIGHT)
        & (ratio < 1 / _SAME_HEIGHT)
    )
    half = w / 2
    left, right = along - half[None, :], along + half[None, :]
    shared = torch.minimum(right, half[:, None]) - torch.maximum(left, -half[:, None])
    joined = same_line & (shared > _OVERLAPPING * torch.minimum(w[:, None], w[None, :]))
    order = torch.arange(boxes.shape[0], device=boxes.device)
    surer = (scores[:, None] > scores[None, :]) | ((scores[:, None] == scores[None, :]) & (order[:, None] < order))
    stands = ~(joined & surer).any(0)
    first = torch.minimum(torch.where(joined, left, 0.0).amin(1), -half)
    last = torch.maximum(torch.where(joined, right, 0.0).amax(1), half)
    middle = (first + last) / 2
    united = torch.stack((cx + middle * cos, cy + middle * sin, last - first, h, theta, slant), 1)
    return united[:-1], stands[:-1]


def select_candidates(maps: DetectionMaps, sizes: Tensor, config: DetectionConfig) -> tuple[Tensor, Tensor]:
    """The cells that may be words: boxes [B, M, 6] and scores [B, M], best first, zero where a picture has fewer.

    A candidate's score is at least the threshold and the highest in its 3x3 neighbourhood. M is the largest number
    that any picture has, so that what follows costs by the text that is there.
    """
    height, width = maps.score.shape[-2:]
    score = maps.score.sigmoid()
    cells = maps.cells
    real = cells.inside & (cells.y < sizes[:, 0, None, None]) & (cells.x < sizes[:, 1, None, None])
    real = real & cells.fits(maps.distances[:, 0] + maps.distances[:, 2])
    peak = score >= F.max_pool2d(score, 3, stride=1, padding=1)
    score = (score * (peak & real[:, None] & (score >= config.score_threshold)).to(score.dtype)).flatten(1)
    best, index = score.topk(torch.sym_min(config.candidates, height * width), dim=1)  # type: ignore[no-untyped-call]
    most = (best > 0).sum(1).max().clamp(min=1).item()
    torch._check(most >= 1)  # type: ignore[no-untyped-call]
    torch._check(most <= best.shape[1])  # type: ignore[no-untyped-call]
    best, index = best[:, :most], index[:, :most]

    def gather(values: Tensor) -> Tensor:
        channels = values.shape[1]
        flat = values.flatten(2).transpose(1, 2)  # B x HW x C
        return flat.gather(1, index[..., None].expand(-1, -1, channels))

    scale = cells.scale.flatten()[index]
    x, y = cells.x.flatten()[index], cells.y.flatten()[index]
    return cell_boxes(gather(maps.distances) * scale[..., None], gather(maps.direction), x, y), best


def merge_overlapping(boxes: Tensor, scores: Tensor, config: DetectionConfig) -> tuple[Tensor, Tensor]:
    """Boxes [B, M, 6] sharpened by their neighbours, and which of them stay, bool [B, M].

    Boxes come best first. Suppression is cluster NMS (Zheng et al. 2021, arXiv:2005.03572) in a fixed number of rounds:
    a box falls when a better box that stands overlaps it. One that stays becomes the score-weighted mean of the
    candidates that agree with it.
    """
    real = scores > 0
    overlap = probiou(boxes[:, :, None], boxes[:, None, :])  # B x M x M
    overlap = overlap * (real[:, :, None] & real[:, None, :]).to(overlap.dtype)
    order = torch.arange(boxes.shape[1], device=boxes.device)
    better = (order[:, None] < order[None, :]).to(overlap.dtype)
    suppresses = (overlap > config.suppression).to(overlap.dtype) * better  # [i, j]: i drops j
    stands = torch.ones_like(scores)
    for _ in range(_ROUNDS):
        stands = ((suppresses * stands[:, :, None]).sum(1) == 0).to(scores.dtype)
    agreeing = (overlap > config.merging).to(overlap.dtype) * scores[:, None, :]
    agreeing = agreeing / agreeing.sum(2, keepdim=True).clamp(min=1e-6)
    theta = boxes[..., 4]
    parts = torch.cat((boxes[..., :4], theta.cos()[..., None], theta.sin()[..., None], boxes[..., 5:]), -1)
    mean = agreeing @ parts
    merged = torch.cat((mean[..., :4], torch.atan2(mean[..., 5], mean[..., 4])[..., None], mean[..., 6:]), -1)
    return merged, (stands > 0) & real
