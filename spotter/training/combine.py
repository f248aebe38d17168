"""A spotter made of a detector and a recogniser that were trained apart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from spotter.model.config import PictureRecogniserConfig, ScoreConfig, SearchConfig, SpotterConfig
from spotter.model.spotter import build_fots
from spotter.model.weights import final_weights, load_state
from spotter.training import checkpoint

_DETECTOR = ("backbone.", "neck.", "head.")
_AVERAGED = "module."


def combine(detector: Path, recogniser: Path) -> dict[str, Any]:
    """The state, in half precision, of a spotter with the detector of one checkpoint and the recogniser of a run of
    `spotter.training.reading`. Its scores are to be calibrated anew.

    Raises ValueError where either file is not what it should be.
    """
    found = load_state(detector)
    read = torch.load(recogniser, map_location="cpu", weights_only=True)
    if "reading_config" not in read:
        raise ValueError(f"{recogniser} is not the state of a recogniser's run")
    config = replace(
        SpotterConfig.from_dict(found["model_config"]),
        recogniser=PictureRecogniserConfig(plan=read["reading_config"]["plan"]),
        characters=read["charset"],
        score=ScoreConfig(),
        search=SearchConfig(),
    )
    weights = {name: value for name, value in final_weights(found).items() if name.startswith(_DETECTOR)}
    weights |= {
        f"recogniser.network.{name.removeprefix(_AVERAGED)}": value
        for name, value in read["ema"].items()
        if name.startswith(_AVERAGED)
    }
    model = build_fots(config)
    try:
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise ValueError(f"{detector} and {recogniser} do not fit: {error}") from error
    pictures = int(found.get("pictures", 0)) + int(read["pictures"])
    return checkpoint.shared(config.to_dict(), model.state_dict(), int(read["step"]), pictures)
