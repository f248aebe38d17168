import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from spotter.registry.cache import BundleCache
from spotter.registry.errors import BundleError, RegistryError
from spotter.registry.folder import FolderStore
from tests.registry.conftest import WriteBundle

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def store(tmp_path: Path, write: WriteBundle) -> FolderStore:
    """A registry with versions 1 to 6."""
    write(tmp_path / "b")
    store = FolderStore(tmp_path / "registry")
    for _ in range(6):
        store.publish(tmp_path / "b")
    return store


@pytest.fixture
def cache(tmp_path: Path) -> BundleCache:
    return BundleCache(tmp_path / "cache", keep=2)


def test_a_bundle_lies_under_its_digest(store: FolderStore, cache: BundleCache) -> None:
    bundle = cache.open(store, "spotter", "1")
    assert bundle.folder == cache.root / bundle.manifest.digest.replace(":", "-")
    assert list(cache.root.iterdir()) == [bundle.folder]
    assert bundle.read("golden.png")
    assert cache.root.stat().st_mode & 0o077 == 0


def test_damage_in_the_cache_is_mended(store: FolderStore, cache: BundleCache) -> None:
    first = cache.open(store, "spotter", "1")
    (first.folder / "model.onnx").write_bytes(b"spoilt")
    assert cache.open(store, "spotter", "1") == first
    assert (first.folder / "model.onnx").read_bytes() == first.model


def test_only_the_last_used_stay(store: FolderStore, cache: BundleCache) -> None:
    one = cache.open(store, "spotter", "1").folder
    two = cache.open(store, "spotter", "2").folder
    for folder, used in ((one, 2000), (two, 1000)):
        os.utime(folder, (used, used))
    three = cache.open(store, "spotter", "3").folder
    assert set(cache.root.iterdir()) == {one, three}


def test_what_a_dead_process_left_is_removed(store: FolderStore, cache: BundleCache) -> None:
    old, new = cache.root / ".fetch-old", cache.root / ".fetch-new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    cache.open(store, "spotter", "1")
    assert (old.exists(), new.exists()) == (False, True)


def test_no_room_is_seen_before_anything_is_fetched(
    store: FolderStore, cache: BundleCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10, 10, 0))
    with pytest.raises(RegistryError, match=r"the disk is too full to fetch spotter 1 \(\d+ bytes\)") as refused:
        cache.open(store, "spotter", "1")
    assert not isinstance(refused.value, BundleError)
    assert list(cache.root.iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    store: FolderStore, cache: BundleCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RegistryError, match="too full"):
            cache.open(store, "spotter", "1")
    assert list(cache.root.iterdir()) == []
    assert cache.open(store, "spotter", "1").manifest.version == "1"


def test_a_cache_that_cannot_be_is_a_sentence(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="into the cache"):
        BundleCache(tmp_path / "file" / "cache").open(store, "spotter", "1")


def test_a_link_in_place_of_a_file_is_refused(store: FolderStore, cache: BundleCache) -> None:
    folder = store.root / "spotter" / "versions" / "1"
    (folder / "model.onnx").rename(folder.parent.parent / "elsewhere")
    (folder / "model.onnx").symlink_to(folder.parent.parent / "elsewhere")
    with pytest.raises(BundleError, match="not a plain file"):
        cache.open(store, "spotter", "1")
