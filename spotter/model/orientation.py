"""The orientation of a whole picture (upright or turned by a multiple of 90 degrees), from the detector's maps.

A detector trained mostly on upright pictures finds text that is upside down, but takes the wrong end for its start.
Over all words of a picture the shared map shows the orientation well, so one small network classifies the whole
picture, and the caller may turn the picture and read it again. Features are pooled by attention as in Lin et al. 2017,
arXiv:1703.03130; here the detector's score is the attention.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_POINTS = 512
"""The number of anchor points that are pooled: those with the highest scores."""
_WIDTH = 64


class Orientation(nn.Module):
    """Logits of a picture's four orientations, from the shared map at anchor points of words."""

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
    """Features [B, K, C] at the anchor points with the highest scores, and their probabilities [B, K].

    shared: [B, C, H, W]. score: logits [B, 1, H, W]. real: bool [B, H, W], the points on a picture; points in padding
    have probability 0. K is at most `_POINTS`.
    """
    probability = (score.sigmoid().squeeze(1) * real.to(score.dtype)).flatten(1)
    scores, index = probability.topk(torch.sym_min(_POINTS, probability.shape[1]), dim=1)  # type: ignore[no-untyped-call]
    features = shared.flatten(2).gather(2, index[:, None].expand(-1, shared.shape[1], -1))
    return features.transpose(1, 2).float(), scores
