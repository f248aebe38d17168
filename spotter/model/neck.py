"""The neck: maps of every stride inform one another."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.blocks import convolution, downsampling


class FeaturePyramid(nn.Module):
    """A feature pyramid (Lin et al. 2017, arXiv:1612.03144) that hands out its finest map."""

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in inputs)
        self.smooth = nn.ModuleList(convolution(channels, channels) for _ in inputs[:-1])

    def levels(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps, finest first, each half the size of the one before -> as many, `channels` wide."""
        found: list[Tensor] = [self.lateral[-1](maps[-1])]
        for level in range(len(maps) - 2, -1, -1):
            found.insert(0, self.smooth[level](self.lateral[level](maps[level]) + _enlarged(found[0], 1)))
        return found

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps, finest first, each half the size of the one before -> one of the finest's size, `channels` wide."""
        return self.levels(maps)[0]


class PathAggregation(FeaturePyramid):
    """A feature pyramid with a way back up to the coarse maps (Liu et al. 2018, PANet, arXiv:1803.01534), whose levels
    are then summed at the finest's size (Wang et al. 2019, PAN, arXiv:1908.05900)."""

    def __init__(self, inputs: Sequence[int], channels: int) -> None:
        super().__init__(inputs, channels)
        self.down = nn.ModuleList(downsampling(channels, channels) for _ in inputs[1:])
        self.joined = nn.ModuleList(convolution(channels, channels) for _ in inputs[1:])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """As `FeaturePyramid.forward`."""
        finest, *coarser = self.levels(maps)
        total = last = finest
        for level, (down, joined, here) in enumerate(zip(self.down, self.joined, coarser, strict=True), 1):
            last = joined(down(last) + here)
            total = total + _enlarged(last, level)
        return total


def _enlarged(x: Tensor, times: int) -> Tensor:
    """A map [B, C, H, W], doubled so many times."""
    return F.interpolate(x, scale_factor=2.0**times, mode="nearest")
