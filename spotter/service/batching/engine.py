"""The engine: lanes that run batches, one thread each, and a thread that prepares the next batch of a single lane.

A batch is answered by the one that claims it: its lane when the model has finished, or `revive` when that lane's thread
died or hangs. So each picture is answered once, and a thread that finishes too late has no effect.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from spotter.reading.imaging import OpenedPicture, Prepared
from spotter.reading.reader import sizes_of
from spotter.service.batching.batch_buffer import DoubleBuffer
from spotter.service.batching.batcher import Batch, Batcher, BatchLimits, Entry, Shape
from spotter.service.batching.jobs import BatchReport, Done, Job, Runner, answer, decode, engine_failed, expire
from spotter.service.batching.latency import LatencyModel
from spotter.service.batching.workers import Lane, Workers
from spotter.service.errors import NotReadyError

logger = logging.getLogger(__name__)

SHAPES = 8
"""The number of recent batches with whose shapes the next model is warmed up."""


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
        self._batcher: Batcher[Job] = Batcher(limits, self._latency, expire)
        self._lock = threading.RLock()
        self._running = threading.Condition(self._lock)  # wakes the thread that prepares the next batch
        self._stopping = False
        self._down = False
        self._failures = 0
        self._beat = clock()
        self._shapes: deque[Shape] = deque(maxlen=SHAPES)
        self._limits = limits
        self._workers = self._new_workers(runner)

    def _new_workers(self, runner: Runner) -> Workers:
        workers = Workers(runner, tuple(Lane(threading.Condition(self._lock)) for _ in range(self._lanes)))
        work = [(f"engine-{number}", self._run, lane) for number, lane in enumerate(workers.lanes)]
        if self._lanes == 1:
            workers.buffers = DoubleBuffer(self._limits.pixels)
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
        """Frees the memory that the runner keeps for the next batch; this takes as long as a small batch."""
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
        """Accepts no pictures until revived; queued and running pictures are answered with EngineFailedError."""
        with self._lock:
            self._down = True
            lost = self._workers.give_up()
            waiting = self._batcher.drain()
        self._fail(*lost)
        for entry in waiting:
            answer(entry, engine_failed())

    def stop(self, timeout: float | None = None) -> None:
        """Stops after the running batches, or abandons them after `timeout` seconds; waiting pictures are answered with
        NotReadyError."""
        with self._lock:
            self._stopping = True
            waiting = self._batcher.drain()
            self._wake(self._workers)
        for entry in waiting:
            answer(entry, NotReadyError("the service stops", retry_after=1))
        until = None if timeout is None else time.monotonic() + timeout
        for thread in self._workers.threads:
            if thread.is_alive():
                thread.join(None if until is None else max(0.0, until - time.monotonic()))

    @property
    def alive(self) -> bool:
        """Whether all threads still run."""
        return self._workers.alive

    @property
    def down(self) -> bool:
        """Whether `give_up` was called, and `revive` has not been called since."""
        return self._down

    @property
    def failures(self) -> int:
        """The number of consecutive failed batches."""
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
                raise engine_failed()
            if not len(self._batcher):
                self._beat = now
            self._batcher.add(entry, now)
            # The first idle lane, so that a single client is always served by the same thread, whose caches are warm.
            idle = next((lane for lane in self._workers.lanes if lane.idle), None)
            if idle is not None:
                idle.called = True
                idle.woken.notify()
            else:
                self._running.notify()
        return entry

    def cancel(self, entry: Entry[Job]) -> None:
        """Cancels a picture: it is not run, unless it is running already."""
        with self._lock:
            self._batcher.discard(entry)

    def _guard(self, work: Callable[[Workers, Lane], None], workers: Workers, lane: Lane) -> None:
        """Runs a thread's work. It should not raise; if it does, its batch is still answered."""
        try:
            work(workers, lane)
        except BaseException:
            logger.critical("a thread of the engine died", exc_info=True)
            workers.dead = True  # before answering, so that clients do not see a healthy engine
            if (lost := self._claim(lane)) is not None:
                self._fail(lost)

    def _claim(self, lane: Lane) -> Batch[Job] | None:
        """Takes the batch of a lane, so that no other thread answers it; None where it was already taken."""
        with self._lock:
            batch, lane.batch = lane.batch, None
            self._beat = self._clock()
            return batch

    def _fail(self, *batches: Batch[Job]) -> None:
        for batch in batches:
            for entry in batch.entries:
                answer(entry, engine_failed())

    def _run(self, workers: Workers, lane: Lane) -> None:
        while True:
            with self._lock:
                batch = self._next(workers, lane)
                if batch is None:
                    return
                lane.batch, lane.began = batch, self._clock()
                self._shapes.append(batch.shape)
                if workers.buffers is not None:
                    workers.buffers.swap()
                    if len(self._batcher):
                        self._running.notify()
            self._serve(workers, lane, batch)

    def _wake(self, workers: Workers) -> None:
        for lane in workers.lanes:
            lane.woken.notify_all()
        self._running.notify_all()

    def _current(self, workers: Workers) -> bool:
        """Whether these workers are still the current ones."""
        return workers is self._workers and not self._stopping

    def _next(self, workers: Workers, lane: Lane) -> Batch[Job] | None:
        """Waits for a batch, holding the lock; None when these workers are to end."""
        while self._current(workers):
            lane.called = False
            now = self._clock()
            decision = self._batcher.take(now)
            if isinstance(decision, Batch):
                return decision
            lane.woken.wait(None if decision is None else max(0.0, decision.until - now))
        return None

    def _serve(self, workers: Workers, lane: Lane, batch: Batch[Job]) -> None:
        taken = self._clock()
        pictures = self._decode(lane, batch)
        if not pictures:
            return
        began = self._clock()
        try:
            images, sizes = workers.arrange(pictures), sizes_of(pictures)
            with self._lock:
                crowded = workers.crowded
            answers = workers.runner.run(images, sizes, crowded)
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

    def _decode(self, lane: Lane, batch: Batch[Job]) -> list[Prepared]:
        """Decodes the pictures of a lane's batch that are not decoded yet, and answers those that fail. Cancelled and
        expired ones are removed. Empty when nothing is left to run, or another thread claimed the batch."""
        ready, failed = decode(batch.entries, self._clock)
        if len(ready) < len(batch.entries):
            left = Batch(batch.shape, tuple(ready), batch.reason)
            with self._lock:
                if lane.batch is None:
                    return []
                lane.batch = left if ready else None
                self._beat = self._clock()
        while failed:  # an error references its frames; keeping it here would keep the upload in memory
            answer(*failed[-1])
            failed.pop()
        return [entry.item.picture for entry in ready if isinstance(entry.item.picture, Prepared)]

    def _prepare_ahead(self, workers: Workers, lane: Lane) -> None:
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
                back = workers.buffers.back if workers.buffers is not None else None
            pictures = [entry.item.picture for entry in ahead.entries if isinstance(entry.item.picture, Prepared)]
            if back is not None and len(pictures) > 1:
                back.prepare_ahead(pictures)
