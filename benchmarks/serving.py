"""Measures the service under load, and compares it with the same model in a plain loop."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from benchmarks import load, table
from benchmarks.comparison import Comparison, in_turns
from benchmarks.http_client import post
from benchmarks.load import Load, Timed
from benchmarks.process import Served, serving
from benchmarks.servers import Peer
from spotter.reading import imaging
from spotter.reading.imaging import Prepared
from spotter.reading.reader import Reader
from spotter.reading.session import Session
from spotter.registry.bundle import Bundle
from spotter.service.batching.batcher import BatchLimits, Shape
from spotter.service.settings import Settings

T = TypeVar("T")

DEFAULT_SHARES = (0.5, 0.9, 2.0)
"""Default rates of the open loops, as shares of the best goodput of the closed loops."""
_MODEL_STAGES = ("decode", "infer")


@dataclass(frozen=True)
class LoadPlan:
    """pictures: encoded. threads: of the graph. clients: of the closed loops. rates: of the open loops, per second;
    empty for `DEFAULT_SHARES`. seconds: of each run. peers: other servers, loaded in closed loops."""

    pictures: tuple[bytes, ...]
    threads: int
    clients: tuple[int, ...] = (1, 4, 16)
    rates: tuple[float, ...] = ()
    seconds: float = 10.0
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class Batches:
    """The service's metrics about the batches of one run. pictures: mean number in a batch. padding: mean share of
    padding in the pixels."""

    pictures: float | None
    padding: float | None


@dataclass(frozen=True)
class Report:
    """start_seconds: from process start to ready. one: the closed loop of one client. plain: pictures per second of the
    loop without a server, one by one and in the service's batches. peers: the comparisons with other servers in
    turns."""

    start_seconds: float
    one: Load
    runs: tuple[tuple[Load, Batches], ...]
    plain: Mapping[str, float]
    peers: tuple[Comparison, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values; times in milliseconds unless their names say seconds."""
        return {
            "start_to_ready_seconds": self.start_seconds,
            "overhead_ms": overhead_ms(self.one),
            "stages_ms": stages_ms(self.one),
            "plain_loop": dict(self.plain),
            "saturated_share_of_plain_loop": self.saturated / max(self.plain.values()),
            "runs": [
                {**each.as_dict(), "batch_pictures": batches.pictures, "padding": batches.padding}
                for each, batches in self.runs
            ],
            "peers": [each.as_dict() for each in self.peers],
        }

    @property
    def saturated(self) -> float:
        """The best goodput of all runs, in pictures per second."""
        return max(each.goodput for each, _ in self.runs)

    def as_table(self) -> str:
        """Tables of the results."""
        header = ("load", "a second", "good", "p50", "p95", "p99", "batch", "padding", "codes")
        keys = ("load", "throughput", "goodput", "p50_ms", "p95_ms", "p99_ms", "batch_pictures", "padding")
        rows = [(*(run[key] for key in keys), _codes(run)) for run in self.as_dict()["runs"]]
        stages = ", ".join(f"{stage} {value:.2f}" for stage, value in stages_ms(self.one).items())
        plain = ", ".join(f"{rate:.2f} {how}" for how, rate in self.plain.items())
        share = 100 * self.saturated / max(self.plain.values())
        return "\n".join(
            [
                f"start to ready: {self.start_seconds:.2f} s",
                f"overhead at one client beyond decode and model: {_shown(overhead_ms(self.one))} ms median",
                f"median ms of one client by stage: {stages}",
                "",
                table.render(header, rows),
                "",
                f"plain loop without a server, pictures a second: {plain}",
                f"saturated service: {self.saturated:.2f} pictures a second, {share:.0f}% of the best plain loop",
                *self._peers_table(),
            ]
        )

    def _peers_table(self) -> list[str]:
        header = ("peer", "load", "good", "p50", "p95", "p99", "ours/its", "90%", "our p99/its", "90%", "codes")
        rows = [
            (
                *(each[key] for key in ("peer", "load", "goodput", "p50_ms", "p95_ms", "p99_ms")),
                *(each["goodput_ratio"], _range(each["goodput_interval"])),
                *(each["p99_ratio"], _range(each["p99_interval"])),
                _codes(each),
            )
            for each in (peer.as_dict() for peer in self.peers)
        ]
        return ["", table.render(header, rows)] if rows else []


def run(bundle: Bundle, plan: LoadPlan) -> Report:
    """Runs all measurements one after the other. Raises ServeError, and ProblemError for an unreadable picture."""
    plain = plain_loops(bundle, plan)
    requests = [post("/spot", picture, "application/octet-stream") for picture in plan.pictures]
    with serving(bundle, plan.threads) as served:
        report = run_loop(_drive(served, requests, plan, plain))
        comparisons = [each for peer in plan.peers for each in _peer(served, requests, bundle, plan, peer)]
    return replace(report, peers=tuple(comparisons))


def _peer(served: Served, requests: Sequence[bytes], bundle: Bundle, plan: LoadPlan, peer: Peer) -> list[Comparison]:
    """Closed loops on a peer and on this service in turns, so that disturbances of the machine affect both. Raises
    ServeError."""
    theirs = [peer.request(picture) for picture in plan.pictures]
    with peer.serving(bundle, plan.threads or Settings().engine_threads) as port:
        run_loop(load.closed_loop(port, theirs, max(plan.clients), _warming(plan)))
        found = []
        for clients in _clients(plan):
            ours, its = (
                partial(_closed, port=where, requests=what, clients=clients)
                for where, what in ((served.port, requests), (port, theirs))
            )
            found.append(Comparison(peer.label, *in_turns(ours, its, plan.seconds)))
    return found


def _closed(seconds: float, port: int, requests: Sequence[bytes], clients: int) -> Load:
    return run_loop(load.closed_loop(port, requests, clients, seconds))


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """The result of asynchronous work, run as the service runs its own."""
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(work)


def _clients(plan: LoadPlan) -> tuple[int, ...]:
    """The numbers of clients of the closed loops; a single client comes first."""
    return tuple(dict.fromkeys((1, *plan.clients)))


def _warming(plan: LoadPlan) -> float:
    return min(1.0, plan.seconds / 4)


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, as in the service."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _drive(served: Served, requests: Sequence[bytes], plan: LoadPlan, plain: Mapping[str, float]) -> Report:
    await load.closed_loop(served.port, requests, max(plan.clients), _warming(plan))  # warms up
    runs = []
    for clients in _clients(plan):
        before = served.metrics()
        measured = await load.closed_loop(served.port, requests, clients, plan.seconds)
        runs.append((measured, batches_between(before, served.metrics())))
    best = max(each.goodput for each, _ in runs)
    for rate in plan.rates or [best * share for share in DEFAULT_SHARES if best > 0]:
        before = served.metrics()
        measured = await load.open_loop(served.port, requests, rate, plan.seconds)
        runs.append((measured, batches_between(before, served.metrics())))
    return Report(served.start_seconds, runs[0][0], tuple(runs), plain)


def overhead_ms(one: Load) -> float | None:
    """The median time that a single client waits in addition to decoding and the model. None when nothing was
    answered."""
    overheads = [overhead(each) for each in one.answers if each.answer.code == 200]
    return table.percentile(overheads, 0.5) if overheads else None


def overhead(answered: Timed) -> float:
    """Milliseconds that a client waited in addition to decoding and the model."""
    return 1000 * answered.seconds - sum(answered.answer.stages.get(stage, 0.0) for stage in _MODEL_STAGES)


def stages_ms(one: Load) -> dict[str, float]:
    """The median of each stage that the server reports; `other` is the client's time beyond all of them."""
    by_stage: dict[str, list[float]] = defaultdict(list)
    for each in one.answers:
        if each.answer.code == 200:
            for stage, duration in each.answer.stages.items():
                by_stage[stage].append(duration)
            by_stage["other"].append(1000 * each.seconds - sum(each.answer.stages.values()))
    return {stage: table.percentile(values, 0.5) for stage, values in by_stage.items()}


def batches_between(before: Mapping[str, float], after: Mapping[str, float]) -> Batches:
    """The mean size and padding of the batches between two readings of the metrics."""

    def mean(name: str) -> float | None:
        count = after[f"{name}_count"] - before[f"{name}_count"]
        return (after[f"{name}_sum"] - before[f"{name}_sum"]) / count if count else None

    return Batches(mean("spotter_batch_pictures"), mean("spotter_batch_padding_ratio"))


def plain_loops(bundle: Bundle, plan: LoadPlan) -> dict[str, float]:
    """Pictures per second of decoding, graph and words, one after the other in one thread: with single pictures, and
    with the service's batches."""
    settings = Settings(threads=plan.threads)
    reader = Reader(bundle, Session(bundle, settings.session))
    ways = {
        "one by one": BatchLimits(1, settings.batch_pixels),
        "in batches": BatchLimits(8, settings.batch_pixels),
    }
    rates = {}
    for how, limits in ways.items():
        plain_loop(reader, plan.pictures, limits, 0.0)  # warms up
        rates[how] = plain_loop(reader, plan.pictures, limits, plan.seconds)
    return rates


def plain_loop(reader: Reader, pictures: Sequence[bytes], limits: BatchLimits, seconds: float) -> float:
    """Reads the pictures in turn for `seconds`, each at least once; returns pictures per second."""
    waiting: dict[Shape, list[Prepared]] = defaultdict(list)
    began, count = time.perf_counter(), 0
    while count < len(pictures) or time.perf_counter() - began < seconds:
        prepared = imaging.prepare(pictures[count % len(pictures)], reader.manifest.input, reader.limits)
        shape = (prepared.padded.shape[0], prepared.padded.shape[1])
        waiting[shape].append(prepared)
        count += 1
        if len(waiting[shape]) == limits.room(shape):
            _read(reader, waiting.pop(shape))
    for batch in waiting.values():
        _read(reader, batch)
    return count / (time.perf_counter() - began)


def _read(reader: Reader, batch: Sequence[Prepared]) -> None:
    for rows, prepared in zip(reader.infer(batch), batch, strict=True):
        reader.page(rows, prepared)


def _codes(run: Mapping[str, Any]) -> str:
    return " ".join(f"{code}:{count}" for code, count in run["codes"].items())


def _range(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.2f}-{interval[1]:.2f}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
