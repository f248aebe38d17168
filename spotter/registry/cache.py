"""Bundles copied to this machine, stored by digest, so that no bundle is fetched twice."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from spotter.registry.bundle import MANIFEST, Bundle, open_bundle
from spotter.registry.errors import BundleError, RegistryError
from spotter.registry.manifest import Manifest
from spotter.registry.source import ModelSource, read_manifest_of

KEEP = 4
_STALE_SECONDS = 3600.0
_STAGING = ".fetch-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BundleCache:
    """A folder with one folder a bundle, named by the manifest's digest. Processes may share it: a bundle appears by
    one rename, and a process that opened one has its bytes in memory."""

    def __init__(self, root: Path, keep: int = KEEP) -> None:
        """keep: how many bundles stay, the most recently used ones."""
        self.root = root
        self._keep = keep

    def open(self, source: ModelSource, name: str, version: str) -> Bundle:
        """A verified bundle, fetched unless it is in the cache already.

        Raises BundleError when it does not verify, and RegistryError when the source cannot be read now or the
        disk is full; no incomplete bundle is left behind.
        """
        manifest, content = read_manifest_of(source, name, version)
        folder = self.root / manifest.digest.replace(":", "-")
        with self._says_what_failed(manifest):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            bundle = self._known(folder, manifest) or self._fetch(source, manifest, content, folder)
            os.utime(folder)
            self._prune()
        return bundle

    def _known(self, folder: Path, manifest: Manifest) -> Bundle | None:
        if not folder.is_dir():
            return None
        try:
            bundle = open_bundle(folder)
            if bundle.manifest.digest == manifest.digest:
                return bundle
        except BundleError:  # it was damaged since: fetch it again
            pass
        shutil.rmtree(folder)
        return None

    def _fetch(self, source: ModelSource, manifest: Manifest, content: bytes, folder: Path) -> Bundle:
        free = shutil.disk_usage(self.root).free
        if free < manifest.size + len(content):
            raise OSError(errno.ENOSPC, f"{free} bytes are free")
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.root))
        try:
            for file in manifest.files:
                _copy(source, manifest, file, staging / file)
            (staging / MANIFEST).write_bytes(content)
            bundle = open_bundle(staging)
            try:
                os.rename(staging, folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise  # else another process was faster
            return replace(bundle, folder=folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _prune(self) -> None:
        """Removes all bundles except the most recently used ones, and the remains of processes that died while
        fetching."""
        with contextlib.suppress(OSError):  # another process may prune at the same time
            entries = [(path.stat().st_mtime, path) for path in self.root.iterdir()]
            bundles = sorted((entry for entry in entries if entry[1].name.startswith("sha256-")), reverse=True)
            dead = [path for _, path in bundles[self._keep :]]
            old = time.time() - _STALE_SECONDS
            dead += [path for changed, path in entries if path.name.startswith(_STAGING) and changed < old]
            for path in dead:
                shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def _says_what_failed(self, manifest: Manifest) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{manifest.name} {manifest.version} ({manifest.size} bytes) into the cache {self.root}"
            if error.errno in _FULL:
                raise RegistryError(f"the disk is too full to fetch {what}: {error.strerror}") from None
            raise RegistryError(f"cannot fetch {what}: {error}") from None


def verify(source: ModelSource, name: str, version: str) -> Manifest:
    """Fetches a version into a temporary folder and verifies it; returns its manifest. Raises as
    `BundleCache.open` does."""
    with tempfile.TemporaryDirectory(prefix="spotter-verify-") as folder:
        return BundleCache(Path(folder)).open(source, name, version).manifest


def _copy(source: ModelSource, manifest: Manifest, file: str, target: Path) -> None:
    """Copies a file of at most the size in the manifest, and checks its hash. Raises BundleError."""
    entry = manifest.files[file]
    size, hashed = 0, hashlib.sha256()
    with target.open("xb") as out:
        for piece in source.read(manifest.name, manifest.version, file):
            size += len(piece)
            if size > entry.size:
                break
            hashed.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if size != entry.size:
        found = "more" if size > entry.size else f"{size}"
        raise BundleError(f"{file} has {found} bytes, the manifest says {entry.size}")
    if hashed.hexdigest() != entry.sha256:
        raise BundleError(f"{file} has another SHA-256 than the manifest says")
