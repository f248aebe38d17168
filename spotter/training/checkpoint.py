"""Checkpoints: the whole state of a run, and the weights alone for sharing."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spotter.model.config import SpotterConfig
from spotter.model.spotter import Spotter, build_fots


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes atomically: a reader, or a run that resumes, sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(path.suffix + ".tmp")
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint on the CPU without running any code in it. Raises ValueError when it is not one of ours."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not a readable checkpoint: {error}") from error
    except Exception as error:  # pickle errors have no common base class
        raise ValueError(f"{path} holds more than tensors and plain values: {error}") from error
    if not isinstance(state, dict) or "model_config" not in state or "weights" not in state:
        raise ValueError(f"{path} is not a Spotter checkpoint")
    return state


def half_precision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating weights in float16; batch norm's variances stay within its range."""
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}


def load_spotter(path: Path) -> Spotter:
    """The spotter of a checkpoint, in evaluation mode: its EMA weights where it is a whole run's state."""
    state = load(path)
    model = build_fots(SpotterConfig.from_dict(state["model_config"]))
    weights = state.get("ema") or state["weights"]
    model.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    )
    return model.eval()
