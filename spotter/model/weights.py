"""Checkpoint files: a model's configuration and its weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def load_state(path: Path) -> dict[str, Any]:
    """Reads a checkpoint on the CPU without running any code in it. Raises ValueError when it is not one of ours."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling, zip and OS errors share no base class
        raise ValueError(f"{path} is not a readable checkpoint ({type(error).__name__})") from error
    if not isinstance(state, dict) or "model_config" not in state or "weights" not in state:
        raise ValueError(f"{path} is not a Spotter checkpoint")
    return state


def final_weights(state: dict[str, Any]) -> dict[str, Tensor]:
    """The weights to use from a checkpoint: the EMA weights where it is the full state of a run."""
    weights: dict[str, Tensor] = state.get("ema") or state["weights"]
    return weights
