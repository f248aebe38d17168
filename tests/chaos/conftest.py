from pathlib import Path

import pytest

from spotter.registry.folder import FolderStore
from tests.reading.tiny import write_tiny_bundle


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the tiny model, alias `live`."""
    folder = tmp_path_factory.mktemp("registry")
    store = FolderStore(folder / "registry")
    write_tiny_bundle(folder / "bundle")
    store.set_alias("spotter", "live", store.publish(folder / "bundle").version)
    return store.root
