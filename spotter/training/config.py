"""The settings of a training run."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from spotter.families.interface import Family
from spotter.training.weighting import METHODS

ATTENTION = "attention"  # an additional part of the loss, for networks with an attention decoder
MODULES = ("backbone", "neck", "head", "recogniser")
OPTIMISERS = ("adamw", "muon")
EMA, IMAGENET = "ema", "efficientnet-lite0"  # teachers that are not given as a checkpoint


def parts_of(family: Family, own: Mapping[str, float] = MappingProxyType({})) -> tuple[str, ...]:
    """The names of the parts of a family's joint loss, without `ATTENTION`. Its own parts are included where their
    weight, from `own` or by default, is not 0."""
    weights = {**family.parts, **own}
    return ("score", "dice", *(name for name in family.parts if weights[name]), "recognition")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the joint loss, and settings of its parts.

    own: weights of the family's own parts, the family's defaults where not given; a recipe lists them among the others.
        Parts whose weight is 0 are left out.
    hard_negatives: background points kept for each text point, the hardest first (OHEM, Shrivastava et al. 2016).
    small_words: a text point has the weight n ** -small_words where its word has n of them; 0: all have the same
    weight.
    focal: exponent of the focal loss (Lin et al. 2017); where it is not 0, all counted points are used, with the weight
    (1 - p) ** focal, instead of the hardest ones. recognition_ramp: steps over which recognition's weight grows from a
    tenth to its full value, so that detection, which recognition depends on, is learnt first.
    attention: weight of the attention decoder's loss, where the network has one in addition to CTC; it grows like
    recognition's.
    weighting: fixed, uncertainty or dwa, see `spotter.training.weighting`; period: steps over which dwa averages
    losses.
    """

    score: float = 1.0
    dice: float = 1.0
    own: Mapping[str, float] = field(default_factory=dict)
    recognition: float = 1.0
    hard_negatives: float = 3.0
    small_words: float = 0.0
    focal: float = 0.0
    recognition_ramp: int = 300
    attention: float = 0.5
    weighting: str = "fixed"
    period: int = 100

    def __post_init__(self) -> None:
        if self.weighting not in METHODS:
            raise ValueError(f"weighting must be one of {', '.join(METHODS)}")
        if self.period < 1 or self.focal < 0:
            raise ValueError("period must be at least 1, focal not negative")


@dataclass(frozen=True)
class DistillConfig:
    """Learning from a teacher, see `spotter.training.distill`.

    teacher: a checkpoint; "ema" for the run's own average (Tarvainen and Valpola 2017, arXiv:1703.01780);
        "efficientnet-lite0" for the features of a network trained on ImageNet (`spotter.training.imagenet`); "" for
        none.
    output, features, attention: weights of the losses. temperature: of the softened outputs.
    """

    teacher: str = ""
    output: float = 0.0
    features: float = 0.0
    attention: float = 0.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if min(self.output, self.features, self.attention) < 0 or self.temperature <= 0:
            raise ValueError("weights must not be negative, and the temperature positive")
        if bool(self.teacher) != bool(self.output or self.features or self.attention):
            raise ValueError("a teacher and the weight of something to learn from it go together")


@dataclass(frozen=True)
class Stage:
    """Until step `until` only these modules of the network are trained, by these parts of the loss with their usual
    weights, and by the teacher's losses."""

    until: int
    modules: tuple[str, ...]
    losses: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.modules or set(self.modules) - set(MODULES):
            raise ValueError(f"a stage names each module out of {', '.join(MODULES)}, at least one")
        if not self.losses:
            raise ValueError("a stage names at least one loss")


@dataclass(frozen=True)
class DifficultyConfig:
    """Synthetic pictures that get harder as the recognition loss falls, see `spotter.training.curriculum`.

    easy, hard: recognition losses per character. Above `easy` pictures are not degraded, below `hard` they are fully
        degraded; both 0: pictures are always fully degraded. decay: of the loss's moving average. period: steps between
        changes.
    """

    easy: float = 0.0
    hard: float = 0.0
    decay: float = 0.98
    period: int = 200

    def __post_init__(self) -> None:
        if (self.easy or self.hard) and not 0 <= self.hard < self.easy:
            raise ValueError("0 <= hard < easy must hold")
        if self.period < 1 or not 0 <= self.decay < 1:
            raise ValueError("period must be at least 1, and decay at least 0 and less than 1")

    @property
    def enabled(self) -> bool:
        """Whether there is a curriculum."""
        return self.easy > 0


@dataclass(frozen=True)
class RunConfig:
    """The settings that every training run has.

    words: number of words that are read in a step. warmup: steps over which the learning rate rises. clip: the largest
    norm of the gradient.
    ema: decay of the averaged weights. save_every, log_every: steps.
    """

    seed: int = 0
    words: int = 128
    steps: int = 10_000
    warmup: int = 200
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    clip: float = 5.0
    ema: float = 0.999
    save_every: int = 200
    log_every: int = 20


@dataclass(frozen=True)
class TrainConfig(RunConfig):
    """A training run of the whole network.

    size, batch: side of the pictures in pixels, and number of pictures in a step. sizes: sides that each step chooses
        from; the number of pictures is adapted so that the pixels of a step stay about equal.
    groups: number of groups of similar width in which the words of a step are read.
    balance: a word has the weight n ** -balance where its picture has n words, so that dense pages do not outweigh
    scenes. jitter: standard deviation of the noise added to true boxes, as a share of the height. predicted: share of
    the words whose box is the detector's own, after `predicted_after` steps.
    stages: e.g. to train single modules first; after the last stage everything is trained.
    optimiser: adamw or muon, see `spotter.training.optimiser`; the same learning rates work for both.
    """

    size: int = 512
    batch: int = 4
    sizes: tuple[int, ...] = (512, 512, 640)
    groups: int = 4
    balance: float = 0.6
    final_rate: float = 0.01
    optimiser: str = "adamw"
    jitter: float = 0.06
    predicted: float = 0.4
    predicted_after: int = 1500
    validate_every: int = 500
    losses: LossConfig = field(default_factory=LossConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    difficulty: DifficultyConfig = field(default_factory=DifficultyConfig)
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        if any(side % 64 for side in (self.size, *self.sizes)):
            raise ValueError("sides must be multiples of 64")
        if self.steps <= self.warmup:
            raise ValueError("steps must exceed warmup")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {', '.join(OPTIMISERS)}")
        if list(self.stages) != sorted(self.stages, key=lambda stage: stage.until):
            raise ValueError("stages must follow one another")

    def stage(self, step: int) -> Stage | None:
        """The stage that a step, counted from 0, belongs to; None where everything is trained."""
        return next((stage for stage in self.stages if step < stage.until), None)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0: linear warm-up, then a cosine down to `final_rate` of the peak
        (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        progress = min((step - self.warmup) / (self.steps - self.warmup), 1.0)
        return self.learning_rate * (self.final_rate + (1 - self.final_rate) * (1 + math.cos(math.pi * progress)) / 2)

    def check(self, family: Family) -> None:
        """Raises ValueError where a part of the loss is named that the family does not have."""
        if unknown := self.losses.own.keys() - family.parts.keys():
            raise ValueError(f"unknown losses: {', '.join(sorted(unknown))}")
        known = ("score", "dice", *family.parts, "recognition", ATTENTION)
        if any(set(stage.losses) - set(known) for stage in self.stages):
            raise ValueError(f"a stage names each loss out of {', '.join(known)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, for the checkpoint and the log."""
        return asdict(self)
