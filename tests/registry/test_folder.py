import json
import shutil
import threading
from pathlib import Path

import pytest

from spotter.registry.errors import BundleError, NotFoundError, RegistryError
from spotter.registry.folder import FolderStore
from spotter.registry.source import resolve
from tests.registry.conftest import WriteBundle


@pytest.fixture
def store(tmp_path: Path, write: WriteBundle) -> FolderStore:
    """A registry with versions 1, 2 and 3 of one model, and no alias."""
    write(tmp_path / "b")
    store = FolderStore(tmp_path / "registry")
    for _ in range(3):
        store.publish(tmp_path / "b")
    return store


def test_publishing_numbers_the_versions(store: FolderStore) -> None:
    assert store.names() == ["spotter"]
    assert store.versions("spotter") == ["1", "2", "3"]
    for version in store.versions("spotter"):
        assert store.open("spotter", version).manifest.version == version


def test_versions_sort_as_numbers(store: FolderStore, tmp_path: Path) -> None:
    for _ in range(8):
        store.publish(tmp_path / "b")
    assert store.versions("spotter")[-2:] == ["10", "11"]


def test_a_bundle_can_be_published_under_another_name(store: FolderStore, tmp_path: Path) -> None:
    manifest = store.publish(tmp_path / "b", "receipts")
    assert (manifest.name, manifest.version) == ("receipts", "1")
    assert store.names() == ["receipts", "spotter"]


def test_a_bad_bundle_is_not_published(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "b" / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleError):
        store.publish(tmp_path / "b")
    assert store.versions("spotter") == ["1", "2", "3"]


def test_publishers_at_the_same_time_get_versions_of_their_own(store: FolderStore, tmp_path: Path) -> None:
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(store.publish(tmp_path / "b").version)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, got)) == list(range(4, 12))
    assert not list((store.root / "spotter").glob(".publish-*"))


def test_an_alias_moves_and_rolls_back_to_what_it_was(store: FolderStore) -> None:
    for version in ("1", "3", "3", "2"):
        store.set_alias("spotter", "live", version)
    assert store.aliases("spotter") == {"live": "2"}
    assert store.rollback("spotter", "live") == "3"
    assert store.rollback("spotter", "live") == "1"
    with pytest.raises(RegistryError, match="one version only"):
        store.rollback("spotter", "live")
    assert store.aliases("spotter") == {"live": "1"}


def test_resolve_takes_aliases_and_versions(store: FolderStore) -> None:
    store.set_alias("spotter", "live", "2")
    assert resolve(store, "spotter", "live") == "2"
    assert resolve(store, "spotter", "3") == "3"
    with pytest.raises(NotFoundError, match=r"no alias or version 'canary' \(aliases: live\)"):
        resolve(store, "spotter", "canary")


def test_an_alias_never_points_at_what_does_not_verify(store: FolderStore) -> None:
    store.set_alias("spotter", "live", "1")
    (store.root / "spotter" / "versions" / "2" / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleError):
        store.set_alias("spotter", "live", "2")
    with pytest.raises(NotFoundError):
        store.set_alias("spotter", "live", "9")
    assert store.aliases("spotter") == {"live": "1"}


@pytest.mark.parametrize("alias", ["", "12", "../x", "Live", "a/b"])
def test_an_alias_must_be_a_name(store: FolderStore, alias: str) -> None:
    with pytest.raises(RegistryError, match="cannot be an alias"):
        store.set_alias("spotter", alias, "1")


@pytest.mark.parametrize("name", ["../etc", "", ".hidden", "a/b"])
def test_a_name_stays_inside_the_registry(store: FolderStore, name: str) -> None:
    with pytest.raises(RegistryError):
        store.versions(name)


def test_what_is_not_there_is_not_found(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        store.versions("other")
    with pytest.raises(NotFoundError):
        store.open("spotter", "99")
    with pytest.raises(NotFoundError):
        store.rollback("spotter", "live")
    with pytest.raises(NotFoundError):
        FolderStore(tmp_path / "nowhere").names()


def test_a_version_copied_by_hand_under_another_number_is_refused(store: FolderStore) -> None:
    versions = store.root / "spotter" / "versions"
    shutil.copytree(versions / "1", versions / "4")
    with pytest.raises(BundleError, match="the manifest says spotter 1"):
        store.open("spotter", "4")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1, "aliases": {"live": []}}'])
def test_a_damaged_alias_file_is_an_error_not_a_surprise(store: FolderStore, text: str) -> None:
    (store.root / "spotter" / "aliases.json").write_text(text)
    with pytest.raises(RegistryError):
        store.aliases("spotter")


def test_the_alias_file_keeps_a_bounded_history(store: FolderStore) -> None:
    for step in range(60):
        store.set_alias("spotter", "live", str(step % 3 + 1))
    document = json.loads((store.root / "spotter" / "aliases.json").read_text())
    assert len(document["aliases"]["live"]) == 20
