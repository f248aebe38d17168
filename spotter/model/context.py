"""Blocks that widen the receptive field of the shared map's positions."""

import torch
from torch import Tensor, nn

from spotter.model.blocks import convolution

_DILATIONS = (1, 2, 4)


class DilatedContext(nn.Module):
    """3x3 convolutions, each with twice the dilation of the one before, and a residual connection (Yu and Koltun 2016,
    arXiv:1511.07122): the receptive field is 15 x 15 positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(convolution(channels, channels, dilation=apart) for apart in _DILATIONS))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        out: Tensor = x + self.layers(x)
        return out


class BranchedContext(nn.Module):
    """Branches of different receptive fields at a quarter of the width each, joined by a 1x1 convolution with a
    residual connection (Inception-ResNet: Szegedy et al. 2017, arXiv:1602.07261; dilated as in RFB: Liu et al. 2018,
    arXiv:1711.07767): a 1x1 convolution, a 3x3 one, a 3x3 one of dilation 3, and a long one along each axis, since
    words are long."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 4
        self.branches = nn.ModuleList(
            nn.Sequential(convolution(channels, narrow, 1), *layers)
            for layers in (
                (),
                (convolution(narrow, narrow),),
                (convolution(narrow, narrow, dilation=3),),
                (convolution(narrow, narrow, (1, 9)), convolution(narrow, narrow, (9, 1))),
            )
        )
        self.join = nn.Sequential(nn.Conv2d(4 * narrow, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        out: Tensor = self.activation(x + self.join(torch.cat([branch(x) for branch in self.branches], 1)))
        return out
