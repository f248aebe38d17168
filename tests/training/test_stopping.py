import signal

import pytest

from spotter.training.stopping import stopping_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_only_asks_for_the_end(number: int) -> None:
    before = signal.getsignal(number)
    with stopping_on_signals() as stop:
        assert not stop.asked
        signal.raise_signal(number)
        assert stop.asked
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), stopping_on_signals():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is before
