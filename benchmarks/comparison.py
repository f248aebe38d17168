"""Two servers under the same load in turns, and how sure a comparison of them is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks import load, table
from benchmarks.load import Load

TURN_SECONDS = 3.0
"""About how long one of the two is loaded before the other: shorter than a shared machine's moods, long enough for some
eighty pictures of four clients."""

_DRAWS = 400
Figure = Callable[[Load], float | None]


def _goodput(found: Load) -> float:
    return found.goodput


def _p99(found: Load) -> float | None:
    return table.percentile(good, 0.99) if (good := found.good) else None


@dataclass(frozen=True)
class Comparison:
    """A load on a peer, and on us in turns with it: as many loads of ours as of theirs, in order."""

    label: str
    ours: tuple[Load, ...]
    theirs: tuple[Load, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the peer's load, our goodput by its, and our p99 by its, each with its 90% interval; None where one
        of us answered nothing."""
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
        """Ours by theirs of a figure, over these turns together."""
        ours, theirs = (figure(load.joined([side[turn] for turn in turns])) for side in (self.ours, self.theirs))
        return ours / theirs if ours and theirs else None

    def _interval(self, figure: Figure) -> tuple[float, float] | None:
        """Within which nine of ten ratios lie whose turns were drawn anew from those that were measured: the bootstrap
        (Efron, 1979) over pairs of neighbouring turns, for what disturbs a machine lasts longer than an answer."""
        rng = np.random.default_rng(0)
        count = len(self.ours)
        found = [self._ratio(figure, rng.integers(count, size=count).tolist()) for _ in range(_DRAWS)]
        ratios = [each for each in found if each is not None]
        if len(ratios) < _DRAWS:
            return None
        low, high = np.quantile(ratios, (0.05, 0.95)).tolist()
        return low, high


def turns(seconds: float) -> int:
    """Into how many turns each side's `seconds` are divided; two at least."""
    return max(2, round(seconds / TURN_SECONDS))


def in_turns(
    ours: Callable[[float], Load], theirs: Callable[[float], Load], seconds: float
) -> tuple[tuple[Load, ...], tuple[Load, ...]]:
    """(our loads, theirs) of calls with the seconds of a turn, in the order ABBA, so that neither always comes after
    the other."""
    count = turns(seconds)
    found: tuple[list[Load], list[Load]] = ([], [])
    sides = tuple(zip((ours, theirs), found, strict=True))
    for turn in range(count):
        for work, loads in sides if turn % 2 == 0 else sides[::-1]:
            loads.append(work(seconds / count))
    return tuple(found[0]), tuple(found[1])
