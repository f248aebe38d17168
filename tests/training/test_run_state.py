from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spotter.model.history import History, Trained
from spotter.training.run_state import RunState, Stateful


class Small(RunState):
    """A run of two layers, of which the second is new."""

    def __init__(self, run: Path, seed: int) -> None:
        super().__init__(run)
        torch.manual_seed(seed)
        self.first, self.second = nn.Linear(2, 3), nn.Linear(2, 3)

    def parts(self) -> Mapping[str, Stateful]:
        return {"first": self.first, "second": self.second}

    def settings(self) -> Mapping[str, Any]:
        return {"name": "small"}


def written(run: Small) -> dict[str, Any]:
    run.save()
    state: dict[str, Any] = torch.load(run.last, weights_only=True)
    return state


def test_parts_counters_and_provenance_come_back(tmp_path: Path) -> None:
    one, other = Small(tmp_path, 1), Small(tmp_path, 2)
    one.step, one.pictures, one.words, one.seconds = 3, 40, 500, 6.5
    one.history = History(({"part": "first", "name": "somebody's"},), (Trained("mine", "[[source]]"),))
    state = written(one)
    assert state["name"] == "small"
    other.restore(state)
    assert (other.step, other.pictures, other.words, other.seconds) == (3, 40, 500, 6.5)
    assert other.history == one.history
    for part in ("first", "second"):
        assert torch.equal(getattr(other, part).weight, getattr(one, part).weight)


def test_only_newer_parts_may_be_missing(tmp_path: Path) -> None:
    state = written(Small(tmp_path, 1))
    del state["second"], state["started_from"]
    with pytest.raises(KeyError, match="second"):
        Small(tmp_path, 2).restore(state)
    other = Small(tmp_path, 2)
    kept = other.second.weight.clone()
    other.restore(state, newer=["second"])
    assert torch.equal(other.second.weight, kept)
    assert other.history == History()
