"""The engine: one thread that runs batches, and one that lays out the next batch meanwhile."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spotter.service.batcher import Batch, Batcher, BatchLimits, Entry
from spotter.service.errors import EngineFailedError, NotReadyError, ServiceError, TooLateError
from spotter.service.imaging import Prepared
from spotter.service.latency import LatencyModel
from spotter.service.reader import sizes_of
from spotter.service.session import Rows
from spotter.service.staging import Staging

logger = logging.getLogger(__name__)


class Runner(Protocol):
    """What runs a batch: see `session.Session.run`."""

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32]) -> list[Rows]:
        """Reads a batch."""


@dataclass(frozen=True)
class Done:
    """A picture's rows, with the seconds that it waited and that its batch ran."""

    rows: Rows
    queued: float
    ran: float


@dataclass(frozen=True)
class BatchReport:
    """What one dispatch did."""

    pictures: int
    padded_pixels: int
    real_pixels: int
    reason: str
    seconds: float


@dataclass(eq=False)
class Job:
    """One picture on its way. `done` is called exactly once unless the job is cancelled, on an engine thread."""

    prepared: Prepared
    done: Callable[[Done | ServiceError], None]
    stage: Literal["queue", "infer"] = "queue"


class Engine:
    """Batches jobs and runs them, until stopped."""

    def __init__(
        self,
        runner: Runner,
        limits: BatchLimits,
        report: Callable[[BatchReport], None] = lambda report: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._report = report
        self._clock = clock
        self._latency = LatencyModel()
        self._batcher: Batcher[Job] = Batcher(limits, self._latency, self._drop)
        self._changed = threading.Condition()
        self._stopping = False
        self._running = False
        # Two: the engine reads one while the other is filled.
        self._staging, self._spare = Staging(limits.pixels), Staging(limits.pixels)
        self._staging.open()
        self._threads = [
            threading.Thread(target=self._run, name="engine", daemon=True),
            threading.Thread(target=self._prepare_ahead, name="engine-staging", daemon=True),
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends after the running batch; what still waits is answered NotReadyError."""
        with self._changed:
            self._stopping = True
            waiting = self._batcher.drain()
            self._changed.notify_all()
        for entry in waiting:
            if not entry.cancelled:
                entry.item.done(NotReadyError("the service stops", retry_after=1))
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @property
    def alive(self) -> bool:
        """Whether the threads that were started still run."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def waiting(self) -> int:
        """Pictures that wait for a batch."""
        return len(self._batcher)

    def submit(self, prepared: Prepared, deadline: float, done: Callable[[Done | ServiceError], None]) -> Entry[Job]:
        """Queues a picture; deadline in seconds on the clock. Raises NotReadyError once stopped."""
        now = self._clock()
        height, width = prepared.padded.shape[:2]
        entry = Entry(Job(prepared, done), (height, width), now, deadline)
        with self._changed:
            if self._stopping:
                raise NotReadyError("the service stops", retry_after=1)
            self._batcher.add(entry, now)
            self._changed.notify_all()
        return entry

    def cancel(self, entry: Entry[Job]) -> None:
        """Gives up a picture: it will not be run, unless it is running already."""
        with self._changed:
            self._batcher.discard(entry)

    def _drop(self, entry: Entry[Job]) -> None:
        if not entry.cancelled:
            entry.item.done(TooLateError("the deadline passed in the queue"))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._running = False
                batch = self._next()
                if batch is None:
                    return
                self._running = True
                self._staging, self._spare = self._spare, self._staging
                self._staging.open()
                self._changed.notify_all()
            self._serve(batch, self._spare)

    def _next(self) -> Batch[Job] | None:
        """Waits for a batch, holding the lock; None when stopping."""
        while not self._stopping:
            decision = self._batcher.take(self._clock())
            if isinstance(decision, Batch):
                for entry in decision.entries:
                    entry.item.stage = "infer"
                return decision
            self._changed.wait(None if decision is None else max(0.0, decision.until - self._clock()))
        return None

    def _serve(self, batch: Batch[Job], staging: Staging) -> None:
        jobs = [entry.item for entry in batch.entries]
        pictures = [job.prepared for job in jobs]
        began = self._clock()
        try:
            images = pictures[0].padded[None] if len(pictures) == 1 else staging.close_and_arrange(pictures)
            answers = self._runner.run(images, sizes_of(pictures))
        except Exception:
            logger.exception("a batch of %d failed", len(jobs))
            for job in jobs:
                job.done(EngineFailedError("the model failed on this batch", retry_after=1))
            return
        seconds = self._clock() - began
        padded = len(jobs) * batch.shape[0] * batch.shape[1]
        self._latency.observe(padded / 1e6, seconds)
        real = sum(width * height for width, height in (picture.working for picture in pictures))
        self._report(BatchReport(len(jobs), padded, real, batch.reason, seconds))
        for entry, rows in zip(batch.entries, answers, strict=True):
            entry.item.done(Done(rows, began - entry.arrived, seconds))

    def _prepare_ahead(self) -> None:
        while True:
            with self._changed:
                while not self._stopping:
                    ahead = self._batcher.prefetch(self._clock()) if self._running else None
                    if ahead is not None:
                        break
                    self._changed.wait()
                if self._stopping or ahead is None:
                    return
                staging = self._staging
            if len(ahead.entries) > 1:
                staging.prepare_ahead([entry.item.prepared for entry in ahead.entries])
