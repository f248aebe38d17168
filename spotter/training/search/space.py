"""The space that is searched: widths and depths of backbone, neck and head around those of a recipe."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spotter.families.config import SpotterConfig
from spotter.model.config import HEAD

FACTORS = (0.5, 0.75, 1.0, 1.25)
"""Factors by which the recipe's own widths are multiplied."""
BLOCKS = (1, 2, 3)
NECKS = (32, 48, 64)
_STEM, _CHANNELS = 4, 8
_MULTIPLES = {"grouped": 16, "attention": HEAD}  # of channels, for blocks that need larger multiples than _CHANNELS


@dataclass(frozen=True)
class Dimensions:
    """Widths and depths of a detector. stem, channels, blocks: of the backbone. neck: channels of the shared map.
    head: the setting `channels` of the head, which every family has."""

    stem: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    neck: int
    head: int

    @classmethod
    def of(cls, config: SpotterConfig) -> "Dimensions":
        """The dimensions of a configuration."""
        backbone = config.backbone
        return cls(backbone.stem, backbone.channels, backbone.blocks, config.neck, config.detection.channels)

    def applied(self, config: SpotterConfig) -> SpotterConfig:
        """The configuration with these widths and depths, and otherwise unchanged. Raises ValueError for impossible
        ones."""
        backbone = replace(config.backbone, stem=self.stem, channels=self.channels, blocks=self.blocks)
        detection = replace(config.detection, channels=self.head)
        return replace(config, backbone=backbone, neck=self.neck, detection=detection)

    def fields(self) -> dict[str, Any]:
        """The dimensions as fields of a recipe's tables below [model]."""
        backbone = {"stem": self.stem, "channels": list(self.channels), "blocks": list(self.blocks)}
        return {"neck": self.neck, "backbone": backbone, "detection": {"channels": self.head}}


def widened(channels: int, factor: float, multiple: int) -> int:
    """The multiple of `multiple` closest to `factor` times the channels, at least `multiple` itself."""
    return max(multiple, round(channels * factor / multiple) * multiple)


def draw(config: SpotterConfig, rng: np.random.Generator) -> Dimensions:
    """Dimensions drawn uniformly: each width of backbone and head is the network's own times one of FACTORS, each depth
    is one of BLOCKS, and the neck one of NECKS. Widths are multiples of 8, the stem's of 4, or of the larger multiple
    that a kind of block needs."""
    own = Dimensions.of(config)
    multiple = _MULTIPLES.get(config.backbone.block, _CHANNELS)
    stem = widened(own.stem, rng.choice(FACTORS), _STEM)
    channels = tuple(widened(width, rng.choice(FACTORS), multiple) for width in own.channels)
    blocks = tuple(int(rng.choice(BLOCKS)) for _ in own.blocks)
    neck = int(rng.choice(NECKS))
    head = widened(own.head, rng.choice(FACTORS), _CHANNELS)
    return Dimensions(stem, channels, blocks, neck, head)
