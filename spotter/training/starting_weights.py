"""The starting weights of a run, from a checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from spotter.families.build import load_spotter
from spotter.model.spotter import Spotter
from spotter.model.weights import load_state


def load_starting_weights(
    model: Spotter, path: Path, fresh: Sequence[str] = ()
) -> tuple[int, Sequence[Mapping[str, str]]]:
    """Loads a checkpoint's weights into a model; returns the pictures behind them, and their provenance.

    fresh: parts of the network, by the names of their weights, that stay random and so may be other than the
        checkpoint's.
    Of another family's head the weights that have the same names and shapes are loaded, the others stay random. A
    network that does not say which way up a picture lies leaves those weights out: what tells it was fitted to maps
    that change.
    Raises ValueError when the weights are another model's.
    """
    parts = tuple(f"{part}." for part in fresh)
    source = load_spotter(path)
    own, saved = model.state_dict(), source.state_dict()
    if model.orientation is None:
        saved = {name: value for name, value in saved.items() if not name.startswith("orientation.")}
    known = [*own, *saved]
    if strange := [part for part in parts if not any(name.startswith(part) for name in known)]:
        raise ValueError(f"neither the network nor {path} has {', '.join(strange)}")
    if type(source.head) is not type(model.head):
        heads = [name for name in known if name.startswith("head.")]
        parts += tuple(name for name in heads if _shape(own.get(name)) != _shape(saved.get(name)))
    try:
        found = model.load_state_dict(
            {name: value for name, value in saved.items() if not name.startswith(parts)}, strict=False
        )
    except RuntimeError as error:
        raise ValueError(f"{path} holds another model's weights: {error}") from error
    strange = [name for name in (*found.missing_keys, *found.unexpected_keys) if not name.startswith(parts)]
    if strange:
        raise ValueError(f"{path} holds another model's weights: {', '.join(strange[:5])}")
    state = load_state(path)
    started_from = [entry for entry in state.get("started_from", ()) if entry["part"] not in fresh]
    return int(state.get("pictures", 0)), started_from


def _shape(weight: Tensor | None) -> torch.Size | None:
    return None if weight is None else weight.shape
