"""The jobs of the engine, the interface of what runs them, and how they are answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spotter.reading.imaging import OpenedPicture, Prepared
from spotter.reading.session import Rows
from spotter.service.batching.batcher import Entry
from spotter.service.errors import EngineFailedError, TooLateError


class Runner(Protocol):
    """Runs batches, several at once where there are several lanes: see `session.Session.run`."""

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
        """Reads a batch; crowded: all lanes are busy."""

    def release_memory(self) -> None:
        """Frees the memory that is kept for the next batch."""


@dataclass(frozen=True)
class Done:
    """The result of a picture. queued, decoded, ran: the seconds that it waited in the queue, that its lane spent on
    decoding it, and that its batch ran."""

    rows: Rows
    prepared: Prepared
    queued: float
    decoded: float
    ran: float


@dataclass(frozen=True)
class BatchReport:
    """The statistics of one batch."""

    pictures: int
    padded_pixels: int
    real_pixels: int
    reason: str
    seconds: float


@dataclass(eq=False)
class Job:
    """One queued picture. `done` is called exactly once unless the job is cancelled, on an engine thread, with the
    result or with the error of decoding or inference."""

    picture: Prepared | OpenedPicture
    done: Callable[[Done | BaseException], None]
    stage: Literal["queue", "decode", "infer"] = "queue"


def decode(
    entries: Sequence[Entry[Job]], clock: Callable[[], float]
) -> tuple[list[Entry[Job]], list[tuple[Entry[Job], Exception]]]:
    """Decodes the pictures that are not decoded yet: (those ready to run, those that failed or expired). Cancelled ones
    are in neither list."""
    ready: list[Entry[Job]] = []
    failed: list[tuple[Entry[Job], Exception]] = []
    for entry in entries:
        job = entry.item
        try:
            if isinstance(job.picture, OpenedPicture):
                job.stage = "decode"
                job.picture = job.picture.decode()
            if entry.deadline <= clock():
                raise late()
        except Exception as error:
            failed.append((entry, error))
            continue
        if not entry.cancelled:
            job.stage = "infer"
            ready.append(entry)
    return ready, failed


def answer(entry: Entry[Job], outcome: Done | BaseException) -> None:
    """Answers a job, unless its client disconnected."""
    if not entry.cancelled:
        entry.item.done(outcome)


def expire(entry: Entry[Job]) -> None:
    """Answers a job whose deadline passed in the queue. Not a method of the engine: a reference cycle of engine and
    batcher would keep a former model in memory until the next garbage collection."""
    answer(entry, late())


def engine_failed() -> EngineFailedError:
    """The answer of a job whose batch failed."""
    return EngineFailedError("the model failed on this batch", retry_after=1)


def late() -> TooLateError:
    """The answer of a job whose deadline passed."""
    return TooLateError("the deadline passed in the queue")
