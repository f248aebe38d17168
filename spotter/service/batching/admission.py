"""Admission control: the number of pictures and their total cost are bounded, from the end of the upload to the answer.

No I/O; the clock is an argument. Safe to call from any thread.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from spotter.service.errors import ClientGoneError, OverloadedError

_TRUSTED = 0.8
"""The share of a client's remaining time that the queue may take; with a longer queue a picture is rejected."""

_PATIENCE = 2.0
"""Seconds without a served picture, while some are admitted, after which the measured rate is reduced."""


@dataclass(frozen=True)
class Limits:
    """pictures: the most admitted at a time. pixels: the most padded pixels of these. seconds: the longest queue that a
    picture may join."""

    pictures: int
    pixels: int
    seconds: float


@dataclass(frozen=True)
class Room:
    """The current load, and how much more would be admitted.

    inside_pictures, inside_pixels: admitted now. pictures: how many more, of the size of those served recently. pixels:
    how many more padded pixels. queue: seconds until the admitted pictures will have been read, None before anything
    was measured. pace: pictures and padded pixels per second while busy, None before anything was measured.
    retry_after: seconds, None where there is room.
    """

    inside_pictures: int
    inside_pixels: int
    pictures: int
    pixels: int
    queue: float | None
    pace: tuple[float, float] | None
    retry_after: float | None


class Admission:
    """Issues tickets and measures the rate at which pictures are served."""

    def __init__(
        self, limits: Limits, clock: Callable[[], float], rejected: Callable[[str], None] = lambda reason: None
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._rejected = rejected
        self._lock = threading.Lock()
        self._pictures = 0
        self._pixels = 0
        self._unopened = 0
        self._busy_since = 0.0
        self._drained_pictures = 0.0
        self._drained_pixels = 0.0
        self._drained_seconds = 0.0

    @property
    def pictures(self) -> int:
        """The number of admitted pictures."""
        return self._pictures

    @property
    def pixels(self) -> int:
        """The padded pixels of the admitted pictures."""
        return self._pixels

    def expect(self, pixels: int, seconds: float) -> None:
        """Sets the first estimate of the rate: a picture of `pixels` padded pixels took `seconds`. Later calls do
        nothing."""
        with self._lock:
            if self._drained_seconds == 0:
                self._drained_pictures, self._drained_pixels, self._drained_seconds = 1.0, float(pixels), seconds

    def room(self) -> Room:
        """The current load, and how much more would be admitted."""
        with self._lock:
            expected, rate = self._expected(), self._rate()
            mean = self._drained_pixels / self._drained_pictures if self._drained_pictures else 0.0
            pixels = self._limits.pixels - math.ceil(expected)
            further = float(self._limits.pictures - self._pictures)
            if mean:
                # A picture that alone exceeds the limit is admitted when nothing else is; the queue counts only
                # pictures before it.
                further = min(further, max(pixels / mean, 0.0 if expected else 1.0))
                if rate:
                    further = min(further, (self._limits.seconds * rate - expected) / mean + 1)
            pictures = max(math.floor(further), 0)
            return Room(
                self._pictures,
                self._pixels,
                pictures,
                max(pixels, 0),
                expected / rate if rate else None,
                (rate / mean, rate) if rate and mean else None,
                None if pictures else self.retry_after(),
            )

    def require_room(self) -> None:
        """Raises OverloadedError when another picture of any size would be rejected."""
        with self._lock:
            self._require_room()

    def enter(self) -> "Ticket":
        """A ticket for one picture. Raises OverloadedError with the time after which there will be room."""
        with self._lock:
            self._require_room()
            if self._pictures == 0:
                self._busy_since = self._clock()
            self._pictures += 1
            self._unopened += 1
        return Ticket(self)

    def enter_all(self, pictures: int) -> list["Ticket"]:
        """Tickets for all pictures of a request. Raises OverloadedError where not all of them can be admitted."""
        tickets: list[Ticket] = []
        try:
            for _ in range(pictures):
                tickets.append(self.enter())
        except OverloadedError:
            for ticket in tickets:
                ticket.leave(served=False)
            raise
        return tickets

    def _charge(self, ticket: "Ticket", pixels: int, deadline: float, counted: bool) -> None:
        with self._lock:
            if not ticket._inside:
                raise ClientGoneError("its place was given back before the picture's size was known")
            # A picture that alone exceeds the limit is admitted when nothing else is; otherwise it could never be read.
            if self._pixels and self._pixels + pixels > self._limits.pixels:
                raise self._refusal("pixels", f"{self._pixels} padded pixels are waiting", counted)
            self._require_short_queue(self._pixels, _TRUSTED * (deadline - self._clock()), counted)
            self._open(ticket)
            self._pixels += pixels
            ticket._pixels += pixels

    def _leave(self, ticket: "Ticket", served: bool) -> None:
        with self._lock:
            if not ticket._inside:
                return
            ticket._inside = False
            self._open(ticket)
            pixels = ticket._pixels
            self._pictures -= 1
            self._pixels -= pixels
            now = self._clock()
            if served:
                # An exponential moving average over served pictures.
                self._drained_pictures = 0.95 * self._drained_pictures + 1
                self._drained_pixels = 0.95 * self._drained_pixels + pixels
                self._drained_seconds = 0.95 * self._drained_seconds + (now - self._busy_since)
                self._busy_since = now

    def _require_room(self) -> None:
        if self._pictures >= self._limits.pictures:
            raise self._refusal("pictures", f"{self._pictures} pictures are being read")
        self._require_short_queue(self._expected())

    def _require_short_queue(self, pixels: float, seconds: float = math.inf, counted: bool = True) -> None:
        rate = self._rate()
        if rate and pixels / rate > min(self._limits.seconds, max(seconds, 0.0)):
            raise self._refusal("seconds", f"the queue is {pixels / rate:.1f} s long", counted)

    def _open(self, ticket: "Ticket") -> None:
        """Records that the size of a picture is now known."""
        self._unopened -= ticket._unopened
        ticket._unopened = False

    def _expected(self) -> float:
        """Padded pixels of the admitted pictures. A picture whose size is not known yet counts as the average of those
        served recently, so that pictures waiting for a decoder count as well."""
        mean = self._drained_pixels / self._drained_pictures if self._drained_pictures else 0.0
        return self._pixels + self._unopened * mean

    def _rate(self) -> float:
        """Padded pixels per second while busy, 0 when nothing was measured.

        While pictures are admitted and none is served, it falls to a half in the first second and to an eighth in
        seven. Otherwise an outdated rate would admit pictures that all miss their deadlines.
        """
        if self._drained_seconds <= 0:
            return 0.0
        waited = self._clock() - self._busy_since - _PATIENCE if self._pictures else 0.0
        return self._drained_pixels / self._drained_seconds / (1 + max(waited, 0.0))

    def retry_after(self) -> float:
        """Seconds until about half of the admitted pictures will have been answered, between 1 and 60."""
        rate = self._rate()
        return min(max(self._pixels / rate / 2 if rate else 1.0, 1.0), 60.0)

    def _refusal(self, reason: str, detail: str, counted: bool = True) -> OverloadedError:
        if counted:
            self._rejected(reason)
        return OverloadedError(detail, retry_after=self.retry_after())


class Ticket:
    """The admission of one picture: `charge` is called once its size is known, and `leave` at the end. A decoding
    thread may call `charge` while the event loop calls `leave`."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._pixels = 0
        self._inside = True
        self._unopened = True

    def charge(self, pixels: int, deadline: float = math.inf, *, counted: bool = True) -> None:
        """Adds the picture's padded pixels, or raises OverloadedError (the ticket then still has to leave) where there
        is no room, or where the queue is expected to take too long for `deadline`, by the admission's clock. counted:
        whether that counts as a rejection; it does not for an optional second look.

        Raises ClientGoneError after `leave`, when nothing waits for the picture any more.
        """
        self._admission._charge(self, pixels, deadline, counted)

    def leave(self, *, served: bool) -> None:
        """Ends the admission; only served pictures count for the rate. Later calls do nothing."""
        self._admission._leave(self, served)
