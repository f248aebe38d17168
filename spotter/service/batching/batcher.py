"""Decides which pictures run together, and when. No threads, no sleeping; the current time is an argument.

The engine calls `take` when it is free. While it runs, one batch may be prepared ahead (`prefetch`); pictures of the
same shape may join it until it is taken.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from spotter.service.batching.latency import LatencyModel

T = TypeVar("T")
Shape = tuple[int, int]
Reason = Literal["full", "free", "waited"]


@dataclass(eq=False)
class Entry(Generic[T]):
    """A waiting picture. shape: padded (height, width). arrived, deadline: seconds on the batcher's clock."""

    item: T
    shape: Shape
    arrived: float
    deadline: float
    cancelled: bool = False

    @property
    def pixels(self) -> int:
        """Padded pixels."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True)
class Batch(Generic[T]):
    """Pictures of one shape to run together, oldest first, and the reason why they run now."""

    shape: Shape
    entries: tuple[Entry[T], ...]
    reason: Reason


@dataclass(frozen=True)
class Wait:
    """There is nothing to run before `until` (seconds on the clock) unless a picture arrives."""

    until: float


@dataclass(frozen=True)
class BatchLimits:
    """pictures, pixels: limits of a batch; a picture that alone exceeds `pixels` still runs, alone. wait: the longest
    wait for further pictures, in seconds."""

    pictures: int
    pixels: int
    wait: float = 0.0

    def room(self, shape: Shape) -> int:
        """How many pictures of a shape fit into one batch, at least one."""
        return max(1, min(self.pictures, self.pixels // (shape[0] * shape[1])))


@dataclass
class Batcher(Generic[T]):
    """Queues of entries by shape. dropped: called with each entry that is removed because it was cancelled or its
    deadline passed."""

    limits: BatchLimits
    latency: LatencyModel
    dropped: Callable[[Entry[T]], None]
    _buckets: dict[Shape, deque[Entry[T]]] = field(default_factory=dict)
    _ahead: Batch[T] | None = None
    _gap: float = float("inf")
    _last_arrival: float | None = None

    def __len__(self) -> int:
        """The number of waiting pictures, including those prepared ahead."""
        ahead = len(self._ahead.entries) if self._ahead else 0
        return ahead + sum(len(bucket) for bucket in self._buckets.values())

    def add(self, entry: Entry[T], now: float) -> None:
        """Queues an entry; its `arrived` must not be earlier than that of the last one of its shape."""
        if self._last_arrival is not None:
            gap = now - self._last_arrival
            self._gap = gap if self._gap == float("inf") else 0.8 * self._gap + 0.2 * gap
        self._last_arrival = now
        self._buckets.setdefault(entry.shape, deque()).append(entry)

    def discard(self, entry: Entry[T]) -> None:
        """Removes an entry whose client disconnected. An entry that was prepared ahead stays until `take` drops it."""
        entry.cancelled = True
        bucket = self._buckets.get(entry.shape)
        if bucket is not None and entry in bucket:
            bucket.remove(entry)
            if not bucket:
                del self._buckets[entry.shape]

    def prefetch(self, now: float) -> Batch[T] | None:
        """Chooses the batch after the running one, unless it is chosen already; None when nothing waits."""
        if self._ahead is None:
            shape = self._oldest(now)
            if shape is None:
                return None
            entries = self._fill((), shape, now)
            self._ahead = Batch(shape, entries, self._reason(shape, entries))
            return self._ahead
        return None

    def take(self, now: float) -> Batch[T] | Wait | None:
        """The batch to run now: not empty, without cancelled or expired entries. None when nothing waits."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            living = self._living(ahead.entries, now)
            if living:  # if all have expired, an older picture of another shape may be next
                entries = self._fill(living, ahead.shape, now)
                return Batch(ahead.shape, entries, self._reason(ahead.shape, entries))
        shape = self._oldest(now)
        if shape is None:
            return None
        bucket = self._buckets[shape]
        waited = False
        if self.limits.wait > 0 and len(bucket) < self.limits.room(shape):
            until = bucket[0].arrived + self.limits.wait
            megapixels = bucket[0].pixels / 1e6
            if (
                now < until
                and self._gap < until - now
                and self.latency.waiting_pays(len(bucket), megapixels, self._gap)
            ):
                return Wait(until)
            waited = now >= until
        entries = self._fill((), shape, now)
        return Batch(shape, entries, "waited" if waited else self._reason(shape, entries))

    def drain(self) -> list[Entry[T]]:
        """Removes and returns all waiting entries."""
        entries = [*(self._ahead.entries if self._ahead else ())]
        for bucket in self._buckets.values():
            entries += bucket
        self._ahead = None
        self._buckets.clear()
        return entries

    def _reason(self, shape: Shape, entries: tuple[Entry[T], ...]) -> Reason:
        return "full" if len(entries) >= self.limits.room(shape) else "free"

    def _living(self, entries: tuple[Entry[T], ...], now: float) -> tuple[Entry[T], ...]:
        living = []
        for entry in entries:
            if entry.cancelled or entry.deadline <= now:
                self.dropped(entry)
            else:
                living.append(entry)
        return tuple(living)

    def _oldest(self, now: float) -> Shape | None:
        """The shape whose first valid entry arrived first; cancelled and expired entries before it are dropped."""
        best: tuple[float, Shape] | None = None
        for shape, bucket in list(self._buckets.items()):
            while bucket and (bucket[0].cancelled or bucket[0].deadline <= now):
                self.dropped(bucket.popleft())
            if not bucket:
                del self._buckets[shape]
            elif best is None or bucket[0].arrived < best[0]:
                best = (bucket[0].arrived, shape)
        return best[1] if best else None

    def _fill(self, entries: tuple[Entry[T], ...], shape: Shape, now: float) -> tuple[Entry[T], ...]:
        """Adds waiting entries of the shape until the batch is full; drops cancelled and expired ones."""
        bucket = self._buckets.get(shape)
        filled = list(entries)
        while bucket and len(filled) < self.limits.room(shape):
            entry = bucket.popleft()
            if entry.cancelled or entry.deadline <= now:
                self.dropped(entry)
            else:
                filled.append(entry)
        if bucket is not None and not bucket:
            del self._buckets[shape]
        return tuple(filled)
