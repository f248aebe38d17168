"""The configuration of the parts that all families share, checked when it is built."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

HEAD = 32
"""Channels of one attention head in a backbone."""
BLOCKS = ("residual", "bottleneck", "grouped", "separable", "inverted", "branched", "attention")
POSITIONS = ("convolution", "rotary")
CONTEXTS = ("none", "dilated", "branches")
_WIDTHS = {"bottleneck": 4, "grouped": 16}  # channels of such stages must be multiples of these
ENCODERS = ("transformer", "lstm", "gru")
DECODERS = ("ctc", "both", "attention", "hybrid")
NECKS = ("fpn", "pan", "bifpn")
PLANS = ("small", "tiny")


@dataclass(frozen=True)
class BackboneConfig:
    """A backbone of stages, each half the size of the one before.

    block: what stages are made of, see `spotter.model.blocks`: "residual", dense 3x3 convolutions; "bottleneck", one at
        a quarter of the width; "grouped", one in groups; "separable", depthwise ones and 1x1 ones; "inverted",
        depthwise ones between wide maps; "branched", dense ones that are trained in branches and exported as one;
        "attention", Transformer layers from stride 16 on and dense convolutions before.
    excitation: whether blocks weigh their channels by means over the picture (squeeze-and-excitation).
    positions: how attention encodes positions, by a depthwise "convolution" or as "rotary" positions; both work for
    maps of any size.
    stem: channels of the stride-2 map, which the recogniser samples for fine detail.
    channels, blocks: of the stages at strides 4, 8, 16, 32 and 64; the last one widens the receptive field to
        more than a thousand pixels, enough for long words, at a hundredth of the cost.
    """

    stem: int = 16
    channels: tuple[int, ...] = (32, 64, 128, 256, 256)
    blocks: tuple[int, ...] = (1, 2, 2, 2, 1)
    block: str = "residual"
    excitation: bool = False
    positions: str = "convolution"

    def __post_init__(self) -> None:
        if self.block not in BLOCKS:
            raise ValueError(f"block must be one of {', '.join(BLOCKS)}")
        if self.positions not in POSITIONS:
            raise ValueError(f"positions must be one of {', '.join(POSITIONS)}")
        if self.positions != "convolution" and self.block != "attention":
            raise ValueError("only blocks of attention have positions")
        multiple = _WIDTHS.get(self.block, 1)
        if any(width % multiple for width in self.channels):
            raise ValueError(f"channels of stages of {self.block} blocks must be multiples of {multiple}")
        if self.block == "attention" and any(width % HEAD for width in self.channels[2:]):
            raise ValueError(f"channels of stages of attention must be multiples of {HEAD}")
        if len(self.channels) != len(self.blocks) or len(self.channels) < 2:
            raise ValueError("channels and blocks must name the same stages, at least two")
        if self.stem < 1 or min(self.channels) < 1 or min(self.blocks) < 1:
            raise ValueError("every width and depth must be at least 1")

    @property
    def needs_padding_mask(self) -> bool:
        """Whether blocks look at whole maps, so that they need a mask of the padding."""
        return self.excitation or self.block == "attention"

    @property
    def stride(self) -> int:
        """The stride of the last stage, in pixels: the sides of pictures must be multiples of it."""
        return 1 << (len(self.channels) + 1)


BACKBONE_PLANS: Mapping[str, BackboneConfig] = {
    "resnet18": BackboneConfig(64, (64, 128, 256, 512), (2, 2, 2, 2)),
    "resnet34": BackboneConfig(64, (64, 128, 256, 512), (3, 4, 6, 3)),
    "resnet50": BackboneConfig(64, (256, 512, 1024, 2048), (3, 4, 6, 3), "bottleneck"),
    "efficientnet": BackboneConfig(32, (24, 40, 112, 192), (2, 2, 6, 4), "inverted", excitation=True),
    "repvgg": BackboneConfig(48, (48, 96, 192, 1280), (1, 3, 13, 1), "branched"),
    "vit": BackboneConfig(48, (48, 96, 192, 192), (1, 1, 10, 2), "attention", positions="rotary"),
}
"""Widths and depths of known networks: those of ResNet-18, -34 and -50, and nearly those of EfficientNet-B0 (its stages
of equal stride are merged into one), RepVGG-A0 and ViT-Tiny (its first two stages are convolutions here). The stem and
the downsampling convolutions are always this project's, which keep half-pixel alignment."""


def backbone_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a backbone's configuration, with the fields of the plan that they name filled in. Raises ValueError
    for an unknown plan."""
    fields = dict(values)
    plan = fields.pop("plan", None)
    if plan is None:
        return fields
    if plan not in BACKBONE_PLANS:
        raise ValueError(f"the backbone's plan must be one of {', '.join(BACKBONE_PLANS)}")
    return asdict(BACKBONE_PLANS[plan]) | fields


@dataclass(frozen=True)
class RecogniserConfig:
    """Convolutions, a sequence encoder and a decoder.

    height: rows of a patch sampled at stride 4; the patch at stride 2 has twice as many.
    min_width, max_width: limits of a patch's columns; in between they are height x the region's aspect ratio.
    channels: of the convolutions at `height` rows and at half of them.
    encoder: "transformer" (Vaswani et al. 2017, arXiv:1706.03762), or "lstm" or "gru" in both directions (Shi et al.
        2017, CRNN, arXiv:1507.05717). width, layers: of the encoder; heads: of the Transformer's attention.
    decoder: which part reads. "ctc"; "both": an attention decoder is trained in addition, and CTC alone reads;
        "attention": trained as "both", but the attention decoder alone reads; "hybrid": both read, see
        `spotter.model.joint`.
    longest: the most characters of a text that an attention decoder reads. ctc_weight: CTC's share of a hybrid's score.
    detail: whether the map at stride 2 is read in addition to the shared map at stride 4.
    """

    height: int = 8
    min_width: int = 8
    max_width: int = 96
    channels: tuple[int, int] = (64, 128)
    width: int = 192
    heads: int = 4
    layers: int = 2
    detail: bool = True
    encoder: str = "transformer"
    decoder: str = "ctc"
    longest: int = 32
    ctc_weight: float = 0.3

    def __post_init__(self) -> None:
        if self.longest < 1 or not 0 <= self.ctc_weight <= 1:
            raise ValueError("longest must be at least 1, and ctc_weight lie between 0 and 1")
        if self.encoder not in ENCODERS:
            raise ValueError(f"encoder must be one of {', '.join(ENCODERS)}")
        if self.decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}")
        if self.height % 4:
            raise ValueError("height must be a multiple of 4, since the rows are halved twice")
        if not 1 <= self.min_width <= self.max_width:
            raise ValueError("1 <= min_width <= max_width must hold")
        if self.encoder == "transformer" and self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if self.encoder != "transformer" and self.width % 2:
            raise ValueError("width must be even, since half of it reads in each direction")


@dataclass(frozen=True)
class PictureRecogniserConfig:
    """A recogniser that reads pixels of the picture instead of the shared maps, see `spotter.model.picture_recogniser`.

    plan: of `spotter.model.ppocr`, "small" or "tiny". rows: height of a patch in pixels. longest: its largest width, in
    units of 8 pixels. margin_x, margin_y: margins around a region, along and across the text, as shares of its height.
    space: added to the logit of a space. A recogniser that learns mostly from single words writes too few spaces in
        regions of several words.
    rare: added to the logits of Latin letters that the languages of Western Europe do not use (`Charset.rare`). With a
        negative number fewer letters next to a speck are read as such a letter.
    """

    plan: str = "small"
    rows: int = 48
    longest: int = 208
    margin_x: float = 0.32
    margin_y: float = 0.1
    space: float = 0.0
    rare: float = 0.0

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise ValueError(f"plan must be one of {', '.join(PLANS)}")
        if self.rows % 16 or self.longest < 1:
            raise ValueError("rows must be a multiple of 16, and longest at least 1")
        if min(self.margin_x, self.margin_y) < 0:
            raise ValueError("margins must not be negative")


_FORMER_NAMES = {"beside": "margin_x", "above": "margin_y"}  # in checkpoints and recipes from before 0.2


def recogniser_fields(
    values: Mapping[str, Any],
) -> tuple[type[RecogniserConfig | PictureRecogniserConfig], dict[str, Any]]:
    """The class of configuration that these fields belong to, and the fields by their present names. A recogniser that
    reads the picture has a `plan`; one that reads the shared maps has none."""
    if "plan" not in values:
        return RecogniserConfig, dict(values)
    return PictureRecogniserConfig, {_FORMER_NAMES.get(name, name): value for name, value in values.items()}


def recogniser_config(values: Mapping[str, Any]) -> RecogniserConfig | PictureRecogniserConfig:
    """The configuration from its fields. Raises TypeError for unknown fields and ValueError for impossible values."""
    kind, fields = recogniser_fields(values)
    return kind(**fields)


@dataclass(frozen=True)
class SearchConfig:
    """How the language model, where there is one, is weighed against the recogniser.

    weight: factor of the language model's -log probability. bonus: nats added for each character. beams: texts kept at
    each step of the beam search.
    Of weights 0.3 to 1 and bonuses 0.6 to 3.3, the defaults read most words right on the validation parts of ICDAR 2015
    and 2003.
    """

    weight: float = 0.6
    bonus: float = 2.0
    beams: int = 12

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError("the language model's weight must not be negative")
        if not 1 <= self.beams <= 64:
            raise ValueError("beams must lie between 1 and 64")


LEAST_LENGTH = 2
"""Characters: shorter words count as this long in a score."""


@dataclass(frozen=True)
class ScoreConfig:
    """A word's score: sigmoid(bias + detection * logit d + character * log c + margin * m + text * t + length * log n),
    calibrated to the probability that the word is right (Platt 1999).

    d is the detector's probability; c is the recogniser's probability of the least certain character; m is the margin,
    in nats, to the next best text (0 without a language model); t is the recogniser's log probability of the whole
    text; n is the number of its characters, at least 2: without it, long words have too low scores, since each of their
    characters lowers t. (From 1 on, `length` would mostly lower the scores of single characters.)
    `spotter calibrate` fits these numbers to a model; the defaults were fitted to an early one.
    """

    bias: float = -0.4
    detection: float = 0.4
    character: float = 3.7
    margin: float = 0.0
    text: float = 0.0
    length: float = 0.0

    def __post_init__(self) -> None:
        if min(self.detection, self.character, self.margin, self.text, self.length) < 0:
            raise ValueError("a surer detector, character or text, or a longer word, must not lower the score")
