"""Layers that several parts share."""

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
    """Two 3x3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        out: Tensor = self.activation(self.second(self.first(x)) + x)
        return out
