from pathlib import Path

import pytest

from spotter.ops import native
from spotter.ops.native import KernelsError, find, inspect


def test_no_library_and_other_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(native.VARIABLE, raising=False)
    monkeypatch.setattr(native, "SOURCES", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(KernelsError, match="not built"):
        find()
    (tmp_path / native.LIBRARY).write_bytes(b"no library")
    with pytest.raises(KernelsError, match="no library of operators"):
        find()
    monkeypatch.setenv(native.VARIABLE, "off")
    with pytest.raises(KernelsError, match="off"):
        find()
    monkeypatch.setenv(native.VARIABLE, str(tmp_path / "none.so"))
    with pytest.raises(KernelsError, match="no library of operators"):
        find()


def test_the_digest_follows_the_sources(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("one")
    first = native.digest(tmp_path)
    (tmp_path / "a.py").write_text("not compiled")
    assert native.digest(tmp_path) == first
    (tmp_path / "a.cpp").write_text("two")
    assert native.digest(tmp_path) != first
    (tmp_path / "a.cpp").rename(tmp_path / "b.cpp")
    assert native.digest(tmp_path) not in (first, native.digest())


def test_a_library_that_does_not_fit_is_not_used(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    assert find() == native.Kernels(library, False)
    monkeypatch.setattr(native, "OPERATORS_VERSION", 3)
    with pytest.raises(KernelsError, match="version 2 of the operators, not 3"):
        inspect(library)
    monkeypatch.undo()
    monkeypatch.setattr(native, "digest", lambda: "other")
    with pytest.raises(KernelsError, match="built from other sources"):
        inspect(library)
