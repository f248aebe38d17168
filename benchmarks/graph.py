"""Times a bundle's graph on one picture, with bundles and peers in turns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import table
from benchmarks.bundles import Named
from benchmarks.peers import Peer
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions

Pixels = NDArray[np.uint8]
WARM_UP = 2


@dataclass(frozen=True)
class Turn:
    """The times of one reading in seconds: `whole` is the sum of `prepare` (scaling and padding), `graph`, and `finish`
    (rows to words); for a peer only `whole` is known."""

    whole: float
    words: int
    prepare: float | None = None
    graph: float | None = None
    finish: float | None = None


Contestant = Callable[[Pixels], Turn]


@dataclass(frozen=True)
class Measured:
    """A contestant's turns on one picture, in the order of the rounds."""

    label: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class PictureResult:
    """All contestants on one picture; size is (width, height)."""

    picture: str
    size: tuple[int, int]
    measured: tuple[Measured, ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values: times in milliseconds, and the ratio to the first contestant's whole reading."""
        first = [turn.whole for turn in self.measured[0].turns]
        return {
            "picture": self.picture,
            "width": self.size[0],
            "height": self.size[1],
            "readers": [
                {
                    "name": each.label,
                    "prepare_ms": _spread_ms([turn.prepare for turn in each.turns]),
                    "graph_ms": _spread_ms([turn.graph for turn in each.turns]),
                    "finish_ms": _spread_ms([turn.finish for turn in each.turns]),
                    "whole_ms": _spread_ms([turn.whole for turn in each.turns]),
                    "ratio": table.ratio([turn.whole for turn in each.turns], first),
                    "words": each.turns[-1].words,
                    "rounds": len(each.turns),
                }
                for each in self.measured
            ],
        }

    def as_table(self) -> str:
        """A table of the results, in milliseconds."""
        header = ("reader", "prepare", "graph", "finish", "whole", "p10", "p90", "ratio", "words")
        rows = []
        for row in self.as_dict()["readers"]:
            parts = [row[f"{part}_ms"] and row[f"{part}_ms"]["median"] for part in ("prepare", "graph", "finish")]
            rows.append((row["name"], *parts, *row["whole_ms"].values(), row["ratio"], row["words"]))
        return f"{self.picture}, {self.size[0]} x {self.size[1]} pixels\n" + table.render(header, rows)


def open_contestants(
    bundles: Sequence[Named], peers: Sequence[Peer], options: SessionOptions
) -> list[tuple[str, Contestant]]:
    """Loads everything that is timed in turns. Raises BundleError."""
    ours = [(named.label, _bundle(Reader(named.bundle, Session(named.bundle, options)))) for named in bundles]
    return ours + [(peer.label, _peer(peer)) for peer in peers]


def measure(picture: str, pixels: Pixels, contestants: Sequence[tuple[str, Contestant]], rounds: int) -> PictureResult:
    """Times `rounds` turns of each contestant after `WARM_UP` turns that are not counted. In each round every
    contestant has one turn, and another one begins, so that disturbances of the machine affect all equally."""
    for _, contestant in contestants:
        for _ in range(WARM_UP):
            contestant(pixels)
    turns: list[list[Turn]] = [[] for _ in contestants]
    for number in range(rounds):
        for place in range(len(contestants)):
            index = (number + place) % len(contestants)
            turns[index].append(contestants[index][1](pixels))
    height, width = pixels.shape[:2]
    measured = (Measured(label, tuple(taken)) for (label, _), taken in zip(contestants, turns, strict=True))
    return PictureResult(picture, (width, height), tuple(measured))


def _bundle(reader: Reader) -> Contestant:
    def turn(pixels: Pixels) -> Turn:
        began = time.perf_counter()
        prepared = reader.prepare(pixels)
        ready = time.perf_counter()
        rows = reader.infer([prepared])[0]
        done = time.perf_counter()
        words = reader.page(rows, prepared).words
        end = time.perf_counter()
        return Turn(end - began, len(words), ready - began, done - ready, end - done)

    return turn


def _peer(peer: Peer) -> Contestant:
    def turn(pixels: Pixels) -> Turn:
        began = time.perf_counter()
        words = peer.read(pixels)
        return Turn(time.perf_counter() - began, words)

    return turn


def _spread_ms(seconds: Sequence[float | None]) -> dict[str, float] | None:
    known = [1000 * value for value in seconds if value is not None]
    return asdict(table.spread(known)) if known else None
