"""The starting weights of a run, from a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from spotter.families.build import load_spotter
from spotter.model.history import History
from spotter.model.spotter import Spotter
from spotter.model.weights import load_state


def load_starting_weights(model: Spotter, path: Path, fresh: Sequence[str] = ()) -> tuple[int, History]:
    """Loads a checkpoint's weights into a model; returns the number of pictures that they were trained on, and their
    history.

    fresh: parts of the network, by the prefixes of their weights' names, that keep random weights and so may differ
        from the checkpoint's.
    From another family's head, weights with the same names and shapes are loaded, and the others stay random. A network
    without a classifier of the orientation does not load that classifier's weights, which were fitted to maps that
    training changes.
    Raises ValueError when the weights do not fit the model.
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
    return int(state.get("pictures", 0)), History.of(state).without(fresh)


def _shape(weight: Tensor | None) -> torch.Size | None:
    return None if weight is None else weight.shape
