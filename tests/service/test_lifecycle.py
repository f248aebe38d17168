import pytest

from spotter.service.errors import NotReadyError
from spotter.service.lifecycle import Lifecycle, State


def test_the_usual_life() -> None:
    lifecycle = Lifecycle()
    with pytest.raises(NotReadyError) as starting:
        lifecycle.require_serving()
    assert starting.value.all_headers() == {"retry-after": "1"}
    assert lifecycle.to(State.READY)
    lifecycle.require_serving()
    lifecycle.require_ready()
    assert lifecycle.to(State.DRAINING)
    lifecycle.require_serving()
    with pytest.raises(NotReadyError):
        lifecycle.require_ready()
    assert lifecycle.to(State.CLOSING)
    with pytest.raises(NotReadyError):
        lifecycle.require_serving()


def test_there_is_no_way_back() -> None:
    lifecycle = Lifecycle()
    lifecycle.to(State.DRAINING)
    assert not lifecycle.to(State.READY)
    assert lifecycle.state is State.DRAINING
    lifecycle.to(State.CLOSING)
    assert not any(lifecycle.to(state) for state in State)


def test_failure_is_final() -> None:
    lifecycle = Lifecycle()
    lifecycle.to(State.FAILED)
    assert not lifecycle.to(State.CLOSING)
    assert lifecycle.state is State.FAILED
