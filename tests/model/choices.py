"""The smallest network of each choice of the configuration."""

from dataclasses import replace

from spotter.families.config import SpotterConfig
from spotter.model.config import BackboneConfig, RecogniserConfig
from tests.model.small import SMALL_RECOGNISER, small_config


def _with(kind: str, stages: int = 2, excitation: bool = False, positions: str = "convolution") -> SpotterConfig:
    """`small_config`, with stages as wide as every kind of block needs."""
    widths = (16, 16, 32)[3 - stages :]
    backbone = BackboneConfig(4, widths, (1,) * stages, kind, excitation, positions)
    return replace(small_config(), backbone=backbone)


MAPS: dict[str, SpotterConfig] = {
    "excitation, gate, dilated context": replace(_with("residual", excitation=True), gate=True, context="dilated"),
    "bottleneck blocks, PAN, branches of context": replace(_with("bottleneck"), neck_kind="pan", context="branches"),
    "grouped blocks, BiFPN, gate": replace(_with("grouped"), neck_kind="bifpn", gate=True),
    "separable blocks": _with("separable"),
    "inverted blocks with excitation": _with("inverted", excitation=True),
    "branched blocks": _with("branched"),
    "attention": _with("attention", 3),
    "attention with rotary positions": _with("attention", 3, positions="rotary"),
}
"""What may be chosen below the head, each at least once."""

_READER = replace(SMALL_RECOGNISER, longest=6)
READING: dict[str, RecogniserConfig] = {
    "LSTM": replace(_READER, encoder="lstm"),
    "GRU": replace(_READER, encoder="gru"),
    "attention beside CTC": replace(_READER, decoder="both"),
    "attention decoder": replace(_READER, decoder="attention"),
    "hybrid decoder": replace(_READER, decoder="hybrid"),
}
"""What may be chosen of the recogniser."""
