"""Averages the weights of several runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spotter.families.config import SpotterConfig
from spotter.model.config import PictureRecogniserConfig, ScoreConfig, SearchConfig
from spotter.model.history import History
from spotter.model.weights import final_weights, load_state
from spotter.training.checkpoint import shared


def average(paths: Sequence[Path], start: Path | None = None) -> dict[str, Any]:
    """The state of one model whose weights are the mean of those of several checkpoints, with equal weights.

    Runs that start from the same trained weights and see different pictures end in one basin of the loss, and the mean
    of their weights performs better than each of them (model soups: Wortsman et al. 2022, arXiv:2203.05482; local SGD
    with one synchronisation: Stich 2019, arXiv:1805.09767). From the full state of a run the EMA weights are used.
    start: the checkpoint that all runs started from, so that the pictures that it was trained on are counted once.
    Everything else (thresholds, calibration of scores, provenance) is taken from the first checkpoint.
    Raises ValueError when a file is no checkpoint of ours or the models differ.
    """
    states = [load_state(path) for path in paths]
    first = states[0]
    every: list[dict[str, Tensor]] = [final_weights(state) for state in states]
    for path, state, weights in zip(paths, states, every, strict=True):
        shapes = {name: value.shape for name, value in weights.items()}
        if _network(state) != _network(first) or shapes != {name: value.shape for name, value in every[0].items()}:
            raise ValueError(f"{path} holds another model than {paths[0]}")
    mean = {
        name: torch.stack([weights[name].double() for weights in every]).mean(0).to(value.dtype)
        for name, value in every[0].items()
    }
    before = load_state(start).get("pictures", 0) if start else 0
    pictures = before + sum(state.get("pictures", 0) - before for state in states)
    steps = max(state.get("step", 0) for state in states)
    return shared(first["model_config"], mean, steps, pictures, History.of(first))


def _network(state: dict[str, Any]) -> SpotterConfig:
    """The configuration of a checkpoint's network, without what averaged models may differ in: score calibration,
    thresholds and settings of the family. Those of the family's settings that change shapes of weights are compared by
    the weights."""
    config = SpotterConfig.from_dict(state["model_config"])
    if isinstance(config.recogniser, PictureRecogniserConfig):
        config = config.with_priors(0.0, 0.0)
    return replace(config, score=ScoreConfig(), search=SearchConfig(), detection=None)
