"""A fixed number of threads that decode pictures, and the time for which they have been busy."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable

Work = Callable[[], None]


class Task:
    """A piece of work that waits for a thread, is running, or is done."""

    def __init__(self, work: Work) -> None:
        self._work: Work | None = work

    def run(self) -> None:
        """Runs the work, once."""
        work, self._work = self._work, None
        if work is not None:
            work()

    def cancel(self) -> None:
        """Drops waiting work with everything that it references, so that an upload does not stay in memory until a
        thread would be free."""
        self._work = None


class Decoders:
    """Runs work on `count` threads, first come, first served. The threads start with the first work.

    A ThreadPoolExecutor would cost a future, five locks and a semaphore for each picture, and cannot say how long a
    thread has been busy, which an alert needs: a decoding that never ends costs a thread.
    """

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._began: list[float | None] = [None] * count
        self._started = False

    def submit(self, work: Work) -> Task:
        """Queues work, which runs once and must not raise. To be called from one thread only."""
        if not self._started:
            self._started = True
            for number in range(len(self._began)):
                threading.Thread(target=self._run, args=(number,), name=f"decode-{number}", daemon=True).start()
        task = Task(work)
        self._queue.put(task)
        return task

    def close(self) -> None:
        """Drops waiting work and ends the threads, without waiting for busy ones."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        for _ in self._began:
            self._queue.put(None)

    @property
    def busy(self) -> int:
        """The number of busy threads."""
        return sum(began is not None for began in self._began)

    @property
    def longest(self) -> float:
        """How long the thread that began first has been busy, in seconds; 0 when all are idle."""
        began = [each for each in self._began if each is not None]
        return self._clock() - min(began) if began else 0.0

    def _run(self, number: int) -> None:
        while (task := self._queue.get()) is not None:
            self._began[number] = self._clock()
            task.run()
            self._began[number] = None
