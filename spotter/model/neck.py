"""The neck: maps of every stride inform one another."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.blocks import convolution


class FeaturePyramid(nn.Module):
    """A feature pyramid (Lin et al. 2017, arXiv:1612.03144) that hands out its finest map."""

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in inputs)
        self.smooth = nn.ModuleList(convolution(channels, channels) for _ in inputs[:-1])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps, finest first, each half the size of the one before -> one of the finest's size, `channels` wide."""
        top: Tensor = self.lateral[-1](maps[-1])
        for level in range(len(maps) - 2, -1, -1):
            upper = F.interpolate(top, scale_factor=2.0, mode="nearest")
            top = self.smooth[level](self.lateral[level](maps[level]) + upper)
        return top
