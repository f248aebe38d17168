"""Three replicas behind the balancer, watched by Prometheus, with everything that happens to clusters at night."""

import dataclasses
import io
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

import spotter.registry
from spotter.registry.bundle import MANIFEST, read_manifest
from spotter.registry.folder import FolderStore
from spotter.registry.manifest import dumps
from tests.topology.cluster import HAPROXY, PROMETHEUS, Balancer, Prometheus, Replica, balancer, prometheus
from tests.topology.load import CLIENTS, Ask, Load, until

LONG = os.environ.get("SPOTTER_CHAOS") == "long"
"""`make chaos` asks for minutes where `make test` gives seconds."""
pytestmark = [
    pytest.mark.timeout(900 if LONG else 200),
    pytest.mark.skipif(HAPROXY is None, reason="no haproxy: apt-get install haproxy"),
    pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus: apt-get install prometheus"),
]
SHIPPED = next((Path(spotter.registry.__file__).parent / "embedded/spotter/versions").iterdir())
LINES = [(0, 68), (68, 120), (120, 176), (0, 120)]
"""Top and bottom of what each client cuts out of the golden picture."""
DOWN = "SpotterReplicaDown"


@pytest.fixture(scope="module", name="store")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """The model that ships, published twice."""
    folder = tmp_path_factory.mktemp("cluster")
    store = FolderStore(folder / "registry")
    for version in ("1", "2"):
        shutil.copytree(SHIPPED, folder / version)
        manifest = dataclasses.replace(read_manifest(SHIPPED), version=version)
        (folder / version / MANIFEST).write_text(dumps(manifest))
        assert store.publish(folder / version).version == version
    store.set_alias("spotter", "live", "1")
    return store


@pytest.fixture(scope="module", name="replicas")
def start_replicas(store: FolderStore) -> Iterator[list[Replica]]:
    replicas = [Replica(store.root) for _ in range(3)]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Replica.start, replicas))
        yield replicas
    finally:
        for replica in replicas:
            replica.close()


@pytest.fixture(scope="module", name="front")
def start_balancer(replicas: list[Replica], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    with balancer([replica.port for replica in replicas], tmp_path_factory.mktemp("balancer")) as front:
        yield front


@pytest.fixture(name="url")
def address(front: Balancer) -> str:
    return front.url


@pytest.fixture(scope="module", name="watch")
def start_prometheus(
    replicas: list[Replica], front: Balancer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    ports = [replica.port for replica in replicas]
    with prometheus(ports, front.metrics, tmp_path_factory.mktemp("prometheus")) as watch:
        until(lambda: up(watch) == 3)
        yield watch


@pytest.fixture(scope="module", name="ask")
def cut_pictures(front: Balancer) -> Ask:
    """Each client sends a part of the golden picture, and is to be answered as it was before there was any load."""
    pictures: list[tuple[bytes, list[str]]] = []
    with Image.open(SHIPPED / "golden.png") as golden:
        for top, bottom in LINES:
            file = io.BytesIO()
            golden.crop((0, top, 320, bottom)).save(file, "PNG")
            answer = httpx.post(f"{front.url}/spot", content=file.getvalue(), timeout=30).json()
            pictures.append((file.getvalue(), [word["text"] for word in answer["words"]]))
    assert len({tuple(words) for _, words in pictures}) == CLIENTS == len(LINES)
    return lambda client, _: pictures[client]


def up(watch: Prometheus) -> float:
    """Replicas that answer Prometheus."""
    return watch.value('sum(up{job="spotter"})')


def served(replica: Replica) -> float:
    page = httpx.get(f"http://127.0.0.1:{replica.port}/metrics", timeout=10).text
    lines = [line for line in page.splitlines() if line.startswith("spotter_requests_total{") and '"200"' in line]
    return sum(float(line.split()[-1]) for line in lines if '"/spot"' in line)


def in_service(replica: Replica) -> None:
    """Waits until the balancer gives a replica work."""
    before = served(replica)
    until(lambda: served(replica) > before)


def test_the_load_is_shared_and_metrics_are_not_for_everyone(url: str, ask: Ask, replicas: list[Replica]) -> None:
    with Load(url, ask) as load:
        for replica in replicas:
            in_service(replica)
    assert load.failures == []
    assert httpx.get(f"{url}/metrics").status_code == 404


def test_of_a_replica_that_is_killed_only_the_requests_in_work_fail(
    url: str, ask: Ask, replicas: list[Replica], watch: Prometheus
) -> None:
    for victim in replicas * 3 if LONG else replicas[:1]:
        with Load(url, ask) as load:
            in_service(victim)
            victim.kill()
            load.go_on(100)
            assert len(load.failures) <= CLIENTS
            assert {failure.status for failure in load.failures} <= {502, 503}, load.failures
            until(lambda: up(watch) == 2)
            until(lambda: DOWN in watch.firing())
            before = len(load.failures)
            victim.start()
            in_service(victim)
            until(lambda: up(watch) == 3 and DOWN not in watch.firing())
            assert len(load.failures) == before
            until(lambda: watch.value('haproxy_backend_active_servers{proxy="spotter"}') == 3)


def test_a_rolling_restart_fails_nothing(url: str, ask: Ask, replicas: list[Replica]) -> None:
    with Load(url, ask) as load:
        for replica in replicas * 5 if LONG else replicas[1:]:
            assert replica.stop() == 0
            replica.start()
            in_service(replica)
    assert load.failures == []


def test_a_replica_that_hangs_is_left_out_and_loses_nothing(url: str, ask: Ask, replicas: list[Replica]) -> None:
    slow, *others = replicas
    for _ in range(10 if LONG else 1):
        with Load(url, ask) as load:
            in_service(slow)
            slow.send(signal.SIGSTOP)
            try:
                # At most one client waits for it; the others are answered.
                before = [served(each) for each in others]
                load.go_on(100)
                assert all(served(each) > count for each, count in zip(others, before, strict=True))
            finally:
                slow.send(signal.SIGCONT)
            in_service(slow)
        assert load.failures == []


def test_replicas_swap_the_model_each_at_its_time_and_nobody_fails(
    url: str, ask: Ask, store: FolderStore, replicas: list[Replica], watch: Prometheus
) -> None:
    with Load(url, ask) as load:
        for version in ("2", "1") * 10 if LONG else ("2",):
            store.set_alias("spotter", "live", version)
            load.wait_for(version)
            all_have(watch, version)
    assert load.failures == []


def all_have(watch: Prometheus, version: str) -> None:
    until(lambda: watch.value(f'count(spotter_model_info{{version="{version}"}})') == 3)
