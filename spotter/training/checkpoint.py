"""Writes checkpoints, which `spotter.model.weights` reads."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spotter.families.config import SpotterConfig
from spotter.model.history import UNKNOWN, History
from spotter.model.weights import load_state


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes atomically: a reader sees the old file or the new one, never an incomplete one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(path.suffix + ".tmp")
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def shared(
    model_config: dict[str, Any],
    weights: dict[str, Tensor],
    step: int,
    pictures: int,
    history: History = UNKNOWN,
) -> dict[str, Any]:
    """The state of a checkpoint to share, in half precision: enough to read with, to export, or to start a run from.

    Batch norm's variances are kept within float16's range. pictures: number seen in training, over all runs.
    history: of the weights.
    """
    half = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    known = {"model_config": model_config, "weights": half, "step": step, "pictures": pictures}
    return known | history.entries()


def weighs_margin(path: Path) -> bool:
    """Whether a checkpoint's scores use a language model's margin; without a language model such scores are too low.

    Raises ValueError when the file is no checkpoint of ours.
    """
    return SpotterConfig.from_dict(load_state(path)["model_config"]).score.margin != 0
