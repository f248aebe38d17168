import json
from typing import Any

import pytest

from spotter.training.config import TrainConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 500}, "multiples of 64"),
        ({"sizes": (512, 600)}, "multiples of 64"),
        ({"steps": 200, "warmup": 200}, "exceed warmup"),
    ],
)
def test_impossible_runs_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**values)


def test_the_log_can_hold_it() -> None:
    restored = json.loads(json.dumps(TrainConfig(seed=4).to_dict()))
    assert restored["seed"] == 4
    assert restored["losses"]["hard_negatives"] == 3.0
