"""What there is to read: files, folders, globs and tar shards, on disks and object stores."""

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import fsspec
from fsspec.core import url_to_fs

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
DOCUMENTS = frozenset({".pdf"})
SHARDS = (".tar", ".tar.gz", ".tgz")


class InputError(ValueError):
    """An input that names nothing, or an archive that cannot be listed."""


@dataclass(frozen=True, order=True)
class Item:
    """A file that holds pages: `url`, as fsspec takes it, or `member` of the tar shard there."""

    url: str
    member: str = ""

    @property
    def name(self) -> str:
        """How the output names it."""
        return f"{self.url}#{self.member}" if self.member else self.url

    def read(self) -> bytes:
        """The file's bytes. Raises OSError."""
        with fsspec.open(self.url, "rb") as file:
            if not self.member:
                data: bytes = file.read()
                return data
            try:
                # A plain tar lets us seek to the member; a compressed one is read up to it.
                with tarfile.open(fileobj=file, mode="r:*") as shard:
                    inside = shard.extractfile(self.member)
                    if inside is None:
                        raise OSError(f"{self.name} is not a file")
                    return inside.read()
            except (tarfile.TarError, KeyError, EOFError) as error:
                raise OSError(f"{self.name}: {error}") from error


def readable(name: str) -> bool:
    """Whether a file's name promises pictures."""
    return PurePosixPath(name).suffix.lower() in PICTURES | DOCUMENTS


def find(inputs: Sequence[str]) -> list[Item]:
    """Every item of the inputs, once, in a fixed order.

    A folder gives the readable files below it, shards included; a file that is named is taken whatever its name. Raises
    InputError.
    """
    return sorted({item for given in inputs for item in _expand(given)})


def _expand(given: str) -> Iterator[Item]:
    fs, path = url_to_fs(given)
    if any(character in path for character in "*?["):
        found = fs.glob(path)
        if not found:
            raise InputError(f"{given} matches nothing")
        for name in found:
            yield from _expand(fs.unstrip_protocol(name))
    elif fs.isdir(path):
        for name in fs.find(path):
            if name.lower().endswith(SHARDS):
                yield from _members(fs.unstrip_protocol(name))
            elif readable(name):
                yield Item(fs.unstrip_protocol(name))
    elif not fs.exists(path):
        raise InputError(f"{given} is not there")
    elif path.lower().endswith(SHARDS):
        yield from _members(fs.unstrip_protocol(path))
    else:
        yield Item(fs.unstrip_protocol(path))


def _members(url: str) -> Iterator[Item]:
    try:
        with fsspec.open(url, "rb") as file, tarfile.open(fileobj=file, mode="r:*") as shard:
            for member in shard:
                if member.isfile() and readable(member.name):
                    yield Item(url, member.name)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{url} is not a tar archive that can be listed: {error}") from error
