"""The output folder, on a disk or an object store. Files are written atomically."""

import contextlib
import os
import re
from pathlib import Path
from uuid import uuid4

from fsspec.core import url_to_fs

_HALF_WRITTEN = re.compile(r"\..+\.[0-9a-f]{32}")


class Store:
    """A folder given by URL. It may be used by several processes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = url_to_fs(url)
        self._fs.makedirs(self._root, exist_ok=True)
        self._local = "file" in (
            self._fs.protocol if isinstance(self._fs.protocol, tuple | list) else (self._fs.protocol,)
        )

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None where it does not exist."""
        try:
            data: bytes = self._fs.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        return data

    def names(self) -> set[str]:
        """The names of its files."""
        self._fs.invalidate_cache()
        return {str(path).rsplit("/", 1)[-1] for path in self._fs.ls(self._root, detail=False)}

    def write(self, name: str, data: bytes) -> None:
        """Writes a file atomically: object stores always do so; on a disk a temporary file is renamed. Raises
        OSError."""
        path = f"{self._root}/{name}"
        if not self._local:
            self._fs.pipe_file(path, data)
            return
        temporary = self._folder / f".{name}.{uuid4().hex}"  # a name that readers of folders ignore
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Removes incomplete files of writers that were killed. No other process may be writing."""
        if self._local:
            for file in self._folder.iterdir():
                if _HALF_WRITTEN.fullmatch(file.name):
                    file.unlink(missing_ok=True)

    @property
    def _folder(self) -> Path:
        return Path(str(self._root))

    def remove(self, name: str) -> None:
        """Removes a file, if it exists."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")
