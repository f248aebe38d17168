from pathlib import Path

from spotter.bulk.attempts import Attempts
from spotter.bulk.inputs import Item
from spotter.bulk.plan import Part
from spotter.bulk.store import Store

PART = Part(3, tuple(Item(f"file:///{n}.png") for n in range(4)))


def die_at(store: Store, killers: set[int]) -> list[int]:
    """Inputs that a worker finished before one of the killers killed it."""
    attempts = Attempts(store, PART)
    read: list[int] = []
    for index in range(len(PART.items)):
        if attempts.begin(index):
            if index in killers:
                return read
            read.append(index)
    attempts.end()
    return read


def test_inputs_that_kill_workers_are_left_out(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    runs = [die_at(store, {1, 3}) for _ in range(6)]
    assert runs == [[0], [0], [0], [0, 2], [0, 2], [0, 2]]
    assert store.names() == set()  # nothing is left of it once the part is done


def test_a_worker_that_was_killed_once_costs_no_input(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert die_at(store, {2}) == [0, 1]
    assert die_at(store, {2}) == [0, 1]
    assert die_at(store, set()) == [0, 1, 2, 3]
    assert store.names() == set()
