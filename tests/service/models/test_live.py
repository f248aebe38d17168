import hashlib
import json
import signal
import socket
from pathlib import Path

import onnx
import pytest

from spotter.reading.bundles import cache_folder, find_bundle
from spotter.reading.reader import Reader
from spotter.registry.errors import BundleError
from spotter.registry.folder import FolderStore
from spotter.service.models.live import Catalogue, follows, load
from spotter.service.settings import Settings
from spotter.service.telemetry.metrics import Metrics
from tests.reading.tiny import tiny_model, write_tiny_bundle
from tests.service.serving import serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A registry with version 1 alive, and a cache of its own."""
    write_tiny_bundle(tmp_path / "b")
    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "b").version)
    return Settings(registry=str(store.root), threads=1, cache=tmp_path / "cache")


def test_a_live_model_runs_and_can_be_rebuilt(settings: Settings) -> None:
    live = load(settings, Metrics())
    assert (live.manifest.version, live.engine.alive, live.digest) == ("1", True, live.manifest.digest)
    live.engine.stop()
    assert settings.registry is not None
    (Path(settings.registry) / "spotter").rename(Path(settings.registry) / "gone")
    assert live.rebuild() is not None


def test_it_is_warmed_for_the_shapes_asked_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, ...]] = []
    monkeypatch.setattr(Reader, "check_golden", lambda reader: None)
    monkeypatch.setattr(Reader, "pace", lambda reader: (0, 0.0))
    monkeypatch.setattr("spotter.reading.session.Session.run", lambda _, images, sizes: ran.append(images.shape))
    shapes = [(32 * side, 64) for side in range(1, 9)]
    Catalogue(settings, Metrics()).load("1", shapes).engine.stop()
    assert ran == [(1, *shape, 3) for shape in shapes[:4]]


def _spoil(folder: Path, how: str) -> None:
    if how == "no graph":
        (folder / "model.onnx").write_bytes(b"\x3a\x02\x12\x00")
    elif how == "other outputs":
        model = tiny_model()
        model.graph.output.pop()
        onnx.save(model, folder / "model.onnx")


@pytest.mark.parametrize(
    ("how", "reason"),
    [("no graph", "ONNX Runtime refuses"), ("other outputs", "outputs are"), ("golden", "the golden picture must")],
)
def test_what_cannot_serve_is_refused(settings: Settings, tmp_path: Path, how: str, reason: str) -> None:
    folder = tmp_path / "bad"
    write_tiny_bundle(folder, golden=("999",) if how == "golden" else None)
    _spoil(folder, how)
    if how != "golden":
        content = (folder / "model.onnx").read_bytes()
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"]["model.onnx"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    assert settings.registry is not None
    version = FolderStore(Path(settings.registry)).publish(folder).version
    with pytest.raises(BundleError, match=reason):
        Catalogue(settings, Metrics()).load(version)


def test_bundles_are_served_from_the_cache_and_the_shipped_one_from_where_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    bundle = find_bundle(settings)
    assert bundle.folder.parent == tmp_path / "cache"
    shipped = Settings(cache=tmp_path / "none")
    assert find_bundle(shipped).folder.is_dir()
    assert not (tmp_path / "none").exists()


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder(Settings(cache=tmp_path)) == tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder(Settings()) == Path("/xdg/spotter/bundles")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder(Settings()) == Path("/home/me/.cache/spotter/bundles")


def test_only_a_registry_that_can_change_is_followed(settings: Settings) -> None:
    assert follows(settings)
    assert not follows(settings.model_copy(update={"poll_seconds": 0}))
    assert not follows(Settings())


def test_a_registry_that_never_answers_does_not_keep_the_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"mlflow+http://127.0.0.1:{silent.getsockname()[1]}"
        with serving(registry=place, cache=tmp_path, grace=0) as server:
            silent.settimeout(30)
            asked, _ = silent.accept()
            server.find("running on")
            server.process.send_signal(signal.SIGTERM)
            assert server.exit_code(timeout=10) == 0
            asked.close()
