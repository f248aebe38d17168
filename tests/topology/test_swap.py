"""The alias moves while a real service is under load: nobody notices but by the version in the answers."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from spotter.registry.folder import FolderStore
from tests.lengths import half_a_minute_long
from tests.reading.tiny import picture, write_tiny_bundle
from tests.registry.stores import START_SECONDS, Place
from tests.service.serving import Serving, serving
from tests.topology.load import CLIENTS, Load, until

POLL = 0.3


def refused(server: Serving, version: str, reason: str) -> None:
    """Waits until the service says that it refuses a version, and why."""

    def has_swapped() -> bool:
        refusal: dict[str, Any] | None = httpx.get(f"{server.url}/v1/model").json()["refused"]
        return refusal is not None and refusal["version"] == version and reason in refusal["reason"]

    until(has_swapped)
    server.find(f"version {version} is refused")


def reloads(server: Serving, outcome: str) -> int:
    page = httpx.get(f"{server.url}/metrics").text
    lines = [
        line
        for line in page.splitlines()
        if line.startswith("spotter_reloads_total") and f'outcome="{outcome}"' in line
    ]
    return int(float(lines[0].split()[-1])) if lines else 0


@pytest.mark.parametrize("place", ["folder", pytest.param("mlflow", marks=half_a_minute_long)], indirect=True)
@pytest.mark.timeout(START_SECONDS + 200)
def test_the_alias_moves_twice_and_back_under_load(place: Place, tmp_path: Path) -> None:
    name, store = f"m{uuid4().hex[:12]}", place.store
    for number in range(1, 6):  # 3 cannot read its golden picture, 4 is spoilt after it was published
        write_tiny_bundle(tmp_path / str(number), work=1, golden=("999",) if number == 3 else None)
        assert store.publish(tmp_path / str(number), name).version == str(number)
    model = place.folder(name, "4") / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    store.set_alias(name, "live", "1")
    cache = tmp_path / "cache"
    with serving("--model", name, registry=place.place, cache=cache, poll_seconds=POLL, threads=1) as server:
        server.ready(60)
        with Load(server.url) as load:
            load.wait_for("1")
            store.set_alias(name, "live", "2")
            load.wait_for("2")
            store.set_alias(name, "live", "3")
            refused(server, "3", "the golden picture must read")
            assert store.rollback(name, "live") == "2"
            until(lambda: httpx.get(f"{server.url}/v1/model").json()["refused"] is None)
            place.force_alias(name, "live", "4")
            refused(server, "4", "another SHA-256")
            time.sleep(3 * POLL)
            assert reloads(server, "refused") == 2  # once each, however often it was polled
            place.force_alias(name, "live", "2")
            store.set_alias(name, "live", "5")
            load.wait_for("5")
            assert httpx.get(f"{server.url}/v1/model").json()["previous"]["version"] == "2"
            assert store.rollback(name, "live") == "2"
            back = load.wait_for("2")
        assert load.failures == []
        assert load.sequences == [["1", "2", "5", "2"]] * CLIENTS
        assert back < POLL + 5  # nothing is loaded; the rest is a busy machine
        assert (reloads(server, "loaded"), reloads(server, "rolled_back")) == (3, 1)
        server.process.terminate()
        assert server.exit_code() == 0


def test_a_registry_that_goes_away_costs_nothing(tmp_path: Path, registry: Path) -> None:
    gone = registry / "spotter"
    with serving(registry=registry, poll_seconds=0.1, threads=1, grace=0) as server:
        server.ready()
        gone.rename(registry / "hidden")
        server.find("the registry cannot be followed")
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        body = picture((5, 0, 0))
        assert httpx.post(f"{server.url}/spot", content=body).json()["words"][0]["text"] == "005"
        (registry / "hidden").rename(gone)
        server.find("the registry can be followed again")
        assert reloads(server, "failed") > 0


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry with one tiny model."""
    write_tiny_bundle(tmp_path / "b")
    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "b").version)
    return store.root
