"""Writing checkpoints; `spotter.model.weights` reads them."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes atomically: a reader, or a run that resumes, sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(path.suffix + ".tmp")
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def half_precision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating weights in float16; batch norm's variances stay within its range."""
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
