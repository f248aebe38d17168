from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotter.service.batching.batcher import Batch, Batcher, BatchLimits, Entry, Wait
from spotter.service.batching.latency import LatencyModel

WIDE, TALL = (32, 64), (64, 32)
FAR = 1e9


def batcher(pictures: int = 4, pixels: int = 10**9, wait: float = 0.0) -> tuple[Batcher[int], list[Entry[int]]]:
    dropped: list[Entry[int]] = []
    return Batcher(BatchLimits(pictures, pixels, wait), LatencyModel(), dropped.append), dropped


def add(
    batcher: Batcher[int], item: int, now: float, shape: tuple[int, int] = WIDE, deadline: float = FAR
) -> Entry[int]:
    entry = Entry(item, shape, now, deadline)
    batcher.add(entry, now)
    return entry


def items(batch: Batch[int] | Wait | None) -> list[int]:
    assert isinstance(batch, Batch)
    return [entry.item for entry in batch.entries]


def test_takes_what_waits_in_order() -> None:
    pulled, _ = batcher()
    assert pulled.take(0) is None
    for item in range(3):
        add(pulled, item, item)
    batch = pulled.take(3)
    assert items(batch) == [0, 1, 2]
    assert isinstance(batch, Batch)
    assert batch.reason == "free"
    assert pulled.take(3) is None


def test_a_full_batch_leaves_the_rest() -> None:
    pulled, _ = batcher(pictures=2)
    for item in range(3):
        add(pulled, item, item)
    batch = pulled.take(3)
    assert isinstance(batch, Batch)
    assert (items(batch), batch.reason) == ([0, 1], "full")
    assert items(pulled.take(3)) == [2]


def test_the_pixel_budget_bounds_a_batch_but_a_giant_runs_alone() -> None:
    pulled, _ = batcher(pixels=2 * 32 * 64)
    for item in range(3):
        add(pulled, item, item)
    add(pulled, 9, 9, (640, 640))
    assert items(pulled.take(9)) == [0, 1]
    assert items(pulled.take(9)) == [2]
    assert items(pulled.take(9)) == [9]


def test_shapes_never_mix_and_the_oldest_goes_first() -> None:
    pulled, _ = batcher()
    for item, shape in enumerate([TALL, WIDE, TALL]):
        add(pulled, item, item, shape)
    assert items(pulled.take(3)) == [0, 2]
    assert items(pulled.take(3)) == [1]


def test_the_expired_are_dropped_and_answered() -> None:
    pulled, dropped = batcher()
    late, gone, _alive = add(pulled, 0, 0, deadline=5), add(pulled, 1, 1), add(pulled, 2, 2)
    gone.cancelled = True
    assert items(pulled.take(5)) == [2]
    assert dropped == [late, gone]


def test_discarding_frees_the_queue_at_once() -> None:
    pulled, dropped = batcher()
    entry = add(pulled, 0, 0)
    pulled.discard(entry)
    pulled.discard(entry)
    assert len(pulled) == 0
    assert pulled.take(1) is None
    assert dropped == []


def test_one_batch_is_prepared_ahead_and_newcomers_may_join_it() -> None:
    pulled, dropped = batcher(pictures=3)
    first, _ = add(pulled, 0, 0), add(pulled, 1, 1)
    assert items(pulled.prefetch(1)) == [0, 1]
    assert pulled.prefetch(1) is None
    add(pulled, 2, 2, TALL)
    add(pulled, 3, 3)
    pulled.discard(first)
    assert len(pulled) == 4
    assert items(pulled.take(4)) == [1, 3]
    assert dropped == [first]
    assert items(pulled.take(4)) == [2]


def test_a_batch_ahead_that_died_gives_way() -> None:
    pulled, _ = batcher()
    add(pulled, 0, 0, deadline=2)
    pulled.prefetch(1)
    add(pulled, 1, 1, TALL)
    assert items(pulled.take(3)) == [1]


def test_a_batch_ahead_whose_pictures_all_died_lets_no_newcomer_overtake_an_older_shape() -> None:
    pulled, _ = batcher()
    first = add(pulled, 0, 0)
    pulled.prefetch(1)
    add(pulled, 1, 1, TALL)
    add(pulled, 2, 2)
    pulled.discard(first)
    assert items(pulled.take(3)) == [1]


def test_waits_only_when_it_pays_and_never_beyond_the_limit() -> None:
    pulled, _ = batcher(wait=0.002)
    for megapixels in (0.002, 0.004, 0.006):  # a batch costs 100 ms, a pixel nothing
        pulled.latency.observe(megapixels, 0.1)
    for item, now in enumerate((0.0, 0.0005, 0.001)):
        add(pulled, item, now)
    assert pulled.take(0.001) == Wait(0.002)
    batch = pulled.take(0.002)
    assert isinstance(batch, Batch)
    assert (items(batch), batch.reason) == ([0, 1, 2], "waited")


def test_does_not_wait_where_batches_cost_nothing_extra() -> None:
    pulled, _ = batcher(wait=0.002)
    for megapixels in (0.002, 0.004, 0.006):
        pulled.latency.observe(megapixels, megapixels)
    add(pulled, 0, 0.0)
    add(pulled, 1, 0.0005)
    assert items(pulled.take(0.001)) == [0, 1]


def test_draining_returns_everything() -> None:
    pulled, _ = batcher()
    entries = [add(pulled, 0, 0), add(pulled, 1, 1, TALL)]
    pulled.prefetch(1)
    assert pulled.drain() == entries
    assert pulled.take(2) is None


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([WIDE, TALL, (96, 96)]), st.floats(0.1, 20)),
        st.tuples(st.just("cancel"), st.integers(0, 50), st.booleans()),
        st.tuples(st.just("prefetch")),
        st.tuples(st.just("take")),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(EVENTS, st.integers(1, 4), st.integers(2_000, 20_000), st.sampled_from([0.0, 0.002]), st.floats(0, 3))
def test_every_entry_ends_exactly_once_and_no_batch_breaks_a_rule(
    events: list[tuple[object, ...]], pictures: int, pixels: int, wait: float, tick: float
) -> None:
    dropped: Counter[int] = Counter()
    ran: Counter[int] = Counter()
    left: set[int] = set()
    pulled: Batcher[int] = Batcher(
        BatchLimits(pictures, pixels, wait), LatencyModel(), lambda entry: dropped.update([entry.item])
    )
    entries: list[Entry[int]] = []
    now = 0.0

    def take() -> bool:
        decision = pulled.take(now)
        if isinstance(decision, Wait):
            assert now < decision.until <= now + wait
            return True
        if decision is None:
            return False
        assert 1 <= len(decision.entries) <= pictures
        assert len(decision.entries) * decision.shape[0] * decision.shape[1] <= pixels or len(decision.entries) == 1
        assert all(entry.shape == decision.shape for entry in decision.entries)
        assert all(entry.deadline > now and not entry.cancelled for entry in decision.entries)
        arrivals = [entry.arrived for entry in decision.entries]
        assert arrivals == sorted(arrivals)
        ran.update(entry.item for entry in decision.entries)
        return True

    for event in events:
        now += tick
        match event:
            case ("add", (int() as rows, int() as columns), float() as patience):
                entries.append(Entry(len(entries), (rows, columns), now, now + patience))
                pulled.add(entries[-1], now)
            case ("cancel", int() as index, bool() as notified) if entries:
                entry = entries[index % len(entries)]
                if not ran[entry.item]:
                    if notified:
                        pulled.discard(entry)
                    entry.cancelled = True
                    left.add(entry.item)
            case ("prefetch",):
                pulled.prefetch(now)
            case ("take",):
                take()
    while take():
        now += 0.002
    assert len(pulled) == 0
    for entry in entries:
        assert ran[entry.item] + dropped[entry.item] <= 1
        if entry.item not in left:
            assert ran[entry.item] + dropped[entry.item] == 1
            assert not dropped[entry.item] or entry.deadline <= now
        else:
            assert ran[entry.item] == 0


@given(st.integers(1, 6), st.integers(1, 30))
def test_a_rare_shape_is_not_starved_by_a_common_one(pictures: int, before: int) -> None:
    pulled, _ = batcher(pictures=pictures)
    now = 0.0
    for _ in range(before):
        now += 1
        add(pulled, 0, now)
    add(pulled, 1, now, TALL)
    for turn in range(before + 2):
        batch = pulled.take(now)
        assert isinstance(batch, Batch)
        if batch.shape == TALL:
            assert turn <= -(-before // pictures)
            return
        pulled.prefetch(now)
        for _ in range(pictures):
            now += 1
            add(pulled, 0, now)
    pytest.fail("the rare shape never ran")
