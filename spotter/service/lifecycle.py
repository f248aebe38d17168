"""The states of a service between start and exit."""

from enum import StrEnum

from spotter.service.errors import NotReadyError


class State(StrEnum):
    """draining: told to stop, not ready, but still serving for the grace period. closing: accepts nothing new."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSING = "closing"
    FAILED = "failed"


_NEXT = {
    State.STARTING: {State.READY, State.DRAINING, State.CLOSING, State.FAILED},
    State.READY: {State.DRAINING, State.CLOSING, State.FAILED},
    State.DRAINING: {State.CLOSING},
    State.CLOSING: set(),
    State.FAILED: set(),
}


class Lifecycle:
    """Holds the state, which only moves forward."""

    def __init__(self) -> None:
        self._state = State.STARTING

    @property
    def state(self) -> State:
        """Where the service is now."""
        return self._state

    def to(self, state: State) -> bool:
        """Moves to a later state; returns whether it did."""
        if state not in _NEXT[self._state]:
            return False
        self._state = state
        return True

    def require_serving(self) -> None:
        """Raises NotReadyError unless new work is accepted: ready, or draining within the grace period."""
        self._require(State.READY, State.DRAINING)

    def require_ready(self) -> None:
        """Raises NotReadyError unless a balancer should send work here."""
        self._require(State.READY)

    def _require(self, *states: State) -> None:
        if self._state not in states:
            retry_after = 1 if self._state is State.STARTING else 5
            raise NotReadyError(f"the service is {self._state}", retry_after=retry_after)
