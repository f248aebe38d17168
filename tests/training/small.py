"""Quick training: pictures of noise with one word each, and steps of two of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spotter.training.config import TrainConfig
from spotter.training.loop import Trainer
from spotter.training.sample import Sample
from tests.model.small import SMALL_RECOGNISER, small_config

SHORT = TrainConfig(
    seed=7,
    size=64,
    batch=2,
    sizes=(64, 128),
    words=3,
    groups=2,
    steps=6,
    warmup=2,
    predicted=0.5,
    predicted_after=2,
    save_every=100,
    validate_every=100,
    log_every=2,
)

SMALL_MODEL = """
[model]
neck = 8
[model.backbone]
stem = 4
channels = [4, 4, 8, 8]
blocks = [1, 1, 1, 1]
[model.detection]
channels = 16
candidates = 64
[model.recogniser]
min_width = 4
max_width = 24
channels = [8, 8]
width = 16
heads = 2
layers = 1
"""
"""`small_config` as a recipe tells it."""


class NoiseSource:
    """A word somewhere in noise; `pictures` counts those that were made here."""

    def __init__(self) -> None:
        self.pictures = 0

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        self.pictures += 1
        image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        x, y = rng.uniform(2, size - 50), rng.uniform(2, size - 20)
        corners = np.array([[[x, y], [x + 46, y], [x + 46, y + 16], [x, y + 16]]], np.float32)
        return Sample(image, corners, ["".join(rng.choice(list("abc"), 2))], np.zeros(1, bool))


def make_trainer(run: Path, source: Any = None, **changes: Any) -> Trainer:
    """A trainer without worker processes."""
    return Trainer(run, source or NoiseSource(), replace(SHORT, **changes), small_config(), workers=0)


def make_other_trainer(run: Path, **recogniser: Any) -> Trainer:
    """The same with another recogniser."""
    config = small_config()
    config = replace(config, recogniser=replace(SMALL_RECOGNISER, **recogniser))
    return Trainer(run, NoiseSource(), SHORT, config, workers=0)


def whole_state(trainer: Trainer) -> dict[str, Tensor]:
    """Every number that a run carries: weights, their average, and the optimiser's moments."""
    state = {f"weights.{name}": value for name, value in trainer.model.state_dict().items()}
    state |= {f"ema.{name}": value for name, value in trainer.ema.model.state_dict().items()}
    for index, moments in trainer.optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return {name: value.clone() for name, value in state.items()}
