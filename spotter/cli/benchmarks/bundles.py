"""Bundles as the benchmarks' options name them."""

from dataclasses import dataclass
from pathlib import Path

from spotter.registry.bundle import MANIFEST, Bundle, open_bundle
from spotter.registry.folder import FolderStore, embedded
from spotter.registry.source import LIVE, resolve


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
    model, _, alias = name.partition("@")
    bundle = source.open(model, resolve(source, model, alias or LIVE))
    return Named(f"{model} {bundle.manifest.version}", bundle)
