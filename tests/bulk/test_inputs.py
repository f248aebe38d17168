import contextlib
import io
import os
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


@pytest.mark.parametrize("name", ["IMG[1].png", "all*.png", "why?.png", "a::b.png", "zip::x.png"])
def test_a_name_that_is_there_is_no_pattern_and_no_chain(tmp_path: Path, name: str) -> None:
    like = {"IMG1.png", "allow.png", "whys.png"}
    for each in {name, *like}:
        (tmp_path / each).write_bytes(each.encode())
    (item,) = find([str(tmp_path / name)])
    assert (item.name, item.read()) == (f"file://{tmp_path}/{name}", name.encode())
    for given in (tmp_path, tmp_path / "*.png"):
        assert {item.name: item.read() for item in find([str(given)])} == {
            f"file://{tmp_path}/{each}": each.encode() for each in {name, *like}
        }


def test_globs_take_names_with_their_own_characters(tmp_path: Path) -> None:
    (tmp_path / "in::[1]").mkdir()
    (tmp_path / "in::[1]" / "a.png").write_bytes(b"a")
    shard(tmp_path / "s[1]::.tar", {"b*.png": b"b"})
    items = find([str(tmp_path / "in::*"), str(tmp_path / "s*")])
    assert names(items, tmp_path) == ["in::[1]/a.png", "s[1]::.tar#b*.png"]
    assert [item.read() for item in items] == [b"a", b"b"]


def test_a_name_that_is_not_utf_8_is_escaped_and_read(tmp_path: Path) -> None:
    for name in (b"caf\xe9.png", b"caf\\udce9.png"):  # one is called what the other's name becomes
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    items = find([str(tmp_path)])
    assert names(items, tmp_path) == ["caf\\udce9.png"] * 2
    assert {item.read() for item in items} == {b"caf\xe9.png", b"caf\\udce9.png"}


def test_items_give_their_bytes(folder: Path) -> None:
    contents = {item.name.rsplit("/", 1)[-1]: item.read() for item in find([str(folder)])}
    assert contents["b.png"] == b"b.png"
    assert (contents["s.tar#2.tif"], contents["1.png"], contents["t.tgz#3.bmp"]) == (b"two", b"one", b"three")


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


@pytest.mark.parametrize("name", ["s.tar", "t.tgz"])
def test_a_shard_that_cannot_be_listed_stops_no_others(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"no archive" * 200)
    items = find([str(folder)])
    assert names(items, folder)[:3] == ["a.JPG", "b.png", "deep/c.pdf"]
    (broken,) = (item for item in items if item.url.endswith(name))
    with pytest.raises(OSError, match="ReadError"):
        broken.read()


@pytest.mark.parametrize("name", ["s.tar", "t.tgz"])
def test_a_shard_that_was_cut_off_gives_each_member_or_the_reason(folder: Path, name: str) -> None:
    members = {f"{n}.png": bytes([n]) * 700 for n in range(9)}
    shard(folder / name, members, "w:gz" if name.endswith("gz") else "w")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    items = find([str(folder / name)])
    (whole_shard,) = (item for item in items if not item.member)
    with pytest.raises(OSError, match=r"ReadError|EOFError"):
        whole_shard.read()
    read = []
    for item in items:
        with contextlib.suppress(OSError):
            read.append((item.member, item.read()))
    assert dict(read).items() <= members.items()
    assert len(read) < 9
    assert read or name == "t.tgz"


def test_the_last_member_of_a_name_counts(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        for data in (b"first", b"last"):
            entry = tarfile.TarInfo("a.png")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    (item,) = find([str(tmp_path)])
    assert item.read() == b"last"
