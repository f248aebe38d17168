"""An exponential moving average of the weights (Polyak and Juditsky 1992)."""

import copy

import torch
from torch import nn

from spotter.model.spotter import Spotter


class ExponentialMovingAverage:
    """A copy of a model with averaged weights; the decay is smaller in early steps, so that the starting weights soon
    have no influence."""

    def __init__(self, model: Spotter, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Moves the average towards `model` after step `step`, counted from 0."""
        keep = min(self.decay, (1 + step) / (10 + step))
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - keep)
            else:
                mine.copy_(theirs)
