"""The engine: lanes that run batches, one thread each, and a thread that prepares the next batch of a single lane.

A batch is answered by whoever claims it: its lane when the model has finished, or `revive` when that lane's thread died
or hangs. So each picture is answered once, and a thread that finishes too late changes nothing.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spotter.reading.imaging import OpenedPicture, Prepared
from spotter.reading.reader import sizes_of
from spotter.reading.session import Rows
from spotter.service.batching.batch_buffer import BatchBuffer
from spotter.service.batching.batcher import Batch, Batcher, BatchLimits, Entry, Shape
from spotter.service.batching.latency import LatencyModel
from spotter.service.errors import EngineFailedError, NotReadyError, TooLateError

logger = logging.getLogger(__name__)

SHAPES = 8
"""The number of recent batches whose shapes the next model is warmed up with."""


class Runner(Protocol):
    """Runs batches, several at once where there are several lanes: see `session.Session.run`."""

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
        """Reads a batch; crowded: all lanes are busy."""

    def release_memory(self) -> None:
        """Frees the memory that is kept for the next batch."""


@dataclass(frozen=True)
class Done:
    """A picture's rows, how it was prepared, and the seconds that it waited in the queue, that its lane spent decoding,
    and that its batch ran."""

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


class Engine:
    """Batches jobs and runs them, until stopped."""

    def __init__(
        self,
        runner: Runner,
        limits: BatchLimits,
        report: Callable[[BatchReport], None] = lambda report: None,
        clock: Callable[[], float] = time.monotonic,
        lanes: int = 1,
    ) -> None:
        self._lanes = lanes
        self._report = report
        self._clock = clock
        self._latency = LatencyModel()
        self._batcher: Batcher[Job] = Batcher(limits, self._latency, _expire)
        self._lock = threading.RLock()
        self._running = threading.Condition(self._lock)  # wakes the thread that prepares the next batch
        self._stopping = False
        self._down = False
        self._failures = 0
        self._beat = clock()
        self._shapes: deque[Shape] = deque(maxlen=SHAPES)
        self._limits = limits
        self._workers = self._new_workers(runner)

    def _new_workers(self, runner: Runner) -> "_Workers":
        workers = _Workers(runner, tuple(_Lane(threading.Condition(self._lock)) for _ in range(self._lanes)))
        work = [(f"engine-{number}", self._run, lane) for number, lane in enumerate(workers.lanes)]
        if self._lanes == 1:
            workers.back, workers.front = BatchBuffer(self._limits.pixels), BatchBuffer(self._limits.pixels)
            workers.back.open()
            work.append(("engine-prefetch", self._prepare_ahead, workers.lanes[0]))
        workers.threads = tuple(
            threading.Thread(target=self._guard, args=(target, workers, lane), name=name, daemon=True)
            for name, target, lane in work
        )
        return workers

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._workers.threads:
            thread.start()

    def release_memory(self) -> None:
        """Frees the memory that the runner keeps for the next batch; takes as long as a small batch."""
        self._workers.runner.release_memory()

    def revive(self, runner: Runner) -> None:
        """Replaces the threads and the runner. Pictures that the old ones were running are answered with
        EngineFailedError; waiting ones will be run. A hanging thread is abandoned."""
        with self._lock:
            if self._stopping:
                return
            old, self._workers = self._workers, self._new_workers(runner)
            lost = old.give_up()
            self._down, self._failures, self._beat = False, 0, self._clock()
            self._wake(old)
        self._fail(*lost)
        self.start()

    def give_up(self) -> None:
        """Accepts nothing more until revived; queued and running pictures are answered with EngineFailedError."""
        with self._lock:
            self._down = True
            lost = self._workers.give_up()
            waiting = self._batcher.drain()
        self._fail(*lost)
        for entry in waiting:
            if not entry.cancelled:
                entry.item.done(_failed())

    def stop(self, timeout: float | None = None) -> None:
        """Stops after the running batches, or abandons them after `timeout` seconds; waiting pictures are answered with
        NotReadyError."""
        with self._lock:
            self._stopping = True
            waiting = self._batcher.drain()
            self._wake(self._workers)
        for entry in waiting:
            if not entry.cancelled:
                entry.item.done(NotReadyError("the service stops", retry_after=1))
        until = None if timeout is None else time.monotonic() + timeout
        for thread in self._workers.threads:
            if thread.is_alive():
                thread.join(None if until is None else max(0.0, until - time.monotonic()))

    @property
    def alive(self) -> bool:
        """Whether all threads still run."""
        return not self._workers.dead and all(thread.is_alive() for thread in self._workers.threads)

    @property
    def down(self) -> bool:
        """Whether `give_up` was called, and `revive` has not been called since."""
        return self._down

    @property
    def failures(self) -> int:
        """The number of batches that failed in a row."""
        return self._failures

    @property
    def heartbeat(self) -> float:
        """Seconds without progress while there is work; 0 when idle."""
        with self._lock:
            beats = [lane.began for lane in self._workers.lanes if lane.batch is not None]
            if not beats and len(self._batcher):
                beats = [self._beat]
            return self._clock() - min(beats) if beats else 0.0

    @property
    def shapes(self) -> list[Shape]:
        """The padded (height, width) of recent batches, each once."""
        with self._lock:
            return list(dict.fromkeys(self._shapes))

    @property
    def waiting(self) -> int:
        """The number of pictures that wait for a batch."""
        with self._lock:
            return len(self._batcher)

    def submit(
        self, picture: Prepared | OpenedPicture, deadline: float, done: Callable[[Done | BaseException], None]
    ) -> Entry[Job]:
        """Queues a picture; deadline: seconds on the clock. A picture that is not decoded yet is decoded by the lane
        that runs it. Raises NotReadyError once stopped."""
        now = self._clock()
        entry = Entry(Job(picture, done), picture.shape, now, deadline)
        with self._lock:
            if self._stopping:
                raise NotReadyError("the service stops", retry_after=1)
            if self._down:
                raise _failed()
            if not len(self._batcher):
                self._beat = now
            self._batcher.add(entry, now)
            # The first idle lane: a single client is then always served by the same thread, whose caches are warm.
            idle = next((lane for lane in self._workers.lanes if lane.batch is None and not lane.called), None)
            if idle is not None:
                idle.called = True
                idle.woken.notify()
            else:
                self._running.notify()
        return entry

    def cancel(self, entry: Entry[Job]) -> None:
        """Cancels a picture: it will not be run, unless it is running already."""
        with self._lock:
            self._batcher.discard(entry)

    def _guard(self, work: "Callable[[_Workers, _Lane], None]", workers: "_Workers", lane: "_Lane") -> None:
        """Runs a thread's work. It should not raise; if it does, its batch is answered all the same."""
        try:
            work(workers, lane)
        except BaseException:
            logger.critical("a thread of the engine died", exc_info=True)
            workers.dead = True  # before answering, so that clients do not see a healthy engine
            if (lost := self._claim(lane)) is not None:
                self._fail(lost)

    def _claim(self, lane: "_Lane") -> Batch[Job] | None:
        """Takes the batch of a lane, so that nobody else answers it; None where it was already taken."""
        with self._lock:
            batch, lane.batch = lane.batch, None
            self._beat = self._clock()
            return batch

    def _fail(self, *batches: Batch[Job]) -> None:
        for batch in batches:
            for entry in batch.entries:
                if not entry.cancelled:
                    entry.item.done(_failed())

    def _run(self, workers: "_Workers", lane: "_Lane") -> None:
        while True:
            with self._lock:
                batch = self._next(workers, lane)
                if batch is None:
                    return
                lane.batch, lane.began = batch, self._clock()
                self._shapes.append(batch.shape)
                if workers.back is not None and workers.front is not None:
                    workers.back, workers.front = workers.front, workers.back
                    workers.back.open()
                    if len(self._batcher):
                        self._running.notify()
            self._serve(workers, lane, batch)

    def _wake(self, workers: "_Workers") -> None:
        for lane in workers.lanes:
            lane.woken.notify_all()
        self._running.notify_all()

    def _current(self, workers: "_Workers") -> bool:
        """Whether these workers are still the current ones."""
        return workers is self._workers and not self._stopping

    def _next(self, workers: "_Workers", lane: "_Lane") -> Batch[Job] | None:
        """Waits for a batch, holding the lock; None when these workers are to end."""
        while self._current(workers):
            lane.called = False
            now = self._clock()
            decision = self._batcher.take(now)
            if isinstance(decision, Batch):
                return decision
            lane.woken.wait(None if decision is None else max(0.0, decision.until - now))
        return None

    def _serve(self, workers: "_Workers", lane: "_Lane", batch: Batch[Job]) -> None:
        taken = self._clock()
        pictures = self._decode(lane, batch)
        if not pictures:
            return
        began = self._clock()
        try:
            images, sizes = self._arrange(workers, pictures), sizes_of(pictures)
            answers = workers.runner.run(images, sizes, self._crowded(workers))
            if len(answers) != len(pictures):
                raise RuntimeError(f"the model answered {len(answers)} pictures of {len(pictures)}")
        except Exception:
            logger.exception("a batch of %d failed", len(pictures))
            if (lost := self._claim(lane)) is not None:
                self._failures += 1
                self._fail(lost)
            return
        if (mine := self._claim(lane)) is None:
            return
        seconds = self._clock() - began
        self._failures = 0
        padded = images.shape[0] * images.shape[1] * images.shape[2]
        with self._lock:
            self._latency.observe(padded / 1e6, seconds)
        real = sum(width * height for width, height in (picture.working for picture in pictures))
        try:
            self._report(BatchReport(len(pictures), padded, real, batch.reason, seconds))
        finally:
            for entry, picture, rows in zip(mine.entries, pictures, answers, strict=True):
                entry.item.done(Done(rows, picture, taken - entry.arrived, began - taken, seconds))

    def _decode(self, lane: "_Lane", batch: Batch[Job]) -> list[Prepared]:
        """Decodes the pictures of a lane's batch that are not decoded yet, and answers those that fail. Cancelled and
        expired ones are removed. Empty when nothing is left to run, or the batch was claimed by someone else."""
        ready: list[tuple[Entry[Job], Prepared]] = []
        out: list[tuple[Entry[Job], Exception]] = []
        for entry in batch.entries:
            job = entry.item
            try:
                if isinstance(job.picture, OpenedPicture):
                    job.stage = "decode"
                    job.picture = job.picture.decode()
                if entry.deadline <= self._clock():
                    raise _late()
            except Exception as error:
                out.append((entry, error))
                continue
            if not entry.cancelled:
                job.stage = "infer"
                ready.append((entry, job.picture))
        if len(ready) < len(batch.entries):
            left = Batch(batch.shape, tuple(entry for entry, _ in ready), batch.reason)
            with self._lock:
                if lane.batch is None:
                    return []
                lane.batch = left if ready else None
                self._beat = self._clock()
        while out:  # an error references its frames; keeping it here would keep the upload in memory
            if not out[-1][0].cancelled:
                out[-1][0].item.done(out[-1][1])
            out.pop()
        return [picture for _, picture in ready]

    def _arrange(self, workers: "_Workers", pictures: Sequence[Prepared]) -> NDArray[np.uint8]:
        if len(pictures) == 1:
            return pictures[0].padded[None]
        if workers.front is not None:
            return workers.front.close_and_arrange(pictures)
        return np.stack([picture.padded for picture in pictures])

    def _crowded(self, workers: "_Workers") -> bool:
        """Whether there are several lanes, and all are busy or have just been woken."""
        with self._lock:
            return len(workers.lanes) > 1 and all(lane.called or lane.batch is not None for lane in workers.lanes)

    def _prepare_ahead(self, workers: "_Workers", lane: "_Lane") -> None:
        while True:
            with self._lock:
                ahead = None
                while self._current(workers):
                    ahead = self._batcher.prefetch(self._clock()) if lane.batch is not None else None
                    if ahead is not None:
                        break
                    self._running.wait()
                if ahead is None:
                    return
                back = workers.back
            pictures = [entry.item.picture for entry in ahead.entries if isinstance(entry.item.picture, Prepared)]
            if back is not None and len(pictures) > 1:
                back.prepare_ahead(pictures)


@dataclass(eq=False)
class _Lane:
    """A thread's current batch, and when it began; called: whether it was woken and has not taken a batch yet."""

    woken: threading.Condition
    batch: Batch[Job] | None = None
    began: float = 0.0
    called: bool = False


@dataclass(eq=False)
class _Workers:
    """The worker threads of an engine and the state that only they use. A single lane has two buffers (double
    buffering): it reads the front one while the back one is filled."""

    runner: Runner
    lanes: tuple[_Lane, ...]
    back: BatchBuffer | None = None
    front: BatchBuffer | None = None
    threads: tuple[threading.Thread, ...] = ()
    dead: bool = False

    def give_up(self) -> list[Batch[Job]]:
        """Claims the running batches of all lanes."""
        lost = [lane.batch for lane in self.lanes if lane.batch is not None]
        for lane in self.lanes:
            lane.batch = None
        return lost


def _failed() -> EngineFailedError:
    return EngineFailedError("the model failed on this batch", retry_after=1)


def _expire(entry: Entry[Job]) -> None:
    """Not a method: a reference cycle of engine and batcher would keep a former model in memory until the next garbage
    collection."""
    if not entry.cancelled:
        entry.item.done(_late())


def _late() -> TooLateError:
    return TooLateError("the deadline passed in the queue")
