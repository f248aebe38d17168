"""ABCNet's detection head: dense maps, and how they become regions between two Bezier curves.

Every anchor point predicts whether it lies in the core of a word, and where that word's eight control points lie
relative to it, in two steps: a slanted box, as in FOTS, with control points at the thirds of its upper and lower edge,
and offsets of these points in the box's own frame. The offsets of a new head are 0, so it begins with straight words,
and weights of FOTS's head can be used for the first step. The head is trained on plain maps and applied to the mosaic
of the picture's pyramid.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from spotter.families.abcnet.bezier import NUMBERS, measured
from spotter.families.abcnet.config import CurveConfig
from spotter.families.abcnet.ends import sharpen_ends
from spotter.families.abcnet.maps import CurveMaps, decode_curves
from spotter.families.abcnet.overlap import pair_overlaps
from spotter.families.candidates import agreeing_weights, best_points, first_standing, standing
from spotter.model.anchors import AnchorPoints
from spotter.model.blocks import convolution
from spotter.model.family import Head, Regions
from spotter.model.roles import Roles

_DISTANCE_SCALE = 16.0
_COORDINATES = 2
_SAME = 0.3  # the overlap above which two regions with refined ends are one word


class CurveHead(Head):
    """Anchor-free as in ABCNet (Liu et al. 2020, arXiv:2002.10200), on one map instead of a pyramid of them."""

    summary: ClassVar[str] = (
        "An ABCNet text spotter: one network that finds words between two curves and reads them, case kept."
    )
    # The last layers predict distances in pixels: 8 bits or half precision are too coarse.
    roles: ClassVar[Roles] = Roles(
        dense=("*",),
        exact=("out.*", "curve.*"),
        precise=("out.*", "curve.*"),
        last=("out.*", "curve.*"),
        ends=("out.*", "curve.*"),
    )

    def __init__(self, inputs: int, config: CurveConfig) -> None:
        super().__init__()
        self.config = config
        self.shared = convolution(inputs, config.channels)
        self.out = nn.Conv2d(config.channels, 8, 1)
        # Text is rare and mostly level: the biases start at such predictions, so that the first steps need not learn
        # them.
        self.out.bias = nn.Parameter(torch.tensor([-3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]))
        self.bend = convolution(inputs + (_COORDINATES if config.coordinates else 0), config.bend)
        self.curve = nn.Conv2d(config.channels + config.bend, NUMBERS, 1)
        nn.init.zeros_(self.curve.weight)
        assert self.curve.bias is not None
        nn.init.zeros_(self.curve.bias)

    def forward(self, features: Tensor, anchors: AnchorPoints) -> CurveMaps:
        """Features [B, C, H, W], one vector an anchor point -> maps of the same size, float32."""
        shared = self.shared(features)
        score, distances, direction = self.out(shared).float().split((1, 4, 3), 1)
        seen = torch.cat((features, _places(features, anchors)), 1) if self.config.coordinates else features
        bend = self.curve(torch.cat((shared, self.bend(seen)), 1)).float()
        return CurveMaps(score, distances.clamp(-6.0, 4.8).exp() * _DISTANCE_SCALE, direction, bend, anchors)

    def regions(self, maps: CurveMaps, sizes: Tensor, pictures: Tensor | None = None) -> Regions:
        """Words in maps, best first within each picture; sizes: see `Head.regions`."""
        candidates, scores = select_candidates(maps, sizes, self.config)
        curves, kept = merge_overlapping(candidates, scores, self.config)
        image_index, row = kept.nonzero().unbind(1)
        found = sharpen_ends(maps, curves[image_index, row], image_index)
        found_scores = scores[image_index, row]
        lengths, heights = measured(found)
        usable = (lengths > 1) & (heights > 1) & single(found, found_scores, image_index)
        (usable,) = usable.nonzero().unbind(1)
        return Regions(found[usable], found_scores[usable], image_index[usable])


def single(curves: Tensor, scores: Tensor, image_index: Tensor) -> Tensor:
    """Which regions [N, 16] of pictures int64 [N] stand, bool [N]: of two that overlap, the one with the higher score.

    Points far apart in a bent word predict parts of it that hardly overlap. When their ends have been refined, both are
    the whole word.
    """
    overlap, _ = pair_overlaps(curves[None], torch.ones_like(scores, dtype=torch.bool)[None])
    order = torch.arange(scores.shape[0], device=scores.device)
    better = (scores[:, None] > scores) | ((scores[:, None] == scores) & (order[:, None] < order))
    suppresses = (overlap[0] > _SAME) & better & (image_index[:, None] == image_index)
    return standing(suppresses.to(scores.dtype)[None])[0] > 0


def _places(features: Tensor, anchors: AnchorPoints) -> Tensor:
    """The positions of the anchor points in the picture [B, 2, H, W], from -1 to 1."""
    x, y = (2 * side / side.amax().clamp(min=1) - 1 for side in (anchors.x, anchors.y))
    return torch.stack((x, y)).clamp(-1, 1).to(features.dtype)[None].expand(features.shape[0], -1, -1, -1)


def select_candidates(maps: CurveMaps, sizes: Tensor, config: CurveConfig) -> tuple[Tensor, Tensor]:
    """Candidates: regions [B, M, 16] and scores [B, M], best first, zero where a picture has fewer
    (`spotter.families.candidates`), and where a word has no size that its level of the pyramid finds."""
    anchors = maps.anchors
    best = best_points(maps, sizes, config.score_threshold, config.candidates)
    points = torch.stack((best.at(anchors.x), best.at(anchors.y)), -1)
    scale = best.at(anchors.scale)
    curves = decode_curves(best.of(maps.distances), best.of(maps.direction), best.of(maps.bend), points, scale)
    heights = measured(curves.flatten(0, 1)).heights.reshape(best.scores.shape[0], -1) / scale
    return curves, best.scores * replace(anchors, scale=scale).fits(heights).to(best.scores.dtype)


def merge_overlapping(curves: Tensor, scores: Tensor, config: CurveConfig) -> tuple[Tensor, Tensor]:
    """Non-maximum suppression and merging: regions [B, M, 16] refined by overlapping ones, and which are kept, bool
    [B, M].

    Regions come best first. A kept region becomes the score-weighted mean of the candidates that agree with it, control
    point by control point.
    """
    real = scores > 0
    overlap, agreement = pair_overlaps(curves, real)
    stands = first_standing(overlap, config.suppression)
    return agreeing_weights(agreement, scores, config.merging) @ curves, (stands > 0) & real
