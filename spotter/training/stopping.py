"""Stops runs cleanly on signals, or when their time is up."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """When a run is to end: after a signal, or after so many minutes."""

    def __init__(self, minutes: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._signalled = False
        self._minutes, self._clock = minutes, clock
        self._started = clock()

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return self._clock() - self._started

    @property
    def asked(self) -> bool:
        """Whether the run is to end now."""
        return self._signalled or (self._minutes is not None and self.seconds > 60 * self._minutes)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True


@contextmanager
def stopping_on_signals(minutes: float | None = None) -> Iterator[Stop]:
    """A context in which SIGINT and SIGTERM only request the end, so that the current step is finished and saved.

    minutes: after which the end is requested, too.
    """
    stop = Stop(minutes)
    before = {number: signal.signal(number, stop._ask) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_signals_to_the_trainer(_worker: int) -> None:
    """For worker processes: signals to the whole process group are left to the main process."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
