"""FOTS's detection head: dense maps, and their conversion to slanted boxes.

Every anchor point predicts whether it lies in the core of a word, its distances to the word's four sides, measured in
the word's own frame, the reading direction, over the full circle, and the slant of the upright strokes. The head is
trained on plain maps and applied to the mosaic of the picture's pyramid.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from spotter.families.candidates import agreeing_weights, best_points, first_standing
from spotter.families.fots.boxes import probiou
from spotter.families.fots.config import DetectionConfig
from spotter.families.fots.ends import sharpen_ends
from spotter.families.fots.joining import join_touching
from spotter.families.fots.maps import DetectionMaps, decode_boxes
from spotter.families.fots.underscores import with_underscores
from spotter.model.anchors import AnchorPoints
from spotter.model.blocks import convolution
from spotter.model.family import Head, Regions
from spotter.model.roles import Roles

_DISTANCE_SCALE = 16.0


class DetectionHead(Head):
    """Score, four distances and a direction (Zhou et al. 2017, EAST, arXiv:1704.03155, here with angles over the full
    circle and a slant)."""

    summary: ClassVar[str] = (
        "A FOTS text spotter: one network that finds words as rotated boxes and reads them, case kept."
    )
    # The last layer predicts distances in pixels: 8 bits or half precision are too coarse.
    roles: ClassVar[Roles] = Roles(dense=("*",), exact=("out.*",), precise=("out.*",), last=("out.*",), ends=("out.*",))

    def __init__(self, inputs: int, config: DetectionConfig) -> None:
        super().__init__()
        self.config = config
        self.shared = convolution(inputs, config.channels)
        self.out = nn.Conv2d(config.channels, 8, 1)
        # Text is rare and mostly level: the biases start at such predictions, so that the first steps need not learn
        # them.
        self.out.bias = nn.Parameter(torch.tensor([-3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]))

    def forward(self, features: Tensor, anchors: AnchorPoints) -> DetectionMaps:
        """Features [B, C, H, W], one vector a point -> maps of the same size, float32."""
        out = self.out(self.shared(features)).float()
        score, distances, direction = out.split((1, 4, 3), 1)
        return DetectionMaps(score, distances.clamp(-6.0, 4.8).exp() * _DISTANCE_SCALE, direction, anchors)

    def regions(self, maps: DetectionMaps, sizes: Tensor, pictures: Tensor | None = None) -> Regions:
        """Boxes of the words in maps, best first within each picture; sizes, pictures: see `Head.regions`."""
        found = self.single_boxes(maps, sizes)
        if pictures is not None:
            found = replace(found, shapes=with_underscores(pictures, found.shapes, found.image_index))
        united, stays, gaps, parts = join_touching(found.shapes, found.scores, found.image_index, pictures)
        return Regions(united[stays], found.scores[stays], found.image_index[stays], gaps, parts)

    def single_boxes(self, maps: DetectionMaps, sizes: Tensor) -> Regions:
        """As `regions`, before boxes that touch are joined."""
        candidates, scores = select_candidates(maps, sizes, self.config)
        boxes, kept = merge_overlapping(candidates, scores, self.config)
        usable = kept & (boxes[..., 2] > 1) & (boxes[..., 3] > 1)
        image_index, row = usable.nonzero().unbind(1)
        return Regions(sharpen_ends(maps, boxes[image_index, row], image_index), scores[image_index, row], image_index)


def select_candidates(maps: DetectionMaps, sizes: Tensor, config: DetectionConfig) -> tuple[Tensor, Tensor]:
    """The candidates: boxes [B, M, 6] and scores [B, M], best first, zero where a picture has fewer
    (`spotter.families.candidates`)."""
    anchors = maps.anchors
    usable = anchors.fits(maps.distances[:, 0] + maps.distances[:, 2])
    best = best_points(maps, sizes, config.score_threshold, config.candidates, usable)
    distances = best.of(maps.distances) * best.at(anchors.scale)[..., None]
    return decode_boxes(distances, best.of(maps.direction), best.at(anchors.x), best.at(anchors.y)), best.scores


def merge_overlapping(boxes: Tensor, scores: Tensor, config: DetectionConfig) -> tuple[Tensor, Tensor]:
    """Non-maximum suppression and merging: boxes [B, M, 6] refined by overlapping ones, and which are kept, bool
    [B, M].

    Boxes come best first. A kept box becomes the score-weighted mean of the candidates that agree with it.
    """
    real = scores > 0
    overlap = probiou(boxes[:, :, None], boxes[:, None, :])  # B x M x M
    overlap = overlap * (real[:, :, None] & real[:, None, :]).to(overlap.dtype)
    stands = first_standing(overlap, config.suppression)
    theta = boxes[..., 4]
    parts = torch.cat((boxes[..., :4], theta.cos()[..., None], theta.sin()[..., None], boxes[..., 5:]), -1)
    mean = agreeing_weights(overlap, scores, config.merging) @ parts
    merged = torch.cat((mean[..., :4], torch.atan2(mean[..., 5], mean[..., 4])[..., None], mean[..., 6:]), -1)
    return merged, (stands > 0) & real
