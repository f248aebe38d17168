"""The backbone: computes maps at strides 2, 4, 8, ... of a picture."""

from typing import ClassVar

from torch import Tensor, nn

from spotter.model.blocks import AttentionBlock, InvertedBlock, ResidualBlock, downsampling
from spotter.model.config import HEAD, BackboneConfig
from spotter.model.roles import Roles

_ATTENTION_FROM = 16  # the finest stride with attention; finer maps have too many positions for it


class Backbone(nn.Module):
    """Stages of blocks, each half the size of the one before."""

    # The stem reads raw pixels and gives the recogniser its detail. The first stage's input has so wide a range that
    # rounding it to 8 bits caused more than half of the shared map's error.
    roles: ClassVar[Roles] = Roles(dense=("*",), exact=("stem.*", "stages.0.0.*"), ends=("stem.*",))

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
            made = (_block(config.block, channels, 4 << number) for _ in range(blocks))
            stages.append(nn.Sequential(downsampling(inputs, channels), *made))
            inputs = channels
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised pictures [B, 3, H, W] -> maps at strides 2, 4, 8, ...; H and W multiples of the last stride."""
        maps = [self.stem(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps


def _block(kind: str, channels: int, stride: int) -> nn.Module:
    if kind == "inverted":
        return InvertedBlock(channels)
    if kind == "attention" and stride >= _ATTENTION_FROM:
        return AttentionBlock(channels, HEAD)
    return ResidualBlock(channels)
