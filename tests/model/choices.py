"""The smallest network of each choice of the configuration."""

from dataclasses import replace
from typing import Any

from spotter.families.config import SpotterConfig
from spotter.model.config import BackboneConfig, RecogniserConfig
from tests.model.small import SMALL_RECOGNISER, small_config


def _with(backbone: dict[str, Any] | None = None, **changes: Any) -> SpotterConfig:
    """`small_config`, with three stages as wide as every kind of block needs."""
    stages = BackboneConfig(stem=4, channels=(16, 16, 32), blocks=(1, 1, 1), **(backbone or {}))
    return replace(small_config(), backbone=stages, **changes)


MAPS: dict[str, SpotterConfig] = {
    "residual blocks with excitation": _with({"excitation": True}),
    "bottleneck blocks": _with({"block": "bottleneck"}),
    "grouped blocks": _with({"block": "grouped"}),
    "separable blocks": _with({"block": "separable"}),
    "inverted blocks with excitation": _with({"block": "inverted", "excitation": True}),
    "branched blocks": _with({"block": "branched"}),
    "attention": _with({"block": "attention"}),
    "attention with rotary positions": _with({"block": "attention", "positions": "rotary"}),
    "a gate and dilated context": _with(gate=True, context="dilated"),
    "PAN and branches of context": _with(neck_kind="pan", context="branches"),
    "BiFPN and a gate": _with(neck_kind="bifpn", gate=True),
}
"""What may be chosen below the head."""

_READER = replace(SMALL_RECOGNISER, longest=6)
READING: dict[str, RecogniserConfig] = {
    "LSTM": replace(_READER, encoder="lstm"),
    "GRU": replace(_READER, encoder="gru"),
    "attention beside CTC": replace(_READER, decoder="both"),
    "attention decoder": replace(_READER, decoder="attention"),
    "hybrid decoder": replace(_READER, decoder="hybrid"),
}
"""What may be chosen of the recogniser."""
