"""Measures one replica, and compares the formula's prediction with its behaviour under Poisson arrivals."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks import load, table
from benchmarks.capacity import Need, Queue, Replica
from benchmarks.http_client import post
from benchmarks.process import Served, ServeError, serving
from spotter.registry.bundle import Bundle

SHARES = (0.5, 0.7, 0.85)
"""The loads at which the formula is checked, as shares of the throughput."""

_CLIENTS_A_LANE = 3  # enough to keep every lane busy


@dataclass(frozen=True)
class Point:
    """A load, and the measured and predicted response times in seconds. There is no p99, since runs are too short for
    it."""

    rate: float
    busy: float
    mean: float
    predicted_mean: float
    p95: float
    predicted_p95: float
    refused: int


@dataclass(frozen=True)
class Check:
    """A replica's measurements at several loads."""

    replica: Replica
    points: tuple[Point, ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values, with times in seconds."""
        return {
            "replica": {**asdict(self.replica), "throughput": self.replica.throughput},
            "points": [asdict(point) for point in self.points],
        }

    def as_table(self) -> str:
        """A table of the results."""
        replica = self.replica
        rows = [
            (
                f"{point.rate:.2f}",
                f"{100 * point.busy:.0f}%",
                *(f"{1000 * each:.0f}" for each in (point.mean, point.predicted_mean, point.p95, point.predicted_p95)),
                str(point.refused),
            )
            for point in self.points
        ]
        header = ("a second", "busy", "mean ms", "predicted", "p95 ms", "predicted", "not 200")
        return (
            f"A replica: {replica.lanes} lane(s) of {1000 * replica.seconds:.0f} ms a picture, "
            f"{replica.throughput:.2f} a second, squared variation {replica.variation:.2f}\n"
            + table.render(header, rows)
        )


def run(bundle: Bundle, pictures: Sequence[bytes], threads: int, seconds: float) -> Check:
    """Serves the bundle and loads it over loopback, five runs of `seconds`. Raises ServeError."""
    requests = [post("/spot", content, "image/jpeg") for content in pictures]
    with serving(bundle, threads) as served, asyncio.Runner() as runner:
        return runner.run(_measure(served, requests, seconds))


async def _measure(served: Served, requests: Sequence[bytes], seconds: float) -> Check:
    lanes = round(served.metrics()["spotter_lanes"])
    full = _CLIENTS_A_LANE * lanes
    await load.closed_loop(served.port, requests, full, min(1.0, seconds / 4))  # warms up
    throughput = (await load.closed_loop(served.port, requests, full, seconds)).goodput
    # No more clients than lanes, so that no request waits and response times vary like service times.
    alone = await load.closed_loop(served.port, requests, lanes, seconds)
    if throughput == 0 or not alone.good:
        raise ServeError("the service answered nothing")
    replica = Replica(lanes, lanes / throughput, variation(alone.good))
    points = []
    for share in SHARES:
        rate = share * throughput
        points.append(point(Queue(replica, 1, rate), await load.open_loop(served.port, requests, rate, seconds)))
    return Check(replica, tuple(points))


def variation(values: Sequence[float]) -> float:
    """The squared coefficient of variation of at least one value."""
    return float(np.var(values) / np.mean(values) ** 2)


def point(queue: Queue, run: load.Load) -> Point:
    """A run with its prediction; times are NaN where no answer had the status 200."""
    good = [each / 1000 for each in run.good]
    return Point(
        rate=queue.rate,
        busy=queue.busy,
        mean=float(np.mean(good)) if good else math.nan,
        predicted_mean=queue.replica.seconds + queue.mean_wait(),
        p95=table.percentile(good, 0.95) if good else math.nan,
        predicted_p95=queue.replica.seconds + queue.wait(0.95),
        refused=len(run.answers) + run.unanswered - len(good),
    )


def explained(need: Need) -> str:
    """What a load needs, as text."""
    rows = [
        (
            how,
            queue.replicas,
            f"{100 * queue.busy:.0f}%",
            f"{1000 * queue.mean_wait():.0f}",
            f"{1000 * (queue.wait(0.99) + queue.replica.seconds):.0f}",
        )
        for how, queue in (("all there", need.whole), ("one gone", need.one_gone))
    ]
    header = (f"{need.whole.rate:g} a second", "replicas", "busy", "mean wait ms", "p99 ms")
    return f"Replicas: {need.replicas}\n" + table.render(header, rows)
