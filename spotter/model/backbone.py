"""The backbone: computes maps at strides 2, 4, 8, ... of a picture."""

from collections.abc import Callable
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.blocks import (
    AttentionBlock,
    BottleneckBlock,
    BranchedBlock,
    GroupedBlock,
    InvertedBlock,
    ResidualBlock,
    RotaryBlock,
    SeparableBlock,
    downsampling,
)
from spotter.model.config import HEAD, BackboneConfig
from spotter.model.roles import Roles

_ATTENTION_FROM = 16  # the finest stride with attention; finer maps have too many positions for it
_BLOCKS: dict[str, Callable[..., nn.Module]] = {
    "residual": ResidualBlock,
    "bottleneck": BottleneckBlock,
    "grouped": GroupedBlock,
    "separable": SeparableBlock,
    "inverted": InvertedBlock,
    "branched": BranchedBlock,
    "attention": ResidualBlock,
}


class Stage(nn.Sequential):
    """A convolution that halves the size, and blocks."""

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """[B, C, H, W] -> [B, C', H / 2, W / 2]; inside: [B, 1, H / 2, W / 2], see `spotter.model.blocks`."""
        halve, *blocks = self
        x = halve(x)
        for block in blocks:
            x = block(x, inside)
        return x


class Backbone(nn.Module):
    """Stages of blocks, each half the size of the one before."""

    # The stem reads raw pixels and gives the recogniser its detail. The first stage's input has so wide a range that
    # rounding it to 8 bits caused more than half of the shared map's error. Excitation computes only a few numbers a
    # picture, so float costs nothing there.
    roles: ClassVar[Roles] = Roles(
        dense=("*",), exact=("stem.*", "stages.0.0.*", "*.excitation.*"), precise=("*.excitation.*",), ends=("stem.*",)
    )

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        # 4x4 at stride 2, padded by 1, is centred between its four middle pixels: half-pixel aligned.
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.stem, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(config.stem),
            nn.ReLU(inplace=True),
        )
        stages = []
        inputs = config.stem
        for number, (channels, blocks) in enumerate(zip(config.channels, config.blocks, strict=True)):
            made = (_block(config, channels, 4 << number) for _ in range(blocks))
            stages.append(Stage(downsampling(inputs, channels), *made))
            inputs = channels
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor, inside: Tensor | None = None) -> list[Tensor]:
        """Normalised pictures [B, 3, H, W] -> maps at strides 2, 4, 8, ...; H and W multiples of the last stride.

        inside: float32 [B, 1, H, W], 1 on the picture and 0 in padding; without it the picture fills the input.
        """
        maps = [self.stem(images)]
        if inside is not None:
            inside = F.avg_pool2d(inside, 2)
        for stage in self.stages:
            if inside is not None:
                inside = F.avg_pool2d(inside, 2)
            maps.append(stage(maps[-1], inside))
        return maps


def _block(config: BackboneConfig, channels: int, stride: int) -> nn.Module:
    if config.block == "attention" and stride >= _ATTENTION_FROM:
        return (RotaryBlock if config.positions == "rotary" else AttentionBlock)(channels, HEAD)
    return _BLOCKS[config.block](channels, excitation=config.excitation)
