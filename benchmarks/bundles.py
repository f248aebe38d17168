"""Finds the bundles that the benchmarks' options name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spotter.registry.bundle import MANIFEST, Bundle, open_bundle
from spotter.registry.errors import NotFoundError
from spotter.registry.folder import FolderStore, embedded
from spotter.registry.reference import ModelReference
from spotter.registry.source import resolve


@dataclass(frozen=True)
class Named:
    """A bundle and the label of its row."""

    label: str
    bundle: Bundle


def find(name: str, registry: Path | None = None) -> Named:
    """A bundle's folder, or NAME, NAME@ALIAS or NAME@VERSION in a registry (the embedded one by default).

    Raises RegistryError.
    """
    folder = Path(name)
    if (folder / MANIFEST).is_file():
        return Named(str(folder), open_bundle(folder))
    source = embedded() if registry is None else FolderStore(registry)
    try:
        model, alias = ModelReference.parse(name)
    except ValueError as error:
        raise NotFoundError(str(error)) from None
    bundle = source.open(model, resolve(source, model, alias))
    return Named(f"{model} {bundle.manifest.version}", bundle)


def at_sides(named: Sequence[Named], sides: Sequence[int]) -> list[Named]:
    """Each bundle once for each long side in pixels at which it is to read; unchanged where no side is given.

    Raises RegistryError for a side at which it cannot read.
    """
    if not sides:
        return list(named)
    return [_at(each, side) for each in named for side in sides]


def _at(named: Named, side: int) -> Named:
    manifest = named.bundle.manifest
    bundle = replace(named.bundle, manifest=replace(manifest, input=manifest.input.at(side)))
    return Named(f"{named.label} at {side}", bundle)
