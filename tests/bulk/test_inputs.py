import io
import tarfile
from pathlib import Path

import fsspec
import pytest

from spotter.bulk.inputs import InputError, Item, find


def shard(path: Path, members: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "a.JPG", "deep/c.pdf", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    shard(tmp_path / "s.tar", {"x/1.png": b"one", "readme.md": b"no", "2.tif": b"two"})
    shard(tmp_path / "t.tgz", {"3.bmp": b"three"}, "w:gz")
    return tmp_path


def names(items: list[Item], below: Path) -> list[str]:
    return [item.name.removeprefix(f"file://{below}/") for item in items]


def test_a_folder_gives_what_is_readable_below_it_once_and_in_order(folder: Path) -> None:
    expected = ["a.JPG", "b.png", "deep/c.pdf", "s.tar#2.tif", "s.tar#x/1.png", "t.tgz#3.bmp"]
    assert names(find([str(folder)]), folder) == expected
    assert names(find([str(folder), str(folder / "b.png"), str(folder / "*.tar")]), folder) == expected


def test_globs_and_files_are_taken_as_named(folder: Path) -> None:
    assert names(find([str(folder / "*.png")]), folder) == ["b.png"]
    assert names(find([str(folder / "notes.txt")]), folder) == ["notes.txt"]


def test_items_give_their_bytes(folder: Path) -> None:
    told = {item.name.rsplit("/", 1)[-1]: item.read() for item in find([str(folder)])}
    assert told["b.png"] == b"b.png"
    assert (told["s.tar#2.tif"], told["1.png"], told["t.tgz#3.bmp"]) == (b"two", b"one", b"three")


def test_object_stores_are_read_too() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/one.png", b"1")
    (item,) = find(["memory://bucket"])
    assert (item.read(), item.url) == (b"1", "memory:///bucket/one.png")
    memory.rm("/bucket", recursive=True)


def test_what_is_not_there_is_said(folder: Path) -> None:
    for given, why in (("none.png", "not there"), ("*.gif", "matches nothing")):
        with pytest.raises(InputError, match=why):
            find([str(folder / given)])
    (folder / "s.tar").write_bytes(b"no archive" * 200)
    with pytest.raises(InputError, match=r"s\.tar"):
        find([str(folder)])


def test_bytes_that_went_away_are_an_os_error(folder: Path) -> None:
    items = find([str(folder)])
    (folder / "b.png").unlink()
    shard(folder / "s.tar", {"other.png": b""})
    for item in items:
        if item.name.endswith(("b.png", "1.png")):
            with pytest.raises(OSError, match=r"b\.png|1\.png"):
                item.read()
