"""Stops runs cleanly on signals."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether a signal has asked for the end."""

    def __init__(self) -> None:
        self.asked = False

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


@contextmanager
def stopping_on_signals() -> Iterator[Stop]:
    """A context in which SIGINT and SIGTERM only request the end, so that the current step is finished and saved."""
    stop = Stop()
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
