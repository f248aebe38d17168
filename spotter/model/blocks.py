"""Layers that several parts share."""

from torch import Tensor, nn

from spotter.model.transformer import PreNormLayer


def convolution(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, groups: int = 1) -> nn.Sequential:
    """A convolution of stride 1 that keeps the size, batch norm and ReLU."""
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=(size[0] // 2, size[1] // 2), groups=groups, bias=False),
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


class ResidualBlock(nn.Module):
    """Two dense 3x3 convolutions with a residual connection (He et al. 2016, arXiv:1512.03385)."""

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
    """A depthwise 3x3 convolution between a wide map and back, with a residual connection: MobileNetV2 (Sandler et al.
    2018, arXiv:1801.04381), as EfficientNet-Lite has it, without squeeze and excitation."""

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        wide = expansion * channels
        self.widen = convolution(channels, wide, 1)
        self.across = convolution(wide, wide, groups=wide)
        self.narrow = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        out: Tensor = x + self.narrow(self.across(self.widen(x)))
        return out


class AttentionBlock(PreNormLayer):
    """A Transformer layer over all positions of a map (ViT: Dosovitskiy et al. 2021, arXiv:2010.11929)."""

    def __init__(self, channels: int, head: int) -> None:
        super().__init__(channels, channels // head, nn.Conv2d(channels, channels, 3, padding=1, groups=channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        tokens = self.mix((x + self.position(x)).flatten(2).transpose(1, 2))  # B x H W x C
        return tokens.transpose(1, 2).reshape(x.shape)
