"""The steps from a dense map of scores to words, which the families share: candidates and non-maximum suppression."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.model.family import Maps

_ROUNDS = 4


class Candidates(NamedTuple):
    """The best anchor points of each picture.

    scores: float32 [B, M], best first, 0 where a picture has fewer. points: int64 [B, M], indices into the flattened
    map.
    """

    scores: Tensor
    points: Tensor

    def of(self, values: Tensor) -> Tensor:
        """Values [B, C, H, W] of a map at these points: [B, M, C]."""
        flat = values.flatten(2).transpose(1, 2)  # B x HW x C
        return flat.gather(1, self.points[..., None].expand(-1, -1, values.shape[1]))

    def at(self, values: Tensor) -> Tensor:
        """Values [H, W] that hold for all pictures, at these points: [B, M]."""
        return values.flatten()[self.points]


def best_points(maps: Maps, sizes: Tensor, least: float, most: int, usable: Tensor | None = None) -> Candidates:
    """The points whose score is at least `least` and the highest in their 3x3 neighbourhood, at most `most` of a
    picture, and only `usable` ones, bool [B, H, W].

    sizes: int [B, 2] = (height, width) in pixels. M is the largest number of candidates of any picture, so that the
    cost of the following steps grows with the amount of text.
    """
    height, width = maps.score.shape[-2:]
    score = maps.score.sigmoid()
    anchors = maps.anchors
    real = anchors.inside & (anchors.y < sizes[:, 0, None, None]) & (anchors.x < sizes[:, 1, None, None])
    if usable is not None:
        real = real & usable
    peak = score >= F.max_pool2d(score, 3, stride=1, padding=1)
    score = (score * (peak & real[:, None] & (score >= least)).to(score.dtype)).flatten(1)
    best, index = score.topk(torch.sym_min(most, height * width), dim=1)  # type: ignore[no-untyped-call]
    count = (best > 0).sum(1).max().clamp(min=1).item()
    torch._check(count >= 1)  # type: ignore[no-untyped-call]
    torch._check(count <= best.shape[1])  # type: ignore[no-untyped-call]
    return Candidates(best[:, :count], index[:, :count])


def standing(suppresses: Tensor) -> Tensor:
    """Which of M regions stand [B, M], 0 or 1, if region i suppresses region j where [B, i, j] is 1 and i itself
    stands: cluster NMS (Zheng et al. 2021, arXiv:2005.03572) in a fixed number of rounds."""
    stands = torch.ones_like(suppresses.sum(1))
    for _ in range(_ROUNDS):
        stands = ((suppresses * stands[:, :, None]).sum(1) == 0).to(suppresses.dtype)
    return stands


def first_standing(overlap: Tensor, threshold: float) -> Tensor:
    """Which of M regions, best first, stand [B, M], 0 or 1: one that overlaps a better one which stands by more than
    the threshold does not. overlap: float32 [B, M, M]."""
    order = torch.arange(overlap.shape[1], device=overlap.device)
    better = (order[:, None] < order[None, :]).to(overlap.dtype)
    return standing((overlap > threshold).to(overlap.dtype) * better)


def agreeing_weights(agreement: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """float32 [B, M, M]: the weights with which candidates that agree with a region by more than the threshold make up
    its mean, in proportion to their scores [B, M]; the sum of each row is 1, or 0 where nothing agrees."""
    weights = (agreement > threshold).to(agreement.dtype) * scores[:, None, :]
    return weights / weights.sum(2, keepdim=True).clamp(min=1e-6)
