"""The batcher, the batch buffers and the dealing out of rows together, in virtual time: hypothesis picks what
comes when, who leaves, what fails, and in which order the threads get their turns.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spotter.reading.imaging import Prepared
from spotter.reading.session import Rows, split_rows
from spotter.service.batching.batch_buffer import DoubleBuffer
from spotter.service.batching.batcher import Batch, Batcher, BatchLimits, Entry, Wait
from spotter.service.batching.latency import LatencyModel

SHAPES = [(32, 64), (64, 32), (64, 96)]


@dataclass(frozen=True)
class Arrival:
    """A picture: seconds after the one before, its shape, its patience, and when its client leaves (None =
    stays), both in seconds from its arrival.
    """

    gap: float
    shape: tuple[int, int]
    patience: float
    leaves: float | None


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        gap=st.sampled_from([0.0, 0.0004, 0.003, 0.02, 0.2]),
        shape=st.sampled_from(SHAPES),
        patience=st.sampled_from([0.005, 0.05, 1.0, 60.0]),
        leaves=st.none() | st.floats(0, 0.2),
    ),
    min_size=1,
    max_size=40,
)


def read_pixels(images: NDArray[np.uint8], rng: np.random.Generator) -> list[Rows]:
    """As many words as a picture's first pixel modulo 3, each saying that pixel, rows in any order."""
    values = images[:, 0, 0, 0].astype(np.int32)
    assert (images == images[:, :1, :1, :1]).all(), "a picture was overwritten while it ran"
    index = np.repeat(np.arange(len(images), dtype=np.int32), values % 3)
    index = rng.permutation(index)
    characters = values[index][:, None]
    scores = np.ones(len(index), np.float32)
    return split_rows(
        index, [np.zeros((len(index), 4, 2), np.float32), scores, characters, scores[:, None]], len(images)
    )


@dataclass
class House:
    """An engine without threads: `step` lets one thing happen that could happen."""

    limits: BatchLimits
    failures: set[int]
    rng: np.random.Generator
    now: float = 0.0
    running: tuple[float, Batch[int]] | None = None
    batches: int = 0
    ends: list[tuple[int, str]] = field(default_factory=list)
    older: dict[int, int] = field(default_factory=dict)
    overtaken: Counter[int] = field(default_factory=Counter)
    waiting: dict[int, Entry[int]] = field(default_factory=dict)
    pictures: dict[int, Prepared] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.batcher: Batcher[int] = Batcher(self.limits, LatencyModel(), lambda entry: self.end(entry, "expired"))
        self.buffers = DoubleBuffer(self.limits.pixels)

    def end(self, entry: Entry[int], how: str) -> None:
        self.waiting.pop(entry.item, None)
        if how == "expired" and entry.cancelled:
            return  # its client left before and was counted then
        assert how != "expired" or entry.deadline <= self.now
        self.ends.append((entry.item, how))

    def arrive(self, number: int, arrival: Arrival) -> Entry[int]:
        entry = Entry(number, arrival.shape, self.now, self.now + arrival.patience)
        padded = np.full((*arrival.shape, 3), number, np.uint8)
        self.pictures[number] = Prepared(padded, arrival.shape[::-1], arrival.shape[::-1])
        self.older[number] = len(self.waiting)
        for other in self.waiting.values():  # at the same moment neither is the older one
            self.older[other.item] += other.arrived == self.now
        self.waiting[number] = entry
        self.batcher.add(entry, self.now)
        return entry

    def leave(self, entry: Entry[int]) -> None:
        if entry.item in self.waiting:
            self.batcher.discard(entry)
            self.end(entry, "left")

    def look_ahead(self) -> None:
        """The second thread's turn, while the first runs a batch."""
        ahead = self.batcher.prefetch(self.now) if self.running is not None else None
        if ahead is not None and len(ahead.entries) > 1:  # one alone is not copied, and may exceed the budget
            self.buffers.back.prepare_ahead([self.pictures[entry.item] for entry in ahead.entries])

    def start(self) -> float | None:
        """Takes a batch if the engine is free; returns when to ask again."""
        if self.running is not None:
            return None
        decision = self.batcher.take(self.now)
        if isinstance(decision, Wait):
            assert self.now < decision.until
            return decision.until
        if decision is None:
            assert not self.waiting
            return None
        count = len(decision.entries)
        assert count == 1 or count * decision.shape[0] * decision.shape[1] <= self.limits.pixels
        assert 1 <= count <= self.limits.pictures
        for entry in decision.entries:
            assert (entry.deadline > self.now, entry.cancelled, entry.shape) == (True, False, decision.shape)
            assert self.overtaken[entry.item] <= self.older[entry.item], "starved"
            del self.waiting[entry.item]
        self.overtaken.update(list(self.waiting))
        self.buffers.swap()
        self.running = (self.now + 0.004 + 0.003 * count, decision)
        return None

    def finish(self) -> None:
        assert self.running is not None
        (self.now, batch), self.running = self.running, None
        self.batches += 1
        if self.batches in self.failures:
            for entry in batch.entries:
                self.end(entry, "failed")
            return
        pictures = [self.pictures[entry.item] for entry in batch.entries]
        images = pictures[0].padded[None] if len(pictures) == 1 else self.buffers.front.close_and_arrange(pictures)
        self.batcher.latency.observe(
            len(pictures) * batch.shape[0] * batch.shape[1] / 1e6, 0.004 + 0.003 * len(pictures)
        )
        for entry, rows in zip(batch.entries, read_pixels(images, self.rng), strict=True):
            assert rows.characters.ravel().tolist() == [entry.item] * (entry.item % 3), "another picture's words"
            self.end(entry, "answered")


@settings(max_examples=150)
@given(
    ARRIVALS,
    st.integers(1, 4),
    st.integers(2_048, 16_000),
    st.sampled_from([0.0, 0.002]),
    st.sets(st.integers(1, 12)),
    st.integers(0, 2**32),
)
def test_each_picture_gets_its_own_words_once_and_in_its_turn(
    arrivals: list[Arrival], pictures: int, pixels: int, wait: float, failures: set[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    house = House(BatchLimits(pictures, pixels, wait), failures, rng)
    turns = 0
    events: list[tuple[float, int, Arrival | Entry[int]]] = []
    moment = 0.0
    for number, arrival in enumerate(arrivals, 1):
        moment += arrival.gap
        events.append((moment, number, arrival))
    ask_again: float | None = None
    while events or house.running or house.waiting:
        turns += 1
        assert turns < 2000, "it hangs"
        if rng.random() < 0.7:
            house.look_ahead()
        if rng.random() < 0.8 or not events:
            ask_again = house.start()
        moments = [events[0][0]] if events else []
        moments += [house.running[0]] if house.running else []
        moments += [ask_again] if ask_again is not None else []
        if not moments:
            continue
        soonest = min(moments)
        if house.running and house.running[0] == soonest:
            house.finish()
        elif events and events[0][0] == soonest:
            at, number, what = events.pop(0)
            house.now = max(house.now, at)
            if isinstance(what, Arrival):
                entry = house.arrive(number, what)
                if what.leaves is not None:
                    events.append((house.now + what.leaves, number, entry))
                    events.sort(key=lambda event: event[0])
            else:
                house.leave(what)
        else:
            house.now, ask_again = max(house.now, soonest), None
    assert sorted(number for number, _ in house.ends) == list(range(1, len(arrivals) + 1)), "not exactly once"
    assert house.batcher.take(house.now) is None  # drops one that left after it was chosen to run next
    assert len(house.batcher) == 0
