"""Makes a smaller network from a checkpoint by removing the least important channels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spotter.families.build import build_spotter, load_spotter
from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.model.history import History
from spotter.model.spotter import Spotter
from spotter.model.weights import load_state
from spotter.training import checkpoint
from spotter.training.batch import Batch
from spotter.training.config import TrainConfig
from spotter.training.pruning.channels import Channels
from spotter.training.pruning.choice import chosen, narrower
from spotter.training.pruning.importance import by_loss, by_scale
from spotter.training.pruning.statistics import renew_statistics
from spotter.training.pruning.widths import check_prunable

_FITTED_LATER = "orientation."  # must be fitted again, since pruning changes the maps


@dataclass(frozen=True)
class Examples:
    """Batches of a recipe, and its settings of the loss. judge: whether importance is measured by that loss, or by the
    batch norms' scales."""

    batches: Sequence[Batch]
    config: TrainConfig
    judge: bool = True


@dataclass(frozen=True)
class Pruned:
    """state: of a checkpoint to share. before, after: configurations of the network before and after pruning."""

    state: dict[str, Any]
    before: SpotterConfig
    after: SpotterConfig


def prune(path: Path, share: float, multiple: int = 8, examples: Examples | None = None) -> Pruned:
    """The spotter of a checkpoint with a detector of at most a share of the multiply-adds.

    All blocks of a stage stay equally wide, so the result is an ordinary network of another configuration. The
    recogniser is unchanged; the classifier of the orientation must be fitted again, and scores must be calibrated
    again.
    multiple: widths become multiples of it. examples: used to compute the batch norms' statistics again, and to measure
        importance by the loss; without them statistics stay, and importance is measured by the scales.
    Raises ValueError where the file is no checkpoint, its network cannot be pruned, or the share cannot be reached.
    """
    state = load_state(path)
    model = load_spotter(path)
    config = SpotterConfig.from_dict(state["model_config"])
    check_prunable(config)
    channels = Channels(model)
    if examples is None or not examples.judge:
        importance = by_scale(channels)
    else:
        importance = by_loss(channels, model, family_named(config.family), examples.batches, examples.config)
    smaller = narrower(config, importance, share, multiple)
    channels.keep(chosen(smaller, importance))
    smaller = replace(smaller, orientation=False)
    made = _as(smaller, model)
    if examples is not None:
        renew_statistics(made, (batch.images for batch in examples.batches))
    saved = checkpoint.shared(
        smaller.to_dict(),
        made.state_dict(),
        int(state.get("step", 0)),
        int(state.get("pictures", 0)),
        History.of(state),
    )
    return Pruned(saved, config, smaller)


def _as(config: SpotterConfig, pruned: Spotter) -> Spotter:
    """The network of a configuration with the weights of `pruned`."""
    made = build_spotter(config)
    weights = {name: value for name, value in pruned.state_dict().items() if not name.startswith(_FITTED_LATER)}
    try:
        made.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the channels of this network cannot be followed: {error}") from error
    return made
