import heapq
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.capacity import Need, Queue, Replica, erlang_c, need
from benchmarks.capacity_check import SHARES, Check, point, variation
from benchmarks.cli import bench
from benchmarks.http_client import Answer
from benchmarks.load import Load, Timed
from tests.reading.tiny import write_tiny_bundle


def simulated_waits(queue: Queue, deviation: float, count: int = 60_000) -> list[float]:
    """Waits in a queue of Poisson arrivals and gamma-distributed service, first come, first served."""
    rng = np.random.default_rng(7)
    arrivals = np.cumsum(rng.exponential(1 / queue.rate, count))
    mean = queue.replica.seconds
    services = rng.gamma(1 / deviation**2, mean * deviation**2, count) if deviation else np.full(count, mean)
    free = [0.0] * (queue.replicas * queue.replica.lanes)
    waits = []
    for arrival, service in zip(arrivals.tolist(), services.tolist(), strict=True):
        begun = max(arrival, heapq.heappop(free))
        heapq.heappush(free, begun + service)
        waits.append(begun - arrival)
    return waits


def test_erlang_s_c_by_hand() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)  # one server: its utilisation
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert erlang_c(3, 2.0) == pytest.approx(4 / 9)
    assert erlang_c(400, 300.0) < 1e-6
    assert erlang_c(4, 0.0) == 0


@pytest.mark.parametrize("load", [-0.1, 2.0, 3.0])
def test_a_load_that_cannot_be_carried(load: float) -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        erlang_c(2, load)


def test_the_mean_wait_is_that_of_known_queues() -> None:
    exponential, constant = Replica(1, 0.1, 1.0), Replica(1, 0.1, 0.0)
    assert Queue(exponential, 1, 5.0).mean_wait() == pytest.approx(0.1)  # M/M/1: s u / (1 - u)
    assert Queue(constant, 1, 5.0).mean_wait() == pytest.approx(0.05)  # M/D/1: half of that
    assert Queue(exponential, 1, 5.0).wait(0.99) == pytest.approx(0.2 * math.log(50))


def test_without_end() -> None:
    queue = Queue(Replica(2, 0.1, 0.2), 1, 20.0)
    assert queue.mean_wait() == math.inf
    assert queue.wait(0.5) == math.inf


@pytest.mark.parametrize(
    ("replicas", "lanes", "busy", "deviation"), [(1, 1, 0.7, 0.3), (2, 2, 0.8, 0.0), (3, 2, 0.85, 0.5)]
)
def test_a_simulated_queue_waits_as_long(replicas: int, lanes: int, busy: float, deviation: float) -> None:
    replica = Replica(lanes, 0.1, deviation**2)
    queue = Queue(replica, replicas, busy * replicas * replica.throughput)
    waits = simulated_waits(queue, deviation)
    assert queue.mean_wait() == pytest.approx(float(np.mean(waits)), rel=0.15)
    assert queue.wait(0.99) == pytest.approx(float(np.quantile(waits, 0.99)), rel=0.25)


def test_the_fewest_replicas_that_do_with_one_gone() -> None:
    replica = Replica(2, 0.12, 0.1)

    def enough(found: Need) -> bool:
        return found.one_gone.busy <= 0.9 and found.one_gone.wait(0.99) + replica.seconds <= 0.5

    found = need(replica, 60.0, 0.5)
    assert enough(found)
    assert found.whole.replicas == found.replicas == found.one_gone.replicas + 1
    fewer = Queue(replica, found.replicas - 2, 60.0)
    assert not enough(Need(found.replicas - 1, found.one_gone, fewer))


def test_a_picture_that_takes_too_long_by_itself() -> None:
    with pytest.raises(ValueError, match="by itself"):
        need(Replica(1, 0.6, 0.0), 1.0, 0.5)


@pytest.mark.parametrize("words", [(0, 0.1, 0.0), (1, 0.0, 0.0), (1, 0.1, -1.0)])
def test_no_such_replica(words: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="no such replica"):
        Replica(*words)


def test_a_replica_is_measured_and_replicas_are_counted(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    words = ["capacity", "--rate", "30", "--p99", "5", "--seconds", "0.3", "--threads", "1", "--json", "--bundle"]
    done = CliRunner().invoke(bench, [*words, str(tmp_path / "tiny")])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["capacity"]
    assert found["replica"]["lanes"] == 1
    assert [round(each["busy"], 6) for each in found["points"]] == list(SHARES)
    assert found["need"]["replicas"] >= 2
    assert found["need"]["one_gone"]["replicas"] == found["need"]["replicas"] - 1


def test_measured_times_are_listed_with_the_predicted_ones() -> None:
    queue = Queue(Replica(1, 0.1, 1.0), 1, 5.0)
    answers = (Timed(Answer(200), 0.1), Timed(Answer(200), 0.3), Timed(Answer(429), 0.0))
    found = point(queue, Load("", answers, 1.0, unanswered=2))
    assert found.mean == pytest.approx(0.2)
    assert found.refused == 3
    assert found.predicted_mean == pytest.approx(0.2)
    table = Check(queue.replica, (found,)).as_table()
    assert "200        200" in table
    assert variation([1.0, 3.0]) == pytest.approx(0.25)
