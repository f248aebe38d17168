"""The threads that decode pictures: a fixed number, and since when each is at work."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable

Work = Callable[[], None]


class Task:
    """Work that waits for a thread, is being done, or was."""

    def __init__(self, work: Work) -> None:
        self._work: Work | None = work

    def run(self) -> None:
        """Does the work, once."""
        work, self._work = self._work, None
        if work is not None:
            work()

    def cancel(self) -> None:
        """Drops work that waits, with all that it holds: an upload must not stay in memory until its turn comes."""
        self._work = None


class Decoders:
    """Runs what it is given on `count` threads, first come, first served; they start with the first.

    An executor from the standard library would do as much, at a future, five locks and a semaphore for each picture,
    and would not say how long a thread has been at work: one that never ends is a decoder lost.
    """

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._began: list[float | None] = [None] * count
        self._started = False

    def submit(self, work: Work) -> Task:
        """Has it run, once; it must raise nothing. From one thread only."""
        if not self._started:
            self._started = True
            for number in range(len(self._began)):
                threading.Thread(target=self._run, args=(number,), name=f"decode-{number}", daemon=True).start()
        task = Task(work)
        self._queue.put(task)
        return task

    def close(self) -> None:
        """Drops what waits and ends the threads, but does not wait for one that is at work."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        for _ in self._began:
            self._queue.put(None)

    @property
    def busy(self) -> int:
        """Threads at work."""
        return sum(began is not None for began in self._began)

    @property
    def longest(self) -> float:
        """Seconds for which the thread has been at work that began first; 0 when all are idle."""
        began = [each for each in self._began if each is not None]
        return self._clock() - min(began) if began else 0.0

    def _run(self, number: int) -> None:
        while (task := self._queue.get()) is not None:
            self._began[number] = self._clock()
            task.run()
            self._began[number] = None
