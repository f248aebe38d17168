"""Layers that several parts share."""

import torch.nn.functional as F
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3) -> nn.Sequential:
    """A convolution of stride 1 that keeps the size, batch norm and ReLU."""
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=(size[0] // 2, size[1] // 2), bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def downsampling(inputs: int, outputs: int) -> nn.Sequential:
    """Halves the size with a 2x2 convolution of stride 2, batch norm and ReLU.

    A 2x2 window keeps the half-pixel alignment (a 3x3 one would move the picture by half a cell), and its backward
    pass is many times faster than a strided 3x3 one's on a CPU.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 2, stride=2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """Two dense 3x3 convolutions beside an identity (He et al. 2016, arXiv:1512.03385)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        out: Tensor = self.activation(self.second(self.first(x)) + x)
        return out


class InvertedBlock(nn.Module):
    """A depthwise 3x3 convolution between a wide map and back, beside an identity: MobileNetV2 (Sandler et al. 2018,
    arXiv:1801.04381), as EfficientNet-Lite has it, without squeeze and excitation."""

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        wide = expansion * channels
        self.widen = convolution(channels, wide, 1)
        self.across = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True)
        )
        self.narrow = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        out: Tensor = x + self.narrow(self.across(self.widen(x)))
        return out


class AttentionBlock(nn.Module):
    """A pre-norm Transformer layer over all cells of a map (ViT: Dosovitskiy et al. 2021, arXiv:2010.11929).

    Places come from a depthwise convolution (Chu et al. 2021, arXiv:2102.10882): it knows no largest picture.
    """

    def __init__(self, channels: int, head: int) -> None:
        super().__init__()
        self.head = head
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.attention_norm = nn.LayerNorm(channels)
        self.queries_keys_values = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.feed_norm = nn.LayerNorm(channels)
        self.feed = nn.Sequential(nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        pictures, channels, rows, columns = x.shape
        cells = (x + self.position(x)).flatten(2).transpose(1, 2)  # B x H W x C
        parts = self.queries_keys_values(self.attention_norm(cells))
        parts = parts.reshape(pictures, rows * columns, 3, channels // self.head, self.head).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind(0))  # B x heads x H W x head
        cells = cells + self.project(mixed.transpose(1, 2).reshape(pictures, rows * columns, channels))
        cells = cells + self.feed(self.feed_norm(cells))
        out: Tensor = cells.transpose(1, 2).reshape(pictures, channels, rows, columns)
        return out
