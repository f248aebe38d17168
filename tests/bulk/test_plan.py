from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotter.bulk.inputs import Item
from spotter.bulk.plan import PlanError, agree, left, parts_of
from spotter.bulk.store import Store

ITEMS = [Item(f"file:///{n}.png") for n in range(7)]


@given(st.integers(0, 60), st.integers(1, 20))
def test_every_item_is_in_one_part(count: int, size: int) -> None:
    items = [Item(f"{n:03d}") for n in range(count)]
    parts = parts_of(items, size)
    assert [item for part in parts for item in part.items] == items
    assert [part.number for part in parts] == list(range(len(parts)))
    assert all(1 <= len(part.items) <= size for part in parts)


def test_a_run_that_stopped_goes_on_with_its_own_parts(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    parts = agree(store, ITEMS, 3, {"model": "a"})
    store.write("part-00001.jsonl", b"")
    assert agree(store, ITEMS, 5, {"model": "a"}) == parts  # the size of the parts stays as it was
    assert [part.number for part in left(store, parts, ".jsonl")] == [0, 2]


def test_an_output_belongs_to_one_run(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    agree(store, ITEMS, 3, {"model": "a"})
    with pytest.raises(PlanError, match="settings"):
        agree(store, ITEMS, 3, {"model": "b"})
    with pytest.raises(PlanError, match="inputs"):
        agree(store, ITEMS[1:], 3, {"model": "a"})


@pytest.mark.parametrize("url", ["disk", "memory://bulk-out"])
def test_a_store_gives_back_what_it_was_given(url: str, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out") if url == "disk" else url)
    assert store.read("a") is None
    store.write("a", b"1")
    store.write("a", b"22")
    assert store.read("a") == b"22"
    assert store.names() == {"a"}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path / "out"))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write("a", b"1")
    assert store.names() == set()
