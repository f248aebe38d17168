"""What every store of bundles can do."""

from pathlib import Path
from typing import Protocol

from spotter.registry.bundle import Bundle
from spotter.registry.errors import NotFoundError
from spotter.registry.manifest import Manifest

LIVE = "live"
"""The alias that the service follows unless told otherwise."""


class ModelSource(Protocol):
    """Where the service finds bundles. Every method may raise RegistryError."""

    def names(self) -> list[str]:
        """Names of the models kept, sorted."""

    def versions(self, name: str) -> list[str]:
        """Versions of a model, oldest first."""

    def aliases(self, name: str) -> dict[str, str]:
        """Alias -> version."""

    def open(self, name: str, version: str) -> Bundle:
        """A verified bundle on the local disk. Raises BundleError when it does not verify."""


class ModelStore(ModelSource, Protocol):
    """A source that can also be written to."""

    def publish(self, folder: Path, name: str | None = None) -> Manifest:
        """Copies the bundle in `folder` as the next version of its name; the copy's manifest says so."""

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
