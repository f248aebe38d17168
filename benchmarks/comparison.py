"""Loads two servers in turns in the same way, and gives confidence intervals of their comparison."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks import load, table
from benchmarks.load import Load

TURN_SECONDS = 3.0
"""The approximate length of a turn, after which the other server is loaded: shorter than typical slow phases of a
shared machine, and long enough for about eighty pictures of four clients."""

_DRAWS = 400
Figure = Callable[[Load], float | None]


def _goodput(found: Load) -> float:
    return found.goodput


def _p99(found: Load) -> float | None:
    return table.percentile(good, 0.99) if (good := found.good) else None


@dataclass(frozen=True)
class Comparison:
    """Loads on this service and on a peer, in turns: equally many for each, in order."""

    label: str
    ours: tuple[Load, ...]
    theirs: tuple[Load, ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values: the peer's load, and this service's goodput and p99 divided by the peer's, each
        with its 90% interval; None where one of the two answered nothing."""
        return {
            "peer": self.label,
            "turns": len(self.ours),
            **load.joined(self.theirs).as_dict(),
            **self._compared,
        }

    @cached_property
    def _compared(self) -> dict[str, Any]:
        every = range(len(self.ours))
        return {
            "goodput_ratio": self._ratio(_goodput, every),
            "goodput_interval": self._interval(_goodput),
            "p99_ratio": self._ratio(_p99, every),
            "p99_interval": self._interval(_p99),
        }

    def _ratio(self, figure: Figure, turns: Sequence[int]) -> float | None:
        """This service's figure divided by the peer's, over these turns together."""
        ours, theirs = (figure(load.joined([side[turn] for turn in turns])) for side in (self.ours, self.theirs))
        return ours / theirs if ours and theirs else None

    def _interval(self, figure: Figure) -> tuple[float, float] | None:
        """The 90% interval of the ratio by the bootstrap (Efron, 1979), which resamples pairs of neighbouring turns,
        since disturbances of a machine last longer than an answer."""
        rng = np.random.default_rng(0)
        count = len(self.ours)
        found = [self._ratio(figure, rng.integers(count, size=count).tolist()) for _ in range(_DRAWS)]
        ratios = [each for each in found if each is not None]
        if len(ratios) < _DRAWS:
            return None
        low, high = np.quantile(ratios, (0.05, 0.95)).tolist()
        return low, high


def turns(seconds: float) -> int:
    """The number of turns into which each side's `seconds` are divided, at least two."""
    return max(2, round(seconds / TURN_SECONDS))


def in_turns(
    ours: Callable[[float], Load], theirs: Callable[[float], Load], seconds: float
) -> tuple[tuple[Load, ...], tuple[Load, ...]]:
    """(this service's loads, the peer's) from calls with the seconds of a turn, in the order ABBA, so that neither
    always comes after the other."""
    count = turns(seconds)
    found: tuple[list[Load], list[Load]] = ([], [])
    sides = tuple(zip((ours, theirs), found, strict=True))
    for turn in range(count):
        for work, loads in sides if turn % 2 == 0 else sides[::-1]:
            loads.append(work(seconds / count))
    return tuple(found[0]), tuple(found[1])
