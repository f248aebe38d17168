"""Checkpoint files: a model's configuration beside its weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spotter.model.charset import Charset
from spotter.model.config import SpotterConfig
from spotter.model.language import LanguageModel, LanguageTables
from spotter.model.spotter import Spotter, build_fots


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
    """What a checkpoint reads with: its EMA weights where it is a whole run's state."""
    weights: dict[str, Tensor] = state.get("ema") or state["weights"]
    return weights


def load_spotter(path: Path, language: Path | None = None) -> Spotter:
    """The spotter of a checkpoint, in evaluation mode: its EMA weights where it is a whole run's state.

    language: file of the language model by which it is to read, if any.
    Raises ValueError when a file is not what it should be or the weights do not fit their configuration.
    """
    state = load_state(path)
    weights = final_weights(state)
    try:
        config = SpotterConfig.from_dict(state["model_config"])
        model = build_fots(config)
        model.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in weights.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if language is not None:
        model.language = LanguageModel(LanguageTables.load(language), Charset(config.characters), config.search)
    return model.eval()
