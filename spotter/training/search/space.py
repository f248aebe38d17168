"""The space that is searched: widths and depths of backbone, neck and head around those of a recipe."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spotter.families.config import SpotterConfig
from spotter.model.config import HEAD

FACTORS = (0.5, 0.75, 1.0, 1.25)
"""What the recipe's own widths are multiplied by."""
BLOCKS = (1, 2, 3)
NECKS = (32, 48, 64)
_STEM, _CHANNELS = 4, 8
_MULTIPLES = {"grouped": 16, "attention": HEAD}  # of channels, where blocks want more than _CHANNELS


@dataclass(frozen=True)
class Dimensions:
    """Widths and depths of a detector. stem, channels, blocks: of the backbone. neck: channels of the shared map.
    head: channels of the head, which every family calls so."""

    stem: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    neck: int
    head: int

    @classmethod
    def of(cls, config: SpotterConfig) -> "Dimensions":
        """Those of a network."""
        backbone = config.backbone
        return cls(backbone.stem, backbone.channels, backbone.blocks, config.neck, config.detection.channels)

    def applied(self, config: SpotterConfig) -> SpotterConfig:
        """The network with these widths and depths, as it is otherwise. Raises ValueError for impossible ones."""
        backbone = replace(config.backbone, stem=self.stem, channels=self.channels, blocks=self.blocks)
        detection = replace(config.detection, channels=self.head)
        return replace(config, backbone=backbone, neck=self.neck, detection=detection)

    def fields(self) -> dict[str, Any]:
        """As the tables below [model] of a recipe name them."""
        backbone = {"stem": self.stem, "channels": list(self.channels), "blocks": list(self.blocks)}
        return {"neck": self.neck, "backbone": backbone, "detection": {"channels": self.head}}


def widened(channels: int, factor: float, multiple: int) -> int:
    """The multiple that is closest to `factor` times the channels, at least one of it."""
    return max(multiple, round(channels * factor / multiple) * multiple)


def draw(config: SpotterConfig, rng: np.random.Generator) -> Dimensions:
    """Dimensions drawn evenly: each width of backbone and head by one of FACTORS of the network's own, each depth of
    BLOCKS, the neck of NECKS. Widths are multiples of 8, the stem's of 4, and of what the kind of block wants."""
    own = Dimensions.of(config)
    multiple = _MULTIPLES.get(config.backbone.block, _CHANNELS)
    stem = widened(own.stem, rng.choice(FACTORS), _STEM)
    channels = tuple(widened(width, rng.choice(FACTORS), multiple) for width in own.channels)
    blocks = tuple(int(rng.choice(BLOCKS)) for _ in own.blocks)
    neck = int(rng.choice(NECKS))
    head = widened(own.head, rng.choice(FACTORS), _CHANNELS)
    return Dimensions(stem, channels, blocks, neck, head)
