"""The interfaces of stores of bundles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from spotter.registry.bundle import MANIFEST, MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES
from spotter.registry.errors import BundleError, NotFoundError
from spotter.registry.manifest import Manifest, check_operators, loads

LIVE = "live"
"""The alias that the service follows unless told otherwise."""


class ModelSource(Protocol):
    """A store from which bundles are read. Every method may raise RegistryError: NotFoundError for what does not exist,
    BundleError for a version that can never be served as it is, and RegistryError itself for errors that may be
    temporary."""

    def names(self) -> list[str]:
        """The names of the models in the store, sorted."""

    def versions(self, name: str) -> list[str]:
        """Versions of a model, oldest first."""

    def aliases(self, name: str) -> dict[str, str]:
        """Alias -> version."""

    def stamp(self, name: str, version: str) -> str:
        """A string that changes whenever the stored version does. It is cheap to get, and does not mean that the
        version is valid."""

    def read(self, name: str, version: str, file: str) -> Iterator[bytes]:
        """A file of a version in pieces, as it is stored: nothing is verified. Raises BundleError when a version
        that exists has no such file."""


class ModelStore(ModelSource, Protocol):
    """A source that can also be written to."""

    def publish(self, folder: Path, name: str | None = None) -> Manifest:
        """Copies the bundle in `folder` as the next version of its name, or of `name`; the copy's manifest has the new
        name and version."""

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Points an alias at a version that exists and verifies."""

    def rollback(self, name: str, alias: str) -> str:
        """Points an alias at the version it named before, and returns that version."""


def resolve(source: ModelSource, name: str, alias: str) -> str:
    """The version behind an alias, or `alias` itself when it is a version. Raises NotFoundError."""
    aliases = source.aliases(name)
    if alias in aliases:
        return aliases[alias]
    if alias in source.versions(name):
        return alias
    known = ", ".join(sorted(aliases)) or "none"
    raise NotFoundError(f"{name} has no alias or version {alias!r} (aliases: {known})")


def read_manifest_of(source: ModelSource, name: str, version: str) -> tuple[Manifest, bytes]:
    """The manifest of a version, and its bytes as they are stored.

    Raises BundleError when it is no manifest, has another name or version, needs operators of an ABI that this program
    does not support, or lists files of more than MAX_BUNDLE_BYTES: such a bundle need not be fetched.
    """
    content = b""
    for piece in source.read(name, version, MANIFEST):
        content += piece
        if len(content) > MAX_MANIFEST_BYTES:
            raise BundleError(f"{MANIFEST} is larger than {MAX_MANIFEST_BYTES} bytes")
    manifest = loads(content)
    if (manifest.name, manifest.version) != (name, version):
        raise BundleError(f"the manifest says {manifest.name} {manifest.version}, the registry {name} {version}")
    check_operators(manifest)
    if manifest.size > MAX_BUNDLE_BYTES:
        raise BundleError(f"the bundle is larger than {MAX_BUNDLE_BYTES} bytes")
    return manifest, content
