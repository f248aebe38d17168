"""The engine: lanes that run batches, a thread each, and a thread that lays out the next batch of a lone lane.

A batch belongs to whoever claims it: its lane when the model has answered, or `revive` when that lane's thread died or
hangs. So each picture is answered once, and a thread that comes back late changes nothing.
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
"""Batches whose shapes are remembered, to warm the next model with."""


class Runner(Protocol):
    """What runs a batch, several at once where there are several lanes: see `session.Session.run`."""

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
        """Reads a batch; crowded: while every lane is at work."""

    def release_memory(self) -> None:
        """Gives back the memory that is kept for the next batch."""


@dataclass(frozen=True)
class Done:
    """A picture's rows, how it was prepared, and the seconds that it waited, that a lane decoded, and that its batch
    ran."""

    rows: Rows
    prepared: Prepared
    queued: float
    decoded: float
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
    """One picture on its way. `done` is called exactly once unless the job is cancelled, on an engine thread; with what
    decoding raised, too."""

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
        self._running = threading.Condition(self._lock)  # wakes who lays out the batch after the one that runs
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
        """Lets the runner give back the memory it keeps for the next batch; takes as long as a small one."""
        self._workers.runner.release_memory()

    def revive(self, runner: Runner) -> None:
        """Goes on with other threads and another runner. What the old ones were running is answered
        EngineFailedError, what waits will be run. A thread that hangs is left behind."""
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
        """Takes nothing more until revived; what is inside is answered EngineFailedError."""
        with self._lock:
            self._down = True
            lost = self._workers.give_up()
            waiting = self._batcher.drain()
        self._fail(*lost)
        for entry in waiting:
            if not entry.cancelled:
                entry.item.done(_failed())

    def stop(self, timeout: float | None = None) -> None:
        """Ends after the running batches, or leaves them after `timeout` seconds; what still waits is answered
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
        """Whether the threads that were started still run."""
        return not self._workers.dead and all(thread.is_alive() for thread in self._workers.threads)

    @property
    def down(self) -> bool:
        """Whether it was given up, and not revived since."""
        return self._down

    @property
    def failures(self) -> int:
        """Batches that failed one after the other, up to now."""
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
        """The padded (height, width) of the batches run lately, each once."""
        with self._lock:
            return list(dict.fromkeys(self._shapes))

    @property
    def waiting(self) -> int:
        """Pictures that wait for a batch."""
        with self._lock:
            return len(self._batcher)

    def submit(
        self, picture: Prepared | OpenedPicture, deadline: float, done: Callable[[Done | BaseException], None]
    ) -> Entry[Job]:
        """Queues a picture; deadline in seconds on the clock. One that is only opened, its shape known, is decoded by
        the lane that reads it. Raises NotReadyError once stopped."""
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
            # The first idle lane: a client alone then always meets the same thread, whose caches are warm.
            idle = next((lane for lane in self._workers.lanes if lane.batch is None and not lane.called), None)
            if idle is not None:
                idle.called = True
                idle.woken.notify()
            else:
                self._running.notify()
        return entry

    def cancel(self, entry: Entry[Job]) -> None:
        """Gives up a picture: it will not be run, unless it is running already."""
        with self._lock:
            self._batcher.discard(entry)

    def _guard(self, work: "Callable[[_Workers, _Lane], None]", workers: "_Workers", lane: "_Lane") -> None:
        """Runs a thread's work. Nothing may escape it, and if something does, its batch is answered all the same."""
        try:
            work(workers, lane)
        except BaseException:
            logger.critical("a thread of the engine died", exc_info=True)
            workers.dead = True  # before the answers: who gets one must not find the engine in order
            if (lost := self._claim(lane)) is not None:
                self._fail(lost)

    def _claim(self, lane: "_Lane") -> Batch[Job] | None:
        """The batch that a lane runs, unless it was taken from it; nobody else gets it after."""
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
        """Whether a workers is still the one at work."""
        return workers is self._workers and not self._stopping

    def _next(self, workers: "_Workers", lane: "_Lane") -> Batch[Job] | None:
        """Waits for a batch, holding the lock; None when there is nothing more to do for this workers."""
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
        """Decodes what a lane took, where that is still to be done, and answers what cannot be; what was given up or
        became late meanwhile is left out, too. Empty when nothing is left to run, or the batch was taken away."""
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
        while out:  # an error knows the frames that it passed: what this one keeps of it would keep the upload
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
        """Whether every one of several lanes is at work, or was just called to it."""
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
    """What a thread runs now, and since when; called: whether it was woken and has not looked yet."""

    woken: threading.Condition
    batch: Batch[Job] | None = None
    began: float = 0.0
    called: bool = False


@dataclass(eq=False)
class _Workers:
    """The worker threads of an engine with what only they use. A lone lane has two buffers (double buffering): it reads
    the front one while the back one is filled."""

    runner: Runner
    lanes: tuple[_Lane, ...]
    back: BatchBuffer | None = None
    front: BatchBuffer | None = None
    threads: tuple[threading.Thread, ...] = ()
    dead: bool = False

    def give_up(self) -> list[Batch[Job]]:
        """Takes what runs away from the lanes."""
        lost = [lane.batch for lane in self.lanes if lane.batch is not None]
        for lane in self.lanes:
            lane.batch = None
        return lost


def _failed() -> EngineFailedError:
    return EngineFailedError("the model failed on this batch", retry_after=1)


def _expire(entry: Entry[Job]) -> None:
    """Not a method: an engine in a cycle with its batcher would keep a former model in memory until collected."""
    if not entry.cancelled:
        entry.item.done(_late())


def _late() -> TooLateError:
    return TooLateError("the deadline passed in the queue")
