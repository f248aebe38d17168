import signal

import pytest

from spotter.training.stopping import Stop, stopping_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_only_asks_for_the_end(number: int) -> None:
    before = signal.getsignal(number)
    with stopping_on_signals() as stop:
        assert not stop.requested
        signal.raise_signal(number)
        assert stop.requested
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), stopping_on_signals():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is before


def test_the_end_is_asked_for_when_the_time_is_up() -> None:
    now = 100.0
    stop, endless = Stop(0.5, lambda: now), Stop(None, lambda: now)
    now = 130.0
    assert (stop.seconds, stop.requested) == (30.0, False)
    now = 130.1
    assert (stop.requested, endless.requested) == (True, False)
