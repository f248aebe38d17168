import functools
import itertools
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.reading.errors import BrokenPictureError
from spotter.reading.imaging import OpenedPicture, Prepared
from spotter.reading.session import Rows, split_rows
from spotter.service.batching.batcher import BatchLimits
from spotter.service.batching.engine import Engine
from spotter.service.batching.jobs import BatchReport, Done
from spotter.service.errors import EngineFailedError, NotReadyError, TooLateError

FAR = 1e12


class Gate:
    """A runner that reads each picture's first byte, and runs when the test opens it."""

    def __init__(self) -> None:
        self.opened = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.batches: list[list[int]] = []
        self.fails = False
        self.dies = False
        self.releases = 0

    def release_memory(self) -> None:
        self.releases += 1
        if self.fails:
            raise RuntimeError("out of order")

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
        self.entered.release()
        assert self.opened.acquire(timeout=10)
        values = images[:, 0, 0, 0].tolist()
        self.batches.append(values)
        if self.fails:
            raise RuntimeError("out of order")
        if self.dies:
            raise SystemExit("died")
        assert sizes.tolist() == [[image.shape[0] - 1, image.shape[1] - 2] for image in images]
        return [_rows(value) for value in values]


def _rows(value: int) -> Rows:
    return Rows(
        np.zeros((1, 4, 2), np.float32),
        np.ones(1, np.float32),
        np.array([[value]], np.int32),
        np.ones((1, 1), np.float32),
    )


def prepared(value: int, shape: tuple[int, int] = (32, 64)) -> Prepared:
    padded = np.full((*shape, 3), value, np.uint8)
    return Prepared(padded, (shape[1] - 2, shape[0] - 1), (shape[1], shape[0]))


class Undecoded(OpenedPicture):
    """A picture that is yet to be decoded, which does what the test says."""

    def __init__(self, decode: Callable[[], Prepared], shape: tuple[int, int] = (32, 64)) -> None:
        self.shape = shape
        self._decode = decode

    def decode(self) -> Prepared:
        return self._decode()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def reports() -> list[BatchReport]:
    return []


@pytest.fixture
def engine(gate: Gate, reports: list[BatchReport]) -> Iterator[Engine]:
    engine = Engine(gate, BatchLimits(4, 4 * 32 * 64), reports.append)
    engine.start()
    yield engine
    gate.opened.release(1000)
    engine.stop()


@pytest.fixture
def two_lanes(gate: Gate) -> Iterator[Engine]:
    """An engine whose runner does not wait for the test."""
    gate.opened.release(1000)
    engine = Engine(gate, BatchLimits(1, 10**6), lanes=2)
    engine.start()
    yield engine
    engine.stop()


Answers = queue.Queue[tuple[int, Done | BaseException]]


def into(answers: Answers, value: int) -> Callable[[Done | BaseException], None]:
    return lambda done: answers.put((value, done))


def test_each_picture_gets_its_own_rows(engine: Engine, gate: Gate, reports: list[BatchReport]) -> None:
    answers: Answers = queue.Queue()
    gate.opened.release(1000)
    for value in range(1, 200):
        shape = (32, 64) if value % 3 else (64, 32)
        engine.submit(prepared(value, shape), FAR, into(answers, value))
    for _ in range(1, 200):
        value, done = answers.get(timeout=10)
        assert isinstance(done, Done)
        assert done.rows.characters.tolist() == [[value]]
    assert sum(report.pictures for report in reports) == 199
    assert max(map(len, gate.batches)) <= 4


def test_what_waits_while_the_engine_runs_becomes_one_batch(engine: Engine, gate: Gate) -> None:
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    assert gate.entered.acquire(timeout=10)
    for value in range(2, 6):
        engine.submit(prepared(value), FAR, into(answers, value))
    gate.opened.release(2)
    for _ in range(5):
        answers.get(timeout=10)
    assert gate.batches == [[1], [2, 3, 4, 5]]


def test_the_cancelled_do_not_run_and_are_not_answered(engine: Engine, gate: Gate) -> None:
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    assert gate.entered.acquire(timeout=10)
    entries = [engine.submit(prepared(value), FAR, into(answers, value)) for value in range(2, 8)]
    for entry in entries[1::2]:
        engine.cancel(entry)
    gate.opened.release(10)
    assert [answers.get(timeout=10)[0] for _ in range(4)] == [1, 2, 4, 6]
    assert list(itertools.chain.from_iterable(gate.batches)) == [1, 2, 4, 6]


def test_the_expired_are_answered_and_do_not_run(engine: Engine, gate: Gate) -> None:
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    assert gate.entered.acquire(timeout=10)
    engine.submit(prepared(2), time.monotonic() + 0.01, into(answers, 2))
    time.sleep(0.02)
    gate.opened.release(10)
    ended = dict(answers.get(timeout=10) for _ in range(2))
    assert isinstance(ended[2], TooLateError)
    assert gate.batches == [[1]]


def test_a_batch_that_fails_ends_its_own_pictures_only(engine: Engine, gate: Gate) -> None:
    answers: Answers = queue.Queue()
    gate.fails = True
    engine.submit(prepared(1), FAR, into(answers, 1))
    gate.opened.release()
    _, failed = answers.get(timeout=10)
    assert isinstance(failed, EngineFailedError)
    assert failed.retry_after is not None
    gate.fails = False
    engine.submit(prepared(2), FAR, into(answers, 2))
    gate.opened.release()
    assert isinstance(answers.get(timeout=10)[1], Done)
    assert engine.alive


def test_stopping_finishes_the_running_batch_and_answers_the_rest(gate: Gate) -> None:
    engine = Engine(gate, BatchLimits(1, 10**6))
    engine.start()
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    assert gate.entered.acquire(timeout=10)
    for value in (2, 3):
        engine.submit(prepared(value), FAR, into(answers, value))
    threading.Timer(0.05, gate.opened.release).start()
    engine.stop()
    ended = dict(answers.get(timeout=10) for _ in range(3))
    assert isinstance(ended[1], Done)
    assert isinstance(ended[2], NotReadyError)
    assert isinstance(ended[3], NotReadyError)
    assert not engine.alive
    with pytest.raises(NotReadyError):
        engine.submit(prepared(4), FAR, into(answers, 4))


def test_a_report_says_what_was_padding(engine: Engine, gate: Gate, reports: list[BatchReport]) -> None:
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    gate.opened.release()
    answers.get(timeout=10)
    engine.stop()
    assert [(r.pictures, r.padded_pixels, r.real_pixels, r.reason) for r in reports] == [(1, 32 * 64, 31 * 62, "free")]


def test_rows_are_dealt_out_by_image_whatever_their_order() -> None:
    index = np.array([2, 0, 2, 0], np.int32)
    columns = [np.arange(4, dtype=np.float32)] * 4
    dealt = split_rows(index, columns, 4)
    assert [rows.scores.tolist() for rows in dealt] == [[1, 3], [], [0, 2], []]


def test_a_thread_that_dies_answers_its_batch(engine: Engine, gate: Gate) -> None:
    answers: Answers = queue.Queue()
    gate.dies = True
    engine.submit(prepared(1), FAR, into(answers, 1))
    gate.opened.release()
    assert isinstance(answers.get(timeout=10)[1], EngineFailedError)
    engine._workers.threads[0].join(10)
    assert not engine.alive
    gate.dies = False
    engine.revive(gate)
    engine.submit(prepared(2), FAR, into(answers, 2))
    gate.opened.release()
    assert isinstance(answers.get(timeout=10)[1], Done)
    assert engine.alive


def test_a_report_that_fails_costs_no_answer(gate: Gate) -> None:
    def report(report: BatchReport) -> None:
        raise SystemExit("no room for counters")

    engine = Engine(gate, BatchLimits(4, 10**6), report)
    engine.start()
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    gate.opened.release()
    assert isinstance(answers.get(timeout=10)[1], Done)
    engine._workers.threads[0].join(10)
    assert not engine.alive
    engine.stop()


def test_a_model_that_answers_for_too_few_pictures_fails_its_batch(engine: Engine, gate: Gate) -> None:
    class Short(Gate):
        def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
            return super().run(images, sizes, crowded)[:-1]

    short, answers = Short(), queue.Queue[tuple[int, Done | BaseException]]()
    engine.revive(short)
    short.opened.release()
    engine.submit(prepared(1), FAR, into(answers, 1))
    assert isinstance(answers.get(timeout=10)[1], EngineFailedError)
    assert (engine.alive, engine.failures) == (True, 1)


def test_the_heartbeat_counts_only_while_there_is_work(gate: Gate) -> None:
    now = [100.0]
    engine = Engine(gate, BatchLimits(4, 10**6), clock=lambda: now[0])
    engine.start()
    now[0] += 50
    assert engine.heartbeat == 0
    answers: Answers = queue.Queue()
    engine.submit(prepared(1), FAR, into(answers, 1))
    assert gate.entered.acquire(timeout=10)
    now[0] += 7
    assert engine.heartbeat == 7
    gate.opened.release()
    answers.get(timeout=10)
    assert engine.heartbeat == 0
    assert engine.shapes == [(32, 64)]
    engine.stop()


def test_stopping_waits_no_longer_for_many_hanging_lanes_than_for_one(gate: Gate) -> None:
    engine = Engine(gate, BatchLimits(1, 10**6), lanes=4)
    engine.start()
    answers: Answers = queue.Queue()
    for value in range(4):
        engine.submit(prepared(value), FAR, into(answers, value))
    for _ in range(4):
        assert gate.entered.acquire(timeout=10)
    began = time.monotonic()
    engine.stop(0.8)
    assert 0.8 <= time.monotonic() - began < 2.8
    gate.opened.release(4)


def test_what_waits_is_counted_under_the_lock_that_its_changes_take(engine: Engine) -> None:
    counted = queue.Queue[int]()
    with engine._lock:  # a batch is being chosen: shapes come and go
        threading.Thread(target=lambda: counted.put(engine.waiting), daemon=True).start()
        with pytest.raises(queue.Empty):
            counted.get(timeout=0.05)
    assert counted.get(timeout=10) == 0


def test_lanes_run_at_once_and_each_picture_gets_its_own_rows(gate: Gate) -> None:
    engine = Engine(gate, BatchLimits(1, 10**6), lanes=3)
    engine.start()
    answers: Answers = queue.Queue()
    for value in range(1, 40):
        engine.submit(prepared(value), FAR, into(answers, value))
    for _ in range(3):
        assert gate.entered.acquire(timeout=10)
    assert not gate.entered.acquire(timeout=0.05)
    gate.opened.release(1000)
    for _ in range(1, 40):
        value, done = answers.get(timeout=10)
        assert isinstance(done, Done)
        assert done.rows.characters.tolist() == [[value]]
    assert sorted(gate.batches) == [[value] for value in range(1, 40)]
    engine.stop()


def test_a_client_alone_meets_the_same_thread(gate: Gate) -> None:
    names: list[str] = []

    class Named(Gate):
        def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
            names.append(threading.current_thread().name)
            return super().run(images, sizes, crowded)

    named, answers = Named(), queue.Queue[tuple[int, Done | BaseException]]()
    named.opened.release(1000)
    engine = Engine(named, BatchLimits(1, 10**6), lanes=3)
    engine.start()
    for value in range(1, 20):
        engine.submit(prepared(value), FAR, into(answers, value))
        answers.get(timeout=10)
        until = time.monotonic() + 10
        while engine.heartbeat > 0 and time.monotonic() < until:
            time.sleep(0.001)
    assert set(names) == {"engine-0"}
    engine.stop()


def test_what_every_lane_was_running_is_answered_when_they_are_revived(gate: Gate) -> None:
    engine = Engine(gate, BatchLimits(2, 10**6), lanes=2)
    engine.start()
    answers: Answers = queue.Queue()
    for value in (1, 2, 3):
        engine.submit(prepared(value), FAR, into(answers, value))
        if value < 3:
            assert gate.entered.acquire(timeout=10)
    fresh = Gate()
    fresh.opened.release(1000)
    engine.revive(fresh)
    found = dict(answers.get(timeout=10) for _ in range(3))
    assert isinstance(found[1], EngineFailedError)
    assert isinstance(found[2], EngineFailedError)
    assert isinstance(found[3], Done)
    gate.opened.release(1000)  # the old lanes end, and change nothing
    engine.stop()
    assert answers.empty()


def test_the_heartbeat_is_that_of_the_slowest_lane(gate: Gate) -> None:
    now = [100.0]
    engine = Engine(gate, BatchLimits(1, 10**6), clock=lambda: now[0], lanes=2)
    engine.start()
    answers: Answers = queue.Queue()
    for value in (1, 2):
        engine.submit(prepared(value), FAR, into(answers, value))
        assert gate.entered.acquire(timeout=10)
        now[0] += 5
    assert engine.heartbeat == 10
    gate.opened.release(1000)
    for _ in range(2):
        answers.get(timeout=10)
    assert engine.heartbeat == 0
    engine.stop()


def test_a_lane_decodes_what_it_is_about_to_read(two_lanes: Engine) -> None:
    answers: Answers = queue.Queue()
    threads: list[str] = []

    def decode(value: int) -> Prepared:
        threads.append(threading.current_thread().name)
        time.sleep(0.01)
        return prepared(value)

    def broken() -> Prepared:
        raise BrokenPictureError("for the test")

    for value in range(1, 6):
        two_lanes.submit(Undecoded(functools.partial(decode, value)), FAR, into(answers, value))
    two_lanes.submit(Undecoded(broken), FAR, into(answers, 6))
    found = dict(answers.get(timeout=10) for _ in range(6))
    assert isinstance(found.pop(6), BrokenPictureError)
    for value, done in found.items():
        assert isinstance(done, Done)
        assert done.rows.characters.tolist() == [[value]]
        assert 0.01 <= done.decoded < 1
        assert done.prepared.padded[0, 0, 0] == value
    assert set(threads) <= {"engine-0", "engine-1"}
    assert two_lanes.failures == 0
    two_lanes.stop()


def test_what_is_given_up_while_it_is_decoded_is_not_run(two_lanes: Engine, gate: Gate) -> None:
    answers: Answers = queue.Queue()
    begun, go_on = threading.Semaphore(0), threading.Event()

    def decode(value: int) -> Prepared:
        begun.release()
        assert go_on.wait(10)
        return prepared(value)

    left = two_lanes.submit(Undecoded(functools.partial(decode, 1)), FAR, into(answers, 1))
    two_lanes.submit(Undecoded(functools.partial(decode, 2)), time.monotonic() + 0.05, into(answers, 2))
    assert begun.acquire(timeout=10)
    assert begun.acquire(timeout=10)
    assert left.item.stage == "decode"
    two_lanes.cancel(left)
    time.sleep(0.06)
    go_on.set()
    value, late = answers.get(timeout=10)
    assert (value, type(late)) == (2, TooLateError)
    two_lanes.submit(prepared(3), FAR, into(answers, 3))
    assert answers.get(timeout=10)[0] == 3
    assert gate.batches == [[3]]
    two_lanes.stop()
    assert answers.empty()


def test_what_hangs_while_it_is_decoded_is_answered_once_by_whoever_revives_the_engine(
    two_lanes: Engine, gate: Gate
) -> None:
    answers: Answers = queue.Queue()
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def hangs() -> Prepared:
        begun.set()
        assert go_on.wait(10)
        ended.set()
        raise BrokenPictureError("too late to say so")

    two_lanes.submit(Undecoded(hangs), FAR, into(answers, 1))
    assert begun.wait(10)
    threads = two_lanes._workers.threads
    two_lanes.revive(gate)
    assert isinstance(answers.get(timeout=10)[1], EngineFailedError)
    go_on.set()
    assert ended.wait(10)
    for thread in threads:
        thread.join(10)
    two_lanes.submit(prepared(2), FAR, into(answers, 2))
    assert isinstance(answers.get(timeout=10)[1], Done)
    two_lanes.stop()
    assert answers.empty()


def test_a_picture_has_all_threads_unless_every_lane_is_at_work(gate: Gate) -> None:
    crowded: list[tuple[int, bool]] = []

    class Noting(Gate):
        def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded_: bool) -> list[Rows]:
            crowded.append((int(images[0, 0, 0, 0]), crowded_))
            return super().run(images, sizes, crowded_)

    noting, answers = Noting(), queue.Queue[tuple[int, Done | BaseException]]()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Prepared:
        begun.set()
        assert go_on.wait(10)
        return prepared(1)

    engine = Engine(noting, BatchLimits(1, 10**6), lanes=2)
    engine.start()
    noting.opened.release(1000)
    engine.submit(prepared(9), FAR, into(answers, 9))
    answers.get(timeout=10)
    engine.submit(Undecoded(slow), FAR, into(answers, 1))  # to be read soon
    assert begun.wait(10)
    engine.submit(prepared(2), FAR, into(answers, 2))
    assert answers.get(timeout=10)[0] == 2
    until = time.monotonic() + 10
    while sum(lane.batch is not None for lane in engine._workers.lanes) > 1 and time.monotonic() < until:
        time.sleep(0.001)
    go_on.set()
    assert answers.get(timeout=10)[0] == 1
    assert crowded == [(9, False), (2, True), (1, False)]
    engine.stop()


class Erratic:
    """A runner that takes its time and fails now and then."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._lock = threading.Lock()

    def release_memory(self) -> None:
        raise AssertionError("nobody asked it to")

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
        with self._lock:
            seconds, fails = self._rng.choice([0.0, 0.0005, 0.003]), self._rng.random() < 0.1
        time.sleep(seconds)
        if fails:
            raise RuntimeError("out of order")
        return [_rows(int(image[0, 0, 0])) for image in images]


def _decode(picture: Prepared, seconds: float) -> Prepared:
    """The picture after so many seconds, or an error where they are negative."""
    if seconds < 0:
        raise BrokenPictureError("for the test")
    time.sleep(seconds)
    return picture


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_among_lanes_every_picture_ends_once_with_its_own_rows(lanes: int) -> None:
    rng = random.Random(lanes)
    engine = Engine(Erratic(rng), BatchLimits(3, 10**6), lanes=lanes)
    engine.start()
    ends: list[list[Done | BaseException]] = [[] for _ in range(400)]
    left: set[int] = set()
    for number in range(400):
        shape = rng.choice([(32, 64), (64, 32)])
        deadline = FAR if rng.random() < 0.8 else time.monotonic() + rng.choice([0.0, 0.002, 0.01])
        decoded = prepared(number % 251, shape)
        undecoded = Undecoded(functools.partial(_decode, decoded, rng.choice([0.0, 0.001, 0.0, 0.001, -1.0])), shape)
        picture = decoded if rng.random() < 0.5 else undecoded
        entry = engine.submit(picture, deadline, ends[number].append)
        if rng.random() < 0.1:
            engine.cancel(entry)
            left.add(number)
        if rng.random() < 0.2:
            time.sleep(0.001)
        if number == 200:
            engine.revive(Erratic(rng))
    until = time.monotonic() + 20
    while not all(end for number, end in enumerate(ends) if number not in left):
        assert time.monotonic() < until
        time.sleep(0.005)
    engine.stop()
    for number, end in enumerate(ends):
        assert len(end) == 1 or (number in left and not end)
        for done in end:
            assert isinstance(done, Done | EngineFailedError | TooLateError | BrokenPictureError)
            if isinstance(done, Done):
                assert done.rows.characters.tolist() == [[number % 251]]
    assert sum(isinstance(done, Done) for end in ends for done in end) > 200
    assert engine.waiting == 0
