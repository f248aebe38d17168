"""Chooses the widths of a pruned detector, and the channels that are kept."""

from collections.abc import Mapping

from torch import Tensor

from spotter.families.config import SpotterConfig
from spotter.training.pruning.costs import Costs, detector_shapes
from spotter.training.pruning.widths import widths_of, with_widths


def narrower(config: SpotterConfig, importance: Mapping[str, Tensor], share: float, multiple: int) -> SpotterConfig:
    """The configuration whose detector has at most a share of the multiply-adds, and less than one step below that
    share.

    In each step the width that loses least importance for each multiply-add saved is reduced to the next multiple of
    `multiple`. importance: of the channels [C] of each group, by the name of a convolution that writes them. Raises
    ValueError where the share does not lie in (0, 1], or no widths are small enough.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of operations must lie above 0 and be at most 1, not {share}")
    costs = Costs(config)
    least_first = {name: values.sort().values.cumsum(0) for name, values in importance.items()}
    whole = operations = costs.operations(config)
    while operations > share * whole:
        lost = _lost(config, least_first)
        steps = []
        for step in _steps(config, multiple):
            fewer = costs.operations(step)
            steps.append(((_lost(step, least_first) - lost) / (operations - fewer), fewer, step))
        if not steps:
            raise ValueError(
                f"widths of at least {multiple} channels leave {operations / whole:.0%} of the detector's operations: "
                "ask for more than that, or for multiples of a smaller number"
            )
        _, operations, config = min(steps, key=lambda step: step[:2])
    return config


def chosen(config: SpotterConfig, importance: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The channels int64 [K], ascending, that are kept in each group that is wider than in `config`: the most important
    ones."""
    shapes = detector_shapes(config)
    counts = {name: shapes[f"{name}.weight"][0] for name in importance}
    return {
        name: values.topk(counts[name]).indices.sort().values
        for name, values in importance.items()
        if counts[name] < len(values)
    }


def _steps(config: SpotterConfig, multiple: int) -> list[SpotterConfig]:
    """The configurations with one of the widths reduced."""
    widths = widths_of(config)
    found = []
    for name, width in widths.items():
        fewer = (width - 1) // multiple * multiple
        if fewer:
            try:
                found.append(with_widths(config, {**widths, name: fewer}))
            except ValueError:  # a width that the blocks cannot have
                continue
    return found


def _lost(config: SpotterConfig, least_first: Mapping[str, Tensor]) -> float:
    """The total importance of the channels that a configuration lacks; least_first: for each group the cumulative sums
    [C] of its importances in ascending order."""
    shapes = detector_shapes(config)
    lost = 0.0
    for name, totals in least_first.items():
        if removed := len(totals) - shapes[f"{name}.weight"][0]:
            lost += float(totals[removed - 1])
    return lost
