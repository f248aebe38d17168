"""Three replicas behind the balancer, watched by Prometheus, with everything that happens to clusters at night."""

import contextlib
import dataclasses
import io
import shutil
import signal
import socket
import threading
import time
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
from tests.deploy.promql import OF_BALANCER
from tests.lengths import LONG
from tests.programs import needs
from tests.topology.cluster import Balancer, Prometheus, Replica, prometheus
from tests.topology.load import CLIENTS, Ask, Load, until

pytestmark = [
    pytest.mark.timeout(900 if LONG else 400),
    needs("haproxy", "THE CLUSTER", "Debian: apt-get install haproxy"),
    needs("prometheus", "THE CLUSTER", "Debian: apt-get install prometheus"),
]
SHIPPED = next((Path(spotter.registry.__file__).parent / "embedded/spotter/versions").iterdir())
LINES = [(0, 68), (68, 120), (120, 176), (0, 120)]
"""Top and bottom of what each client cuts out of the golden picture."""
DOWN = "SpotterReplicaDown"
SERVED = 'spotter_requests_total{code="200",path="/spot"}'
TIMELY = 'spotter_request_seconds_bucket{le="2.048",path="/spot"}'
"""Answers, and those within the objective's bound."""


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


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes, and what clients send."""

    store: FolderStore
    replicas: list[Replica]
    front: Balancer
    watch: Prometheus
    ask: Ask

    def load(self) -> Load:
        """Clients of the balancer."""
        return Load(self.front.url, self.ask)


@pytest.fixture(scope="module", name="cluster")
def start_cluster(store: FolderStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder, front, replicas = tmp_path_factory.mktemp("run"), Balancer(), [Replica(store.root) for _ in range(3)]
    ports = [replica.port for replica in replicas]
    with contextlib.ExitStack() as running:
        watch = running.enter_context(prometheus(ports, front.metrics, folder))
        for replica in replicas:
            running.callback(replica.close)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Replica.start, replicas))
        running.enter_context(front.running(ports, folder))
        yield Cluster(store, replicas, front, watch, cut_pictures(front.url))


def cut_pictures(url: str) -> Ask:
    """Each client sends a part of the golden picture, and is to be answered as it was before there was any load."""
    pictures: list[tuple[bytes, list[str]]] = []
    with Image.open(SHIPPED / "golden.png") as golden:
        for top, bottom in LINES:
            file = io.BytesIO()
            golden.crop((0, top, 320, bottom)).save(file, "PNG")
            answer = httpx.post(f"{url}/spot", content=file.getvalue(), timeout=30).json()
            pictures.append((file.getvalue(), [word["text"] for word in answer["words"]]))
    assert len({tuple(words) for _, words in pictures}) == CLIENTS == len(LINES)
    return lambda client, _: pictures[client]


def up(watch: Prometheus) -> float:
    """Replicas that answer Prometheus."""
    return watch.value('sum(up{job="spotter"})')


def counted(replica: Replica, *series: str) -> list[float]:
    """The sums of a replica's series that begin so, each, at one moment."""
    page = httpx.get(f"http://127.0.0.1:{replica.port}/metrics", timeout=10).text
    return [sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(each)) for each in series]


def served(replica: Replica) -> float:
    return counted(replica, SERVED)[0]


def in_service(replica: Replica) -> None:
    """Waits until the balancer gives a replica work."""
    before = served(replica)
    until(lambda: served(replica) > before)


def test_the_load_is_shared_and_metrics_are_not_for_everyone(cluster: Cluster) -> None:
    with cluster.load() as load:
        for replica in cluster.replicas:
            in_service(replica)
    assert load.failures == []
    assert httpx.get(f"{cluster.front.url}/metrics").status_code == 404
    until(lambda: up(cluster.watch) == 3)


def test_clients_of_the_balancer_that_leave_free_their_places_at_the_replicas(cluster: Cluster) -> None:
    file, before = io.BytesIO(), left(cluster)
    with Image.open(SHIPPED / "golden.png") as golden:
        golden.resize((1280, 704)).save(file, "PNG")
    picture = file.getvalue()
    head = f"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
    with contextlib.ExitStack() as leaving:
        for _ in range(60):
            client = leaving.enter_context(socket.create_connection(("127.0.0.1", cluster.front.port)))
            client.sendall(head.encode() + picture)
        until(lambda: sum(counted(each, "spotter_queue_pictures ")[0] for each in cluster.replicas) > 6)
    until(lambda: left(cluster) - before > 3)  # the others were refused or answered
    with cluster.load() as load:
        load.go_on(10)
    assert load.failures == []


def left(cluster: Cluster) -> float:
    """Clients that the replicas saw leave."""
    return sum(counted(replica, "spotter_cancellations_total{")[0] for replica in cluster.replicas)


def test_refusals_reach_clients_of_the_balancer_that_still_send(cluster: Cluster) -> None:
    refused, answered = 20, 'haproxy_server_http_responses_total{proxy="spotter",code="4xx"}'
    before = cluster.front.counted(answered)
    for _ in range(refused):
        with socket.create_connection(("127.0.0.1", cluster.front.port), timeout=30) as client:
            client.sendall(b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
            for _ in range(10):
                client.sendall(b"x" * 60_000)
                time.sleep(0.005)
            answer = b""
            while not answer.endswith(b"}"):
                more = client.recv(65536)
                assert more, answer
                answer += more
        assert answer.startswith(b"HTTP/1.1 413 ")
    until(lambda: cluster.front.counted(answered) - before == refused)


def test_of_a_replica_that_is_killed_only_the_requests_in_work_fail(cluster: Cluster) -> None:
    watch, failed, answered = cluster.watch, [], 0
    for victim in cluster.replicas * 3 if LONG else cluster.replicas[:1]:
        with cluster.load() as load:
            in_service(victim)
            victim.kill()
            load.go_on(100)
            assert len(load.failures) <= CLIENTS
            assert {failure.status for failure in load.failures} <= {502, 503}, load.failures
            until(lambda: up(watch) == 2 and DOWN in watch.firing())
            before = len(load.failures)
            victim.start()
            in_service(victim)
            until(lambda: up(watch) == 3 and DOWN not in watch.firing())
            assert len(load.failures) == before
        failed.append(len(load.failures))
        answered += load.answered
        until(lambda: watch.value('haproxy_backend_active_servers{proxy="spotter"}') == 3)
    print(f"\n{len(failed)} killed: {answered} pictures answered, lost at each: {failed}")
    for name, labels in OF_BALANCER.items():
        assert labels <= set(watch.ask(f'{name}{{code="5xx"}}')[0]["metric"])


def test_a_rolling_restart_fails_nothing(cluster: Cluster) -> None:
    with cluster.load() as load:
        for replica in cluster.replicas * 5 if LONG else cluster.replicas[1:]:
            assert replica.stop() == 0
            replica.start()
            in_service(replica)
    assert load.failures == []
    print(f"\nrestarted: {load.answered} pictures answered")


def test_a_replica_that_hangs_is_left_out_and_loses_nothing(cluster: Cluster) -> None:
    slow, *others = cluster.replicas
    for _ in range(10 if LONG else 1):
        with cluster.load() as load:
            in_service(slow)
            slow.send(signal.SIGSTOP)
            try:
                # Clients whose requests it holds wait; the rest are answered by the others, before it is found out too.
                before = [served(each) for each in others]
                load.go_on(20)
                until(lambda: cluster.front.active() == 2)
                load.go_on(50)
                assert all(served(each) > count for each, count in zip(others, before, strict=True))
            finally:
                slow.send(signal.SIGCONT)
            in_service(slow)
        assert load.failures == []


def test_a_replica_that_is_slow_gets_less_and_holds_nobody_up(cluster: Cluster) -> None:
    slow, *others = cluster.replicas
    answers = 1000 if LONG else 60
    with cluster.load() as load:
        for replica in cluster.replicas:
            in_service(replica)
        with slowed(slow):
            before = served(slow), [counted(each, SERVED, TIMELY) for each in others]
            load.go_on(answers)
            assert cluster.front.active() == 3  # slow is not gone
            after = served(slow), [counted(each, SERVED, TIMELY) for each in others]
    assert load.failures == []
    of_slow = after[0] - before[0]
    of_others, in_time = (
        [now[which] - then[which] for now, then in zip(after[1], before[1], strict=True)] for which in (0, 1)
    )
    print(
        f"\none of three slowed: it answered {of_slow:.0f}, the others {of_others}, {sum(in_time):.0f} of these in time"
    )
    assert 0 < of_slow < min(of_others) / 2
    assert sum(in_time) >= 0.99 * sum(of_others) - 1  # of so few, one may be late by itself


@contextlib.contextmanager
def slowed(replica: Replica) -> Iterator[None]:
    """Lets a replica run for a tenth of the time only, in slices too short for the balancer's check to notice."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            replica.send(signal.SIGSTOP)
            over.wait(0.18)
            replica.send(signal.SIGCONT)
            over.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_replicas_swap_the_model_each_at_its_time_and_nobody_fails(cluster: Cluster) -> None:
    with cluster.load() as load:
        for version in ("2", "1") * 10 if LONG else ("2",):
            cluster.store.set_alias("spotter", "live", version)
            load.wait_for(version)
            all_have(cluster.watch, version)
    assert load.failures == []


def all_have(watch: Prometheus, version: str) -> None:
    until(lambda: watch.value(f'count(spotter_model_info{{version="{version}"}})') == 3)
