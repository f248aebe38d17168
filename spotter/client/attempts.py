"""Decides whether and when a request is sent again, within the time of a call."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from spotter.client.errors import DeadlineError, SpotterError, UnreachableError


@dataclass(frozen=True)
class Retries:
    """How often and when requests are repeated.

    attempts: the most requests of one call, at least 1. connects: the most attempts that fail to connect. first,
    longest: seconds; a pause is drawn from 0 to `first`, then from 0 to twice that, and so on up to `longest`, so that
    clients that were rejected together do not return together. Where the service sends Retry-After, which it measures
    each time, the pause is that time plus a random part of up to half of it, or of `first` if that is more.
    """

    attempts: int = 30
    connects: int = 4
    first: float = 0.5
    longest: float = 10.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.connects < 1 or not 0 <= self.first <= self.longest:
            raise ValueError("there is at least one attempt, and 0 <= first <= longest")


class Attempts:
    """The attempts of one call. clock: returns seconds. draw: returns a random number from 0 to its argument."""

    def __init__(
        self,
        retries: Retries,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[float], float] = lambda most: random.uniform(0.0, most),
    ) -> None:
        """seconds: the time of the whole call, above 0."""
        if not 0 < seconds < float("inf"):
            raise ValueError(f"timeout: {seconds} is not a number of seconds above 0")
        self._retries, self._seconds = retries, seconds
        self._clock, self._draw = clock, draw
        self._until = clock() + seconds
        self._failed = self._unreached = 0

    def left(self, failure: SpotterError | None = None) -> float:
        """Seconds that are left, above 0. Raises DeadlineError when there are none, caused by the failure."""
        left = self._until - self._clock()
        if left <= 0:
            raise self.late() from failure
        return left

    def late(self) -> DeadlineError:
        """The error when the time is over."""
        return DeadlineError(f"there was no answer within {self._seconds:g} s")

    def pause(self, failure: SpotterError) -> float:
        """Seconds to wait before the next attempt. Raises the failure where there must be no further attempt: the
        service may have accepted the request, all attempts are used, or the pause would last longer than the call."""
        self._failed += 1
        self._unreached += isinstance(failure, UnreachableError)
        enough = self._failed >= self._retries.attempts or self._unreached >= self._retries.connects
        if not failure.again or enough:
            raise failure
        asked, retries = failure.retry_after, self._retries
        if asked is None:
            pause = self._draw(min(retries.longest, retries.first * 2.0 ** (self._failed - 1)))
        else:
            pause = asked + self._draw(max(retries.first, asked / 2))
        if pause >= self._until - self._clock():
            raise failure
        return pause
