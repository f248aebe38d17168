"""Which way up a picture lies, from the maps that find its words.

A detector trained mostly on upright pictures sees text that is upside down, but not which way it is read. Over all
words of a picture the shared map tells it well, so one small network answers once for the whole picture, and whoever
reads may turn the picture and read it again (Lin et al. 2017, arXiv:1703.03130, pool features by attention alike; here
the detector's score is the attention).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_POINTS = 512
"""Anchor points that answer: those that the detector is surest of."""
_WIDTH = 64


class Orientation(nn.Module):
    """Logits of the four ways in which a picture may lie, from the shared map at anchor points of words."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, inputs: int) -> None:
        """inputs: channels of the shared map."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.first = nn.Linear(inputs, _WIDTH)
        self.second = nn.Linear(_WIDTH, _WIDTH)
        self.out = nn.Linear(_WIDTH, 4)

    def forward(self, features: Tensor, scores: Tensor) -> Tensor:
        """Logits [B, 4]: upright, or turned clockwise by 90, 180 or 270 degrees.

        features, scores: of `sure_points`.
        """
        hidden = F.relu(self.second(F.relu(self.first((features - self.mean) / self.deviation))))
        weights = scores / (scores.sum(1, keepdim=True) + 1e-3)
        logits: Tensor = self.out((hidden * weights[..., None]).sum(1))
        return logits


def sure_points(shared: Tensor, score: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Features [B, K, C] at the anchor points that the detector is surest of, and their probabilities [B, K].

    shared: [B, C, H, W]. score: logits [B, 1, H, W]. real: bool [B, H, W], the points on a picture; others have
    probability 0. K is at most `_POINTS`.
    """
    probability = (score.sigmoid().squeeze(1) * real.to(score.dtype)).flatten(1)
    scores, index = probability.topk(torch.sym_min(_POINTS, probability.shape[1]), dim=1)  # type: ignore[no-untyped-call]
    features = shared.flatten(2).gather(2, index[:, None].expand(-1, shared.shape[1], -1))
    return features.transpose(1, 2).float(), scores
