"""Opens the registry that a user names: a folder, or `mlflow+http://host:port`."""

import urllib.parse
from pathlib import Path

from spotter.registry.errors import RegistryError
from spotter.registry.folder import FolderStore, embedded
from spotter.registry.mlflow import MlflowStore
from spotter.registry.source import ModelStore

_MLFLOW = "mlflow+"


def open_store(place: str | None) -> ModelStore:
    """The registry at a place; None for the one that ships with the program. It is not accessed yet.

    Raises RegistryError for a URL of another kind.
    """
    if place is None:
        return embedded()
    if "://" not in place:
        return FolderStore(Path(place))
    url = urllib.parse.urlsplit(place.removeprefix(_MLFLOW))
    if not place.startswith(_MLFLOW) or url.scheme not in ("http", "https") or not url.hostname:
        shown = urllib.parse.urlunsplit((urllib.parse.urlsplit(place).scheme, url.hostname or "", "", "", ""))
        raise RegistryError(f"a registry is a folder or mlflow+http(s)://host[:port], not {shown}")
    return MlflowStore(place.removeprefix(_MLFLOW))
