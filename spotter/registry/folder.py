"""A registry in a folder: `NAME/versions/N/` holds the bundles, `NAME/aliases.json` the aliases.

Writers take a lock per name. Readers need none: a version appears by one rename and never changes afterwards,
and the aliases are replaced in one step.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from spotter.registry.bundle import Bundle, copy_bundle, open_bundle
from spotter.registry.errors import BundleError, NotFoundError, RegistryError
from spotter.registry.manifest import Manifest, is_name

_ALIASES_SCHEMA = 1
_HISTORY = 20
_PIECE = 1 << 20


def embedded() -> "FolderStore":
    """The registry that ships with the program."""
    return FolderStore(Path(str(files("spotter.registry").joinpath("embedded"))))


class FolderStore:
    """A `ModelStore` in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        if not self.root.is_dir():
            raise NotFoundError(f"there is no registry at {self.root}")
        return sorted(path.name for path in self.root.iterdir() if (path / "versions").is_dir())

    def versions(self, name: str) -> list[str]:
        folder = self._model(name) / "versions"
        if not folder.is_dir():
            raise NotFoundError(f"there is no model {name!r} in {self.root}")
        numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal() and path.is_dir()]
        return [str(number) for number in sorted(numbers)]

    def aliases(self, name: str) -> dict[str, str]:
        self.versions(name)  # raises when there is no such model
        return {alias: history[-1] for alias, history in self._histories(name).items()}

    def stamp(self, name: str, version: str) -> str:
        with _source_errors(name, version):
            found = [(path.name, path.lstat()) for path in self._version(name, version).iterdir()]
        files = sorted((file, info.st_size, info.st_mtime_ns, info.st_ino) for file, info in found)
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()

    def read(self, name: str, version: str, file: str) -> Iterator[bytes]:
        folder = self._version(name, version)
        with _source_errors(name, version):
            try:
                descriptor = os.open(folder / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError:
                raise BundleError(f"missing: {file}") from None
            with os.fdopen(descriptor, "rb") as opened:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise BundleError(f"{file} is not a plain file")
                while piece := opened.read(_PIECE):
                    yield piece

    def open(self, name: str, version: str) -> Bundle:
        """A verified bundle, without copying it. Raises BundleError when it does not verify."""
        bundle = open_bundle(self._version(name, version))
        if (bundle.manifest.name, bundle.manifest.version) != (name, version):
            raise BundleError(
                f"the manifest says {bundle.manifest.name} {bundle.manifest.version}, the registry {name} {version}"
            )
        return bundle

    def publish(self, folder: Path, name: str | None = None) -> Manifest:
        bundle = open_bundle(folder)
        name = bundle.manifest.name if name is None else name
        versions = self._model(name) / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        with self._lock(name):
            version = str(max((int(known) for known in self.versions(name)), default=0) + 1)
            staging = Path(tempfile.mkdtemp(prefix=".publish-", dir=self._model(name)))
            try:
                copy_bundle(bundle, staging / version, name=name, version=version)
                manifest = open_bundle(staging / version).manifest
                os.rename(staging / version, versions / version)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return manifest

    def set_alias(self, name: str, alias: str, version: str) -> None:
        if not is_name(alias) or alias.isdecimal():
            raise RegistryError(f"{alias!r} cannot be an alias: letters, digits, '.', '_', '-', not a number")
        self.open(name, version)
        with self._lock(name):
            histories = self._histories(name)
            history = histories.get(alias, [])
            if history[-1:] != [version]:
                histories[alias] = [*history, version][-_HISTORY:]
                self._write_histories(name, histories)

    def rollback(self, name: str, alias: str) -> str:
        self.versions(name)  # raises when there is no such model
        with self._lock(name):
            histories = self._histories(name)
            if alias not in histories:
                raise NotFoundError(f"{name} has no alias {alias!r}")
            history = histories[alias][:-1]
            if not history:
                raise RegistryError(f"alias {alias!r} of {name} has named one version only")
            self.open(name, history[-1])
            histories[alias] = history
            self._write_histories(name, histories)
        return history[-1]

    def _version(self, name: str, version: str) -> Path:
        if version not in self.versions(name):
            raise NotFoundError(f"{name} has no version {version!r}")
        return self._model(name) / "versions" / version

    def _model(self, name: str) -> Path:
        if not is_name(name):
            raise RegistryError(f"{name!r} is not a model's name: lower-case letters, digits, '.', '_', '-'")
        return self.root / name

    def _histories(self, name: str) -> dict[str, list[str]]:
        path = self._model(name) / "aliases.json"
        try:
            document: Any = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise RegistryError(f"{path} cannot be read: {error}") from None
        if (
            not isinstance(document, dict)
            or document.get("schema_version") != _ALIASES_SCHEMA
            or not isinstance(document.get("aliases"), dict)
        ):
            raise RegistryError(f"{path} is not an alias file of schema {_ALIASES_SCHEMA}")
        histories: dict[str, list[str]] = document["aliases"]
        for history in histories.values():
            if not isinstance(history, list) or not history or not all(isinstance(v, str) for v in history):
                raise RegistryError(f"{path}: an alias needs a list of versions, the current one last")
        return histories

    def _write_histories(self, name: str, histories: dict[str, list[str]]) -> None:
        document = {"schema_version": _ALIASES_SCHEMA, "aliases": histories}
        folder = self._model(name)
        descriptor, temporary = tempfile.mkstemp(prefix=".aliases-", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(document, indent=2, sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o644)
            os.replace(temporary, folder / "aliases.json")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with open(self._model(name) / ".lock", "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _source_errors(name: str, version: str) -> Iterator[None]:
    """Translates errors of the file system: a link in place of a file is permanent, a BundleError; other errors may be
    temporary."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BundleError(f"{Path(error.filename).name} is not a plain file") from None
        raise RegistryError(f"{name} {version} cannot be read: {error.strerror}") from None
