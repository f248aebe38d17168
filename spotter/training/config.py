"""What a training run is told."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class LossConfig:
    """Weights of the joint loss and how its parts are counted.

    hard_negatives: background cells kept for each text cell, the hardest first (OHEM, Shrivastava et al. 2016).
    recognition_ramp: steps over which recognition's weight grows from a tenth to the whole, so that detection, on
        which it stands, does not starve.
    """

    score: float = 1.0
    dice: float = 1.0
    box: float = 1.0
    ends: float = 1.0
    direction: float = 5.0
    recognition: float = 1.0
    hard_negatives: float = 3.0
    recognition_ramp: int = 300


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    size, batch: pixels of a side and pictures of a step. sizes: sides that steps choose from, each with the batch that
        keeps the pixels of a step about equal.
    words: so many words are read in a step; groups: they are read in so many groups of like width.
    balance: a word counts as n ** -balance where its picture has n words, so that dense pages do not drown the scenes.
    jitter: deviation of the true boxes' noise, as a share of the height; predicted: share of the words whose box is
        the detector's own once `predicted_after` steps are done.
    """

    seed: int = 0
    size: int = 512
    batch: int = 4
    sizes: tuple[int, ...] = (512, 512, 640)
    words: int = 128
    groups: int = 4
    balance: float = 0.6
    steps: int = 10_000
    warmup: int = 200
    learning_rate: float = 1.5e-3
    final_rate: float = 0.01
    weight_decay: float = 0.02
    clip: float = 5.0
    ema: float = 0.999
    jitter: float = 0.06
    predicted: float = 0.4
    predicted_after: int = 1500
    save_every: int = 200
    validate_every: int = 500
    log_every: int = 20
    losses: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        if any(side % 64 for side in (self.size, *self.sizes)):
            raise ValueError("sides must be multiples of 64")
        if self.steps <= self.warmup:
            raise ValueError("steps must exceed warmup")

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, for the checkpoint and the log."""
        return asdict(self)
