"""Whatever the configuration names learns in the common loop."""

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spotter.families.config import SpotterConfig
from spotter.training.config import LossConfig
from spotter.training.loop import Trainer
from tests.model.choices import MAPS, READING
from tests.model.small import small_config
from tests.training.small import SHORT, NoiseSource

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 2


def learn(run: Path, model: SpotterConfig, **losses: Any) -> tuple[Trainer, dict[str, float], set[str]]:
    """The trainer after some steps, the parts of the last one's loss, and the parameters that have not moved."""
    config = replace(SHORT, sizes=(64,), losses=LossConfig(**losses))
    trainer = Trainer(run, NoiseSource(), config, model, workers=0)
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    for _, batch in zip(range(STEPS), trainer.batches(), strict=False):
        parts = trainer.advance(batch)
        assert all(math.isfinite(value) for value in parts.values()), parts
    same = {name for name, value in trainer.model.named_parameters() if torch.equal(value, before[name])}
    return trainer, parts, same


@pytest.mark.parametrize(("below", "above"), list(zip(MAPS, itertools.cycle(READING), strict=False)))
def test_networks_learn_with_all_their_parameters(below: str, above: str, tmp_path: Path) -> None:
    trainer, parts, same = learn(tmp_path, replace(MAPS[below], recogniser=READING[above]))
    assert same == set()
    assert ("attention" in parts) == (trainer.model.map_recogniser.attention is not None)


@pytest.mark.parametrize(
    ("losses", "parts"),
    [
        ({"own": {"box": 0.0, "giou": 1.0}, "weighting": "uncertainty"}, {"giou", "ends", "direction"}),
        ({"own": {"box": 0.0, "ends": 0.0, "direction": 0.0, "probiou": 1.0}, "focal": 2.0}, {"probiou"}),
        ({"own": {"points": 2.0}, "weighting": "dwa", "period": 1}, {"box", "ends", "direction", "points"}),
    ],
)
def test_losses_are_those_that_have_a_weight(losses: dict[str, Any], parts: set[str], tmp_path: Path) -> None:
    _, found, same = learn(tmp_path, small_config(), **losses)
    assert found.keys() - {"loss", "norm", "rate", "difficulty"} == parts | {"score", "dice", "recognition"}
    assert same == set()
