"""Reading many pictures: the parts that both clients share."""

import contextlib
from collections.abc import Sized
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from spotter.client.answers import Answer
from spotter.client.errors import MissingPackageError, SpotterError
from spotter.client.sources import Source

AHEAD = 2
"""The number of sources in progress or finished for each concurrent request: with results in order, one slow picture
does not block the others at once, and memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one source. index: its index among the sources, from 0. Either `answer` or `error` is None."""

    index: int
    source: Source
    answer: Answer | None
    error: SpotterError | None

    def result(self) -> Answer:
        """The answer. Raises the error where there is none."""
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return self.answer


class Bar(Protocol):
    """A progress bar."""

    def update(self, n: float | None = 1, /) -> Any: ...


class _NoBar:
    def update(self, n: float | None = 1, /) -> None:
        pass


def check_concurrency(concurrency: int) -> None:
    """Raises ValueError where `concurrency` is below 1."""
    if concurrency < 1:
        raise ValueError(f"concurrency: {concurrency} is less than 1")


def bar(wanted: bool, sources: object) -> AbstractContextManager[Bar]:
    """A progress bar of tqdm on standard error where `wanted`, else one that shows nothing. Raises
    MissingPackageError."""
    if not wanted:
        return contextlib.nullcontext(_NoBar())
    try:
        from tqdm import tqdm
    except ImportError:
        raise MissingPackageError("tqdm", "progress=True") from None
    return tqdm(total=len(sources) if isinstance(sources, Sized) else None, unit="file")
