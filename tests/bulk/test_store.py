from pathlib import Path

import pytest

from spotter.bulk.store import Store


def test_a_file_is_there_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    store.write("a.json", b"1")
    store.write("a.json", b"22")
    assert store.read("a.json") == b"22"
    assert store.names() == {"a.json"}
    store.remove("a.json")
    store.remove("a.json")
    assert store.read("a.json") is None


def test_what_a_killed_writer_left_is_tidied_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    monkeypatch.setattr(Path, "replace", lambda *_: None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # as if it had no time for that
    store.write("part-00001.jsonl", b"whole")
    monkeypatch.undo()
    (tmp_path / ".hidden").write_bytes(b"somebody's")
    store.write("part-00000.jsonl", b"whole")
    assert len(store.names()) == 3
    store.tidy()
    assert store.names() == {".hidden", "part-00000.jsonl"}
