"""Measures how many pictures per second a bundle's graph reads in batches, as is best on a GPU."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import table
from benchmarks.bundles import Named
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions

WARM_UP = 3
BATCHES = (1, 8, 32)


@dataclass(frozen=True)
class Rate:
    """The speed of a reader with batches of `batch` pictures, from decoded pixels to words. milliseconds: the median
    time of a batch alone. overlapped: pictures per second where other threads prepare the next batch and finish the
    last one, as in the service."""

    reader: str
    batch: int
    milliseconds: float
    overlapped: float

    @property
    def pictures_a_second(self) -> float:
        """Pictures per second, from the median."""
        return 1000 * self.batch / self.milliseconds

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {**asdict(self), "pictures_a_second": self.pictures_a_second}


def measure(
    bundles: Sequence[Named], pixels: NDArray[np.uint8], options: SessionOptions, batches: Sequence[int], rounds: int
) -> list[Rate]:
    """Times each bundle on batches of copies of one picture, uint8 [H, W, 3] RGB, `rounds` times after a warm-up.
    Raises BundleError."""
    rates = []
    for named in bundles:
        reader = Reader(named.bundle, Session(named.bundle, options))
        for batch in batches:
            taken = [_read(reader, [pixels] * batch) for _ in range(WARM_UP + rounds)][WARM_UP:]
            overlapped = _overlapped(reader, [pixels] * batch, rounds)
            rates.append(Rate(named.label, batch, 1000 * table.percentile(taken, 0.5), overlapped))
    return rates


def _read(reader: Reader, pictures: Sequence[NDArray[np.uint8]]) -> float:
    began = time.perf_counter()
    prepared = [reader.prepare(picture) for picture in pictures]
    for rows, each in zip(reader.infer(prepared), prepared, strict=True):
        reader.page(rows, each)
    return time.perf_counter() - began


def _overlapped(reader: Reader, pictures: Sequence[NDArray[np.uint8]], rounds: int) -> float:
    with ThreadPoolExecutor() as pool:
        began = time.perf_counter()
        ahead, words = pool.map(reader.prepare, pictures), []
        for remaining in reversed(range(rounds)):
            prepared = list(ahead)
            if remaining:
                ahead = pool.map(reader.prepare, pictures)
            words.append(pool.map(reader.page, reader.infer(prepared), prepared))
        for each in words:
            list(each)
        return rounds * len(pictures) / (time.perf_counter() - began)


def as_table(rates: Sequence[Rate]) -> str:
    """A table of the results."""
    rows = [(rate.reader, rate.batch, rate.milliseconds, rate.pictures_a_second, rate.overlapped) for rate in rates]
    return table.render(("reader", "batch", "ms a batch", "pictures a second", "overlapped"), rows)
