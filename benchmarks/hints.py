"""What hints cost a request: one client sends a picture without hints and with each of them, in turns."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks import table
from benchmarks.http_client import Connection, post
from benchmarks.load import Timed
from benchmarks.pictures import WORDS
from benchmarks.process import ServeError, serving
from benchmarks.serving import overhead, run_loop
from spotter.registry.bundle import Bundle

NONE = "none"
VARIANTS: Mapping[str, Mapping[str, object]] = {
    NONE: {},
    "none, once more": {},
    "detail=words": {"detail": "words"},
    "language_model": {"language_model": "off"},
    "region": {"region": "0,0,65535,65535"},
    "ignore": {"ignore": "0,0,1,1"},
    "min_height": {"min_height": 1},
    "charset": {"charset": "".join(sorted(set("".join(WORDS))))},
    "pattern": {"pattern": r"[A-Za-z0-9:.]+"},
    "lexicon": {"lexicon": ",".join(WORDS)},
}
"""The query parameters that are sent, by name: hints that do not change the answer. `detail=words` is not a hint, but,
as every parameter does, makes the request pass through the framework."""
_WARMING = 5


@dataclass(frozen=True)
class HintsReport:
    """overheads: for each name in `VARIANTS`, the milliseconds of each round that the client waited in addition to
    decoding and the model."""

    overheads: Mapping[str, Sequence[float]]

    def as_dict(self) -> dict[str, dict[str, float]]:
        """Milliseconds: the median, the median of the differences to `none` in the same round, and the least."""
        plain = self.overheads[NONE]
        return {
            name: {
                "median": table.percentile(values, 0.5),
                "more": table.percentile([value - base for value, base in zip(values, plain, strict=True)], 0.5),
                "least": min(values),
            }
            for name, values in self.overheads.items()
        }

    def as_table(self) -> str:
        """For people."""
        rows = [(name, found["median"], found["more"], found["least"]) for name, found in self.as_dict().items()]
        return table.render(("hint", "overhead ms", "more than without", "least"), rows)


def run(bundle: Bundle, picture: bytes, threads: int, rounds: int) -> HintsReport:
    """Measures all variants, one after the other in every round. Raises ServeError."""
    with serving(bundle, threads) as served:
        return HintsReport(run_loop(_rounds(served.port, picture, rounds)))


async def _rounds(port: int, picture: bytes, rounds: int) -> dict[str, list[float]]:
    requests = {
        name: post(f"/spot?{urlencode(query)}" if query else "/spot", picture, "application/octet-stream")
        for name, query in VARIANTS.items()
    }
    found: dict[str, list[float]] = {name: [] for name in requests}
    connection = Connection(port)
    for number in range(_WARMING + rounds):
        for name in requests if number % 2 else reversed(requests):
            sent = time.perf_counter()
            answer = await connection.send(requests[name])
            if answer.code != 200:
                raise ServeError(f"{name} was answered {answer.code}: {answer.body[:500]!r}")
            if number >= _WARMING:
                found[name].append(overhead(Timed(answer, answer.received - sent)))
    await connection.close()
    return found
