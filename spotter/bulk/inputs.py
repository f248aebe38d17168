"""Finds the inputs: files, folders, globs and tar shards, on disks and object stores."""

import gzip
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, cast

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from spotter.bulk.output import as_unicode
from spotter.reading.kinds import SUFFIXES

SHARDS = (".tar", ".tar.gz", ".tgz")
_GZIP = b"\x1f\x8b"


class InputError(ValueError):
    """An input for which no file is found."""


@dataclass(frozen=True, order=True)
class Item:
    """A file with pages, at `url` in the form of its file system; or the member `member` of the tar shard at `url`,
    `size` bytes from `offset` of the uncompressed shard."""

    url: str
    member: str = ""
    offset: int = 0
    size: int = 0

    @property
    def name(self) -> str:
        """The item's name in the output."""
        return as_unicode(f"{self.url}#{self.member}" if self.member else self.url)

    def read(self) -> bytes:
        """The file's bytes. Raises OSError for all errors of the file system's client."""
        try:
            fs, path = _located(self.url)
            with fs.open(path, "rb") as file:
                if self.member:
                    return self._from_shard(_uncompressed(file))
                if self.url.lower().endswith(SHARDS):
                    list(_pictures_in(file))
                    raise OSError("the archive could not be listed when the run began")
                data: bytes = file.read()
                return data
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{self.name}: {type(error).__name__}: {error}") from error

    def _from_shard(self, shard: IO[bytes]) -> bytes:
        shard.seek(self.offset)  # in a compressed shard this decompresses everything before
        data = shard.read(self.size)
        if len(data) != self.size:
            raise OSError(f"{self.name} is cut off")
        return data


def readable(name: str) -> bool:
    """Whether a file's name has the ending of a kind that is read."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def find(inputs: Sequence[str]) -> list[Item]:
    """Every item of the inputs once, in a fixed order.

    For a folder these are the readable files below it, including shards. A given file is used whatever its name; a name
    that does not exist is taken as a glob. A shard that cannot be listed to its end gives the members that were found,
    and additionally itself, which becomes a dead letter. Raises InputError.
    """
    # Of several members with the same name the last one counts, as when an archive is unpacked.
    return sorted({(item.url, item.member): item for given in inputs for item in _expand(given)}.values())


def _located(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, and the path in it. `::` is part of the name, not fsspec's URL chaining."""
    fs, _ = url_to_fs(url.partition("::")[0])
    return fs, fs._strip_protocol(url)


def _expand(given: str) -> Iterator[Item]:
    fs, path = _located(given)
    if fs.exists(path):
        yield from _below(fs, path)
    elif any(character in path for character in "*?["):
        found = fs.glob(path)
        if not found:
            raise InputError(f"{given} matches nothing")
        for name in found:
            yield from _below(fs, name)
    else:
        raise InputError(f"{given} is not there")


def _below(fs: AbstractFileSystem, path: str) -> Iterator[Item]:
    if fs.isdir(path):
        for name in fs.find(path):
            if name.lower().endswith(SHARDS):
                yield from _members(fs, name)
            elif readable(name):
                yield Item(fs.unstrip_protocol(name))
    elif path.lower().endswith(SHARDS):
        yield from _members(fs, path)
    else:
        yield Item(fs.unstrip_protocol(path))


def _members(fs: AbstractFileSystem, path: str) -> Iterator[Item]:
    url = fs.unstrip_protocol(path)
    try:
        with fs.open(path, "rb") as file:
            for member in _pictures_in(file):
                yield Item(url, member.name, member.offset_data, member.size)
    except Exception:  # errors of the archive, the compression or the file system: a bad shard must not stop the others
        yield Item(url)


def _pictures_in(file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=_uncompressed(file), mode="r:") as shard:
        for member in shard:
            if member.isfile() and readable(member.name):
                yield member


def _uncompressed(file: IO[bytes]) -> IO[bytes]:
    compressed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return cast("IO[bytes]", gzip.open(file)) if compressed else file
