import functools
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from spotter.reading.decoders import Decoders


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.001)


def _wait(gate: threading.Event) -> None:
    gate.wait(10)


def test_work_is_done_in_its_turn_on_as_many_threads_as_set(gate: threading.Event) -> None:
    decoders = Decoders(2)
    done: list[int] = []
    begun: list[int] = []
    threads: set[str] = set()

    def work(number: int) -> None:
        begun.append(number)
        threads.add(threading.current_thread().name)
        gate.wait(10)
        done.append(number)

    for number in range(6):
        decoders.submit(functools.partial(work, number))
    wait_for(lambda: decoders.busy == 2)
    wait_for(lambda: len(begun) == 2)
    assert sorted(begun) == [0, 1]
    gate.set()
    wait_for(lambda: len(done) == 6 and decoders.busy == 0)
    assert sorted(done) == list(range(6))
    assert threads <= {"decode-0", "decode-1"}
    decoders.close()


def test_a_thread_that_does_not_end_is_seen(gate: threading.Event) -> None:
    now = 100.0
    decoders = Decoders(2, lambda: now)
    assert (decoders.busy, decoders.longest) == (0, 0.0)
    decoders.submit(lambda: _wait(gate))
    wait_for(lambda: decoders.busy == 1)
    now = 130.0
    assert decoders.longest == 30.0
    ended = threading.Event()
    decoders.submit(ended.set)  # the other one goes on
    assert ended.wait(10)
    assert decoders.longest == 30.0
    gate.set()
    wait_for(lambda: decoders.longest == 0.0)
    decoders.close()


def test_work_that_was_given_up_is_forgotten_before_its_turn(gate: threading.Event) -> None:
    class Work:
        def __call__(self) -> None:
            done.append(1)

    decoders, work = Decoders(1), Work()
    done: list[int] = []
    decoders.submit(lambda: _wait(gate))
    task, held = decoders.submit(work), weakref.ref(work)
    del work
    assert held() is not None
    task.cancel()
    assert held() is None
    gate.set()
    ended = threading.Event()
    decoders.submit(ended.set)
    assert ended.wait(10)
    assert not done
    decoders.close()


def test_what_waits_is_dropped_at_the_end_and_idle_threads_end(gate: threading.Event) -> None:
    decoders = Decoders(1)
    threads: list[threading.Thread] = []
    done: list[int] = []

    def work() -> None:
        threads.append(threading.current_thread())
        gate.wait(10)

    decoders.submit(work)
    wait_for(lambda: bool(threads))
    decoders.submit(lambda: done.append(1))
    decoders.close()
    gate.set()
    threads[0].join(10)
    assert not threads[0].is_alive()
    assert not done
