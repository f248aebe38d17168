"""Stops runs after a complete step, on signals or when their time is up."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether a run is to end: after a signal, or after a number of minutes."""

    def __init__(self, minutes: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._signalled = False
        self._minutes, self._clock = minutes, clock
        self._started = clock()

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return self._clock() - self._started

    @property
    def requested(self) -> bool:
        """Whether the run is to end now."""
        return self._signalled or (self._minutes is not None and self.seconds > 60 * self._minutes)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True


@contextmanager
def stopping_on_signals(minutes: float | None = None) -> Iterator[Stop]:
    """A context in which SIGINT and SIGTERM only request the end, so that the current step is finished and saved.

    minutes: the end is also requested after this time.
    """
    stop = Stop(minutes)
    before = {number: signal.signal(number, stop._request) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_signals_to_the_trainer(_worker: int) -> None:
    """Initialises worker processes: they ignore signals to the process group, which the main process handles."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
