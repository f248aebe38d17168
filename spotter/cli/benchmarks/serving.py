"""A real service on loopback, started, driven and stopped: start-up, overhead, closed and open loops."""

import asyncio
import contextlib
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spotter.cli.benchmarks.tables import summary
from spotter.service import imaging
from spotter.service.reader import Reader

HOST = "127.0.0.1"
_STARTING = 30.0  # seconds
_TAIL = 30.0  # seconds that an open loop waits for its last answers


class ServingError(RuntimeError):
    """The service did not start, or answered what it must not."""


@dataclass(frozen=True)
class Answer:
    """What came back: status, seconds from the first byte sent to the last received, milliseconds by stage."""

    status: int
    seconds: float
    stages: dict[str, float]


class Connection:
    """A keep-alive connection that does no more than it must: the client's own time counts as overhead."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connects to the service."""
        return cls(*await asyncio.open_connection(HOST, port))

    async def post(self, body: bytes) -> Answer:
        """Posts a JPEG to /spot."""
        head = (
            f"POST /spot HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        start = time.perf_counter()
        self._writer.writelines((head, body))
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        await self._reader.readexactly(int(headers["content-length"]))
        seconds = time.perf_counter() - start
        stages = re.findall(r"(\w+);dur=([\d.]+)", headers.get("server-timing", ""))
        return Answer(int(lines[0].split()[1]), seconds, {name: float(value) for name, value in stages})

    def close(self) -> None:
        """Lets go of the connection."""
        self._writer.close()


@dataclass(frozen=True)
class Started:
    """A running service: its port, and the seconds from its start until it was ready."""

    port: int
    seconds: float


@contextlib.contextmanager
def service(registry: Path | None, threads: int) -> Iterator[Started]:
    """Runs `spotter serve` on a free port. Raises ServingError when it is not ready in time."""
    environment = dict(os.environ) | {"SPOTTER_THREADS": str(threads), "SPOTTER_GRACE": "0"}
    if registry is not None:
        environment["SPOTTER_REGISTRY"] = str(registry)
    with tempfile.TemporaryFile("w+") as log:
        began = time.monotonic()
        command = [sys.executable, "-m", "spotter", "serve", "--port", "0"]
        with subprocess.Popen(command, env=environment, stderr=log, stdout=subprocess.DEVNULL) as process:
            try:
                yield _ready(process, log.fileno(), began)
            finally:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()


def _ready(process: "subprocess.Popen[bytes]", log: int, began: float) -> Started:
    while time.monotonic() - began < _STARTING:
        said = os.pread(log, 1 << 16, 0).decode()
        if process.poll() is not None:
            raise ServingError(f"the service ended with code {process.returncode}:\n{said}")
        if found := re.search(rf"running on http://{re.escape(HOST)}:(\d+)", said):
            port = int(found[1])
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=1):
                return Started(port, time.monotonic() - began)
        time.sleep(0.005)
    raise ServingError(f"the service was not ready within {_STARTING:.0f} s")


def batches(port: int) -> tuple[float, float, float]:
    """(batches, pictures in them, padding's share times batches) so far, from /metrics."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as page:
        text = page.read().decode()

    def value(name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return (
        value("spotter_batch_pictures_count"),
        value("spotter_batch_pictures_sum"),
        value("spotter_batch_padding_ratio_sum"),
    )


def overhead(port: int, pictures: Sequence[bytes], seconds: float) -> dict[str, object]:
    """One client: milliseconds that an answer takes beyond decoding and the graph, the client's own included."""

    async def drive() -> list[Answer]:
        connection = await Connection.open(port)
        found = []
        until = time.monotonic() + seconds
        for body in itertools.cycle(pictures):
            found.append(await connection.post(body))
            if time.monotonic() > until:
                break
        connection.close()
        return found[2:] or found

    found = asyncio.run(drive())
    if any(answer.status != 200 for answer in found):
        raise ServingError(f"statuses {Counter(answer.status for answer in found)}")
    beyond = [a.seconds - (a.stages["decode"] + a.stages["infer"]) / 1e3 for a in found]
    return {
        "requests": len(found),
        "wall ms": summary([a.seconds for a in found])["median"],
        "decode ms": round(float(np.median([a.stages["decode"] for a in found])), 2),
        "infer ms": round(float(np.median([a.stages["infer"] for a in found])), 2),
        "overhead ms": summary(beyond)["median"],
        "overhead p95": summary(beyond)["p95"],
    }


def closed_loop(port: int, pictures: Sequence[bytes], clients: int, seconds: float) -> dict[str, object]:
    """Clients that each send their next picture when the last is answered."""

    async def client(number: int, until: float) -> list[Answer]:
        connection = await Connection.open(port)
        found = []
        for body in itertools.islice(itertools.cycle(pictures), number, None):
            if time.monotonic() > until:
                break
            found.append(await connection.post(body))
        connection.close()
        return found

    async def drive() -> list[Answer]:
        until = time.monotonic() + seconds
        return [a for found in await asyncio.gather(*(client(n, until) for n in range(clients))) for a in found]

    return {"clients": clients, **_measured(port, drive())}


def open_loop(port: int, pictures: Sequence[bytes], rate: float, seconds: float, seed: int = 0) -> dict[str, object]:
    """Requests at the moments of a Poisson process of `rate` a second, each on a connection of its own, whether or
    not the earlier ones are answered."""
    rng = np.random.default_rng(seed)
    moments = np.cumsum(rng.exponential(1 / rate, max(1, round(rate * seconds))))

    async def request(moment: float, body: bytes, start: float) -> Answer:
        await asyncio.sleep(max(0.0, start + moment - time.monotonic()))
        connection = await Connection.open(port)
        try:
            return await connection.post(body)
        finally:
            connection.close()

    async def drive() -> list[Answer]:
        start = time.monotonic()
        bodies = itertools.cycle(pictures)
        tasks = [request(float(moment), next(bodies), start) for moment in moments]
        return list(await asyncio.wait_for(asyncio.gather(*tasks), seconds * 2 + _TAIL))

    return {"rate": rate, **_measured(port, drive())}


def _measured(port: int, drive: Coroutine[Any, Any, list[Answer]]) -> dict[str, object]:
    before = batches(port)
    start = time.monotonic()
    found = asyncio.run(drive)
    spent = time.monotonic() - start
    after = batches(port)
    count, filled, padding = (b - a for a, b in zip(before, after, strict=True))
    good = [answer.seconds for answer in found if answer.status == 200]
    times = summary(good) if good else dict.fromkeys(("median", "p95", "p99"), float("nan"))
    return {
        "requests": len(found),
        "ok": len(good),
        "refused": sum(answer.status in (429, 503) for answer in found),
        "ok/s": round(len(good) / spent, 2),
        "p50 ms": times["median"],
        "p95 ms": times["p95"],
        "p99 ms": times["p99"],
        "batch": round(filled / max(count, 1), 2),
        "padding %": round(100 * padding / max(count, 1), 1),
    }


def plain_loop(reader: Reader, pictures: Sequence[bytes], seconds: float, size: int = 4) -> float:
    """Pictures a second of the simplest batched loop: decode, stack, run; no server, no queue, no client."""
    spec, limits = reader.manifest.input, reader.limits
    done = 0
    bodies = itertools.cycle(pictures)
    reader.infer([imaging.prepare(next(bodies), spec, limits)])
    start = time.monotonic()
    while (spent := time.monotonic() - start) < seconds:
        prepared = [imaging.prepare(next(bodies), spec, limits) for _ in range(size)]
        shapes = {item.padded.shape for item in prepared}
        for shape in shapes:
            batch = [item for item in prepared if item.padded.shape == shape]
            for rows, item in zip(reader.infer(batch), batch, strict=True):
                reader.words(rows, item)
        done += size
    return done / spent
