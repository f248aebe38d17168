"""Finds the bundle that the settings name, and copies it to the local disk."""

from pathlib import Path

from spotter.ops import native
from spotter.reading.settings import ReadingSettings
from spotter.registry.bundle import Bundle
from spotter.registry.cache import BundleCache
from spotter.registry.folder import embedded
from spotter.registry.source import resolve
from spotter.registry.stores import open_store


def find_bundle(settings: ReadingSettings, version: str | None = None) -> Bundle:
    """A version of the settings' model, or the one behind its alias, verified and on the local disk. Raises
    RegistryError."""
    source = open_store(settings.registry)
    version = version or resolve(source, settings.model, settings.alias)
    if settings.registry is None:  # the embedded registry is part of the program
        return embedded().open(settings.model, version)
    return BundleCache(cache_folder(settings)).open(source, settings.model, version)


def cache_folder(settings: ReadingSettings) -> Path:
    """The folder for fetched bundles: as set, or below the user's cache folder
    (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    return settings.cache or native.cache_folder("bundles")
