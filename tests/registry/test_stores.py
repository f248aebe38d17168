"""What every kind of registry must do, run against each of them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from spotter.registry.cache import BundleCache, verify
from spotter.registry.cli import models
from spotter.registry.errors import BundleError, NotFoundError, RegistryError
from spotter.registry.mlflow import MlflowStore
from spotter.registry.rest import RestClient
from spotter.registry.source import ModelSource, resolve
from spotter.registry.stores import open_store
from tests.registry.conftest import WriteBundle
from tests.registry.stores import START_SECONDS, MlflowPlace, Place

pytestmark = pytest.mark.timeout(START_SECONDS + 120)


class Counted:
    """A source that counts the files read."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        self.files: list[str] = []

    def read(self, name: str, version: str, file: str) -> Iterator[bytes]:
        self.files.append(file)
        return self._source.read(name, version, file)

    def names(self) -> list[str]:
        return self._source.names()

    def versions(self, name: str) -> list[str]:
        return self._source.versions(name)

    def aliases(self, name: str) -> dict[str, str]:
        return self._source.aliases(name)

    def stamp(self, name: str, version: str) -> str:
        return self._source.stamp(name, version)


@pytest.fixture
def name() -> str:
    """A model's name that no other test uses."""
    return f"m{uuid4().hex[:12]}"


@pytest.fixture
def bundle(write: WriteBundle, tmp_path: Path) -> Path:
    write(tmp_path / "b")
    return tmp_path / "b"


def test_versions_aliases_and_rollback(place: Place, name: str, bundle: Path) -> None:
    store = place.store
    assert [store.publish(bundle, name).version for _ in range(3)] == ["1", "2", "3"]
    assert name in store.names()
    assert store.versions(name) == ["1", "2", "3"]
    assert store.aliases(name) == {}
    for version in ("1", "3", "3", "2"):
        store.set_alias(name, "live", version)
    store.set_alias(name, "canary", "3")
    assert store.aliases(name) == {"live": "2", "canary": "3"}
    assert (resolve(store, name, "live"), resolve(store, name, "1")) == ("2", "1")
    assert store.rollback(name, "live") == "3"
    assert store.rollback(name, "live") == "1"
    with pytest.raises(RegistryError, match="one version only"):
        store.rollback(name, "live")
    assert store.aliases(name) == {"live": "1", "canary": "3"}


def test_a_version_is_fetched_once_and_verified(place: Place, name: str, bundle: Path, tmp_path: Path) -> None:
    published = place.store.publish(bundle, name)
    source, cache = Counted(place.store), BundleCache(tmp_path / "cache")
    first = cache.open(source, name, "1")
    assert (first.manifest, first.manifest.digest) == (published, published.digest)
    assert first.model == (bundle / "model.onnx").read_bytes()
    assert sorted(source.files) == ["MODEL_CARD.md", "golden.png", "manifest.json", "model.onnx"]
    source.files.clear()
    second = cache.open(source, name, "1")
    assert second == first
    assert source.files == ["manifest.json"]


def test_what_is_not_there_is_not_found(place: Place, name: str, bundle: Path) -> None:
    store = place.store
    for ask in (store.versions, store.aliases):
        with pytest.raises(NotFoundError, match=name):
            ask(name)
    store.publish(bundle, name)
    for call in (
        lambda _: store.stamp(name, "9"),
        lambda _: verify(store, name, "9"),
        lambda _: store.set_alias(name, "live", "9"),
        lambda _: store.set_alias(name, "live", "x"),
        lambda _: store.rollback(name, "live"),
        lambda _: resolve(store, name, "canary"),
    ):
        with pytest.raises(NotFoundError):
            call(name)


@pytest.mark.parametrize("alias", ["12", "../x", "Live"])
def test_an_alias_must_be_a_name(place: Place, name: str, alias: str) -> None:
    with pytest.raises(RegistryError, match="cannot be an alias"):
        place.store.set_alias(name, alias, "1")


@pytest.mark.parametrize("bad", ["../etc", "", ".hidden", "a/b"])
def test_a_name_is_a_plain_word(place: Place, bad: str) -> None:
    with pytest.raises(RegistryError, match="not a model's name"):
        place.store.versions(bad)


def _manifest(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def _file(file: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return change


def _model(content: bytes) -> Callable[[Path], None]:
    return _file("model.onnx", content)


def _huge(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    files["model.onnx"]["size"] = 1 << 40
    _manifest(files=files)(folder)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "corrupt": (_model(b"\x3a\x02\x12\x01"), "another SHA-256"),
    "longer": (_model(b"\x3a\x02\x12\x00" + b"x" * 100), "has more bytes"),
    "shorter": (_model(b"\x3a"), "has 1 bytes"),
    "missing": (lambda folder: (folder / "model.onnx").unlink(), r"missing: model\.onnx"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), r"missing: manifest\.json"),
    "no JSON": (_file("manifest.json", b"{"), "not JSON"),
    "other ABI": (_manifest(custom_op_abi=99), "ABI 99"),
    "other version": (_manifest(version="7"), "the registry m"),
    "too large": (_huge, "larger than"),
}


def test_a_damaged_version_is_refused_everywhere_and_its_stamp_tells(
    place: Place, name: str, bundle: Path, tmp_path: Path
) -> None:
    store, cache = place.store, BundleCache(tmp_path / "cache")
    for _ in range(2):
        store.publish(bundle, name)
    store.set_alias(name, "live", "1")
    sound = store.stamp(name, "2")
    assert sound == store.stamp(name, "2")
    folder, kept = place.folder(name, "2"), tmp_path / "kept"
    shutil.copytree(folder, kept)
    for damage, (spoil, reason) in DAMAGES.items():
        spoil(folder)
        with pytest.raises(BundleError, match=reason):
            cache.open(store, name, "2")
        assert list(cache.root.glob("*")) == [], damage
        if damage != "corrupt" or not isinstance(store, MlflowStore):  # MLflow tells sizes only
            assert store.stamp(name, "2") != sound, damage
        if damage != "too large":
            shutil.copytree(kept, folder, dirs_exist_ok=True)
    with pytest.raises(BundleError):
        store.set_alias(name, "live", "2")
    assert store.aliases(name) == {"live": "1"}


def test_what_was_cached_is_served_though_the_registry_spoiled_it(
    place: Place, name: str, bundle: Path, tmp_path: Path
) -> None:
    store, cache = place.store, BundleCache(tmp_path / "cache")
    store.publish(bundle, name)
    cache.open(store, name, "1")
    _model(b"")(place.folder(name, "1"))
    assert cache.open(store, name, "1").model == (bundle / "model.onnx").read_bytes()


def test_a_bad_bundle_is_not_published(place: Place, name: str, bundle: Path) -> None:
    place.store.publish(bundle, name)
    _model(b"")(bundle)
    with pytest.raises(BundleError):
        place.store.publish(bundle, name)
    assert place.store.versions(name) == ["1"]


def test_models_from_the_shell(place: Place, name: str, bundle: Path) -> None:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(models, ["--registry", place.place, *arguments])

    assert call("publish", str(bundle), "--name", name, "--alias", "live").output.startswith(f"{name} 1 sha256:")
    assert call("publish", str(bundle), "--name", name).output.startswith(f"{name} 2 sha256:")
    listed = [line for line in call("list").output.splitlines() if line.startswith(name)]
    assert listed == [f"{name}\t1\tlive", f"{name}\t2\t-"]
    assert call("alias", name, "live", "2").output == f"{name} live -> 2\n"
    assert json.loads(call("show", name).output)["version"] == "2"
    assert call("rollback", name).output == f"{name} live -> 1\n"
    assert call("verify", name).output.count(" ok\n") == 2
    assert call("verify", name, "live").output.startswith(f"{name} 1 sha256:")
    shutil.rmtree(place.folder(name, "2"))
    assert call("verify", name, "2").exit_code == 1
    assert call("verify", "nothing").output.startswith("Error: there is no model 'nothing'")


def test_an_upload_that_fails_leaves_no_version(
    mlflow: MlflowPlace, name: str, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: RestClient, path: str, file: Path) -> None:
        raise RegistryError("cut off")

    mlflow.store.publish(bundle, name)
    with monkeypatch.context() as patch:
        patch.setattr(RestClient, "put", fails)
        with pytest.raises(RegistryError, match="cut off"):
            mlflow.store.publish(bundle, name)
    assert mlflow.store.versions(name) == ["1"]
    assert mlflow.store.publish(bundle, name).version in ("2", "3")


def test_rolling_back_knows_moves_made_in_mlflow_itself(mlflow: MlflowPlace, name: str, bundle: Path) -> None:
    store = mlflow.store
    for _ in range(3):
        store.publish(bundle, name)
    store.set_alias(name, "live", "1")
    for version in ("3", "2"):
        mlflow.force_alias(name, "live", version)
    assert store.rollback(name, "live") == "1"


def test_where_registries_are() -> None:
    assert isinstance(open_store("mlflow+https://me:secret@host/prefix/"), MlflowStore)
    assert open_store(None).names() == ["abcnet", "mask-textspotter", "spotter"]
    for place in ("http://me:secret@host", "mlflow+ftp://host", "mlflow+http://", "s3://bucket"):
        with pytest.raises(RegistryError, match="a registry is a folder or mlflow") as refused:
            open_store(place)
        assert "secret" not in str(refused.value)
