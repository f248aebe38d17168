"""The static files of the pages, by their paths.

They are few and small, and are kept in memory: a request does not access the disk, and only files in the table can be
requested. Starlette's StaticFiles would take media types from the machine's tables, and entity tags from the time of
installation, which differs between replicas.
"""

import functools
import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

FOLDER = "/playground"
PAGES = {"/": "index.html", "/status": "status.html"}
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_PACKED = (".css", ".html", ".js", ".svg")


@dataclass(frozen=True)
class StaticFile:
    """packed: the body compressed by gzip; None where that gains nothing. tag: an entity tag without its quotes."""

    body: bytes
    packed: bytes | None
    media_type: str
    tag: str


@functools.cache
def static_files() -> Mapping[str, StaticFile]:
    """Every file by its path: the pages at theirs, all others below `FOLDER`."""
    pages = {name: path for path, name in PAGES.items()}
    found = dict(_below(files(__package__).joinpath("static"), ""))
    return {pages.get(name, f"{FOLDER}/{name}"): _load(name, body) for name, body in found.items()}


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{prefix}{each.name}/")
        else:
            yield prefix + each.name, each.read_bytes()


def _load(name: str, body: bytes) -> StaticFile:
    suffix = name[name.rindex(".") :]
    packed = gzip.compress(body, mtime=0) if suffix in _PACKED else None
    return StaticFile(body, packed, MEDIA_TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])
