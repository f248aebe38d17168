"""Combines a detector and a recogniser that were trained separately into a spotter."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.model.config import PictureRecogniserConfig, ScoreConfig, SearchConfig
from spotter.model.history import History
from spotter.model.weights import final_weights, load_state
from spotter.training import checkpoint
from spotter.training.recogniser_file import load_recogniser

_DETECTOR = ("backbone.", "neck.", "head.")


def combine(detector: Path, recogniser: Path) -> dict[str, Any]:
    """The state, in half precision, of a spotter with the detector of one checkpoint and the recogniser of another
    file: the state of a run of `spotter.training.recogniser_loop`, or the weights that it wrote. Its scores must be
    calibrated again.

    Raises ValueError where either file is not what it should be.
    """
    found = load_state(detector)
    read = load_recogniser(recogniser)
    config = replace(
        SpotterConfig.from_dict(found["model_config"]),
        recogniser=PictureRecogniserConfig(plan=read.plan),
        characters=read.charset.characters,
        score=ScoreConfig(),
        search=SearchConfig(),
        orientation=False,
    )
    weights = {name: value for name, value in final_weights(found).items() if name.startswith(_DETECTOR)}
    weights |= {f"recogniser.network.{name}": value for name, value in read.weights.items()}
    model = build_spotter(config)
    try:
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise ValueError(f"{detector} and {recogniser} do not fit: {error}") from error
    return checkpoint.shared(
        config.to_dict(),
        model.state_dict(),
        read.step,
        int(found.get("pictures", 0)) + read.pictures,
        History.of(found).without(["recogniser"]) + read.history,
    )
