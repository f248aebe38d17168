"""Layers that several parts share, and the blocks of a backbone's stages.

A block keeps the size of a map: [B, C, H, W] -> the same. `inside` [B, 1, H, W] is 1 where the map shows a picture and
0 where it shows padding; only blocks that look at a whole map need it. Without it the picture is taken to fill the map.
"""

import torch
from torch import Tensor, nn

from spotter.model.convolution import Convolution
from spotter.model.excitation import SqueezeExcitation
from spotter.model.rotary import axial_angles
from spotter.model.transformer import PreNormLayer

GROUP = 8
"""Channels of a group of a grouped convolution."""


def convolution(
    inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, groups: int = 1, dilation: int = 1
) -> nn.Sequential:
    """A convolution of stride 1 that keeps the size, batch norm and ReLU."""
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (dilation * (size[0] // 2), dilation * (size[1] // 2))
    return nn.Sequential(
        Convolution(inputs, outputs, size, padding=padding, dilation=dilation, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def downsampling(inputs: int, outputs: int) -> nn.Sequential:
    """Halves the size with a 2x2 convolution of stride 2, batch norm and ReLU.

    A 2x2 window keeps the half-pixel alignment (a 3x3 one would move the picture by half a position), and its backward
    pass is many times faster than a strided 3x3 one's on a CPU.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 2, stride=2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two parts with a residual connection, and optionally squeeze-and-excitation before it."""

    def __init__(self, channels: int, first: nn.Sequential, second: nn.Sequential, excitation: bool) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.excitation = SqueezeExcitation(channels) if excitation else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        y = self.second(self.first(x))
        if self.excitation is not None:
            y = self.excitation(y, inside)
        out: Tensor = self.activation(y + x)
        return out


class ResidualBlock(_Residual):
    """Two dense 3x3 convolutions with a residual connection (He et al. 2016, arXiv:1512.03385)."""

    def __init__(self, channels: int, excitation: bool = False) -> None:
        first = convolution(channels, channels)
        second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        super().__init__(channels, first, second, excitation)


class BottleneckBlock(_Residual):
    """A 3x3 convolution between 1x1 ones at a quarter of the width, as in ResNet-50 (He et al. 2016)."""

    def __init__(self, channels: int, excitation: bool = False) -> None:
        narrow = channels // 4
        first = nn.Sequential(*convolution(channels, narrow, 1), *convolution(narrow, narrow))
        super().__init__(channels, first, _widening(narrow, channels), excitation)


class GroupedBlock(_Residual):
    """A 3x3 convolution in groups of 8 channels between 1x1 ones at half the width: ResNeXt (Xie et al. 2017,
    arXiv:1611.05431)."""

    def __init__(self, channels: int, excitation: bool = False) -> None:
        narrow = channels // 2
        first = nn.Sequential(*convolution(channels, narrow, 1), *convolution(narrow, narrow, groups=narrow // GROUP))
        super().__init__(channels, first, _widening(narrow, channels), excitation)


class SeparableBlock(_Residual):
    """Two depthwise-separable convolutions, each a 3x3 one of single channels and a 1x1 one across them (Xception:
    Chollet 2017, arXiv:1610.02357)."""

    def __init__(self, channels: int, excitation: bool = False) -> None:
        first = nn.Sequential(*_depthwise(channels), *convolution(channels, channels, 1))
        second = nn.Sequential(*_depthwise(channels), *_widening(channels, channels))
        super().__init__(channels, first, second, excitation)


def _widening(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def _depthwise(channels: int) -> nn.Sequential:
    kernel = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    return nn.Sequential(kernel, nn.BatchNorm2d(channels))


class InvertedBlock(nn.Module):
    """An inverted residual block: 1x1 convolution to a wider map, depthwise 3x3, 1x1 back, and a residual connection
    (MobileNetV2: Sandler et al. 2018, arXiv:1801.04381), by default without squeeze-and-excitation, as in
    EfficientNet-Lite.

    excitation: squeeze-and-excitation of the wide map, as in EfficientNet's MBConv (Tan and Le 2019, arXiv:1905.11946),
        whose SiLU is a ReLU here, because a ReLU loses less accuracy in 8 bits.
    """

    def __init__(self, channels: int, expansion: int = 4, excitation: bool = False) -> None:
        super().__init__()
        wide = expansion * channels
        self.widen = convolution(channels, wide, 1)
        self.across = convolution(wide, wide, groups=wide)
        self.excitation = SqueezeExcitation(wide, 4 * expansion) if excitation else None
        self.narrow = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        y = self.across(self.widen(x))
        if self.excitation is not None:
            y = self.excitation(y, inside)
        out: Tensor = x + self.narrow(y)
        return out


class BranchedBlock(nn.Module):
    """A 3x3 convolution, a 1x1 one and the map itself, each with a batch norm, added up: RepVGG (Ding et al. 2021,
    arXiv:2101.03697). After training, `merge` replaces them by one 3x3 convolution that computes the same."""

    def __init__(self, channels: int, excitation: bool = False) -> None:
        super().__init__()
        self.wide = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.narrow = _widening(channels, channels)
        self.same = nn.BatchNorm2d(channels)
        self.merged: nn.Conv2d | None = None
        self.excitation = SqueezeExcitation(channels) if excitation else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        y = self.wide(x) + self.narrow(x) + self.same(x) if self.merged is None else self.merged(x)
        if self.excitation is not None:
            y = self.excitation(y, inside)
        out: Tensor = self.activation(y)
        return out

    @torch.no_grad()
    def merge(self) -> None:
        """Replaces the branches, in evaluation mode, by one convolution."""
        channels = self.same.num_features
        kernel = torch.zeros(channels, channels, 3, 3, device=self.same.running_var.device)  # type: ignore[union-attr]
        bias = torch.zeros(channels, device=kernel.device)
        identity = torch.eye(channels, device=kernel.device)[..., None, None]
        branches = ((*self.wide, slice(None)), (*self.narrow, slice(1, 2)), (None, self.same, slice(1, 2)))
        for convolved, norm, window in branches:
            weight = identity if convolved is None else convolved.weight
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            kernel[:, :, window, window] += weight * scale[:, None, None, None]
            bias += norm.bias - norm.running_mean * scale
        merged = nn.Conv2d(channels, channels, 3, padding=1, device=kernel.device)
        merged.weight.copy_(kernel)
        assert merged.bias is not None
        merged.bias.copy_(bias)
        del self.wide, self.narrow, self.same
        self.merged = merged


class AttentionBlock(PreNormLayer):
    """A Transformer layer over all positions of a map (ViT: Dosovitskiy et al. 2021, arXiv:2010.11929)."""

    def __init__(self, channels: int, head: int) -> None:
        super().__init__(channels, channels // head, nn.Conv2d(channels, channels, 3, padding=1, groups=channels))

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        tokens = self.mix((x + self.position(x)).flatten(2).transpose(1, 2), _attendable(inside))  # B x H W x C
        return tokens.transpose(1, 2).reshape(x.shape)


class RotaryBlock(PreNormLayer):
    """A Transformer layer with rotary positions: queries and keys are rotated by angles that grow with the row and the
    column, so that the attention between two positions depends on their distance, in a map of any size (Su et al. 2021,
    arXiv:2104.09864; in two dimensions: Heo et al. 2024, arXiv:2403.13298)."""

    def __init__(self, channels: int, head: int) -> None:
        super().__init__(channels, channels // head, nn.Identity())

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        angles = axial_angles(x.shape[2], x.shape[3], x.shape[1] // self.heads, x.device)
        tokens = self.mix(x.flatten(2).transpose(1, 2), _attendable(inside), angles)
        return tokens.transpose(1, 2).reshape(x.shape)


def _attendable(inside: Tensor | None) -> Tensor | None:
    """Which positions [B, H W, 1] may be attended to."""
    return None if inside is None else (inside > 0).float().flatten(2).transpose(1, 2)
