"""A real `spotter serve` process on loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from spotter.registry.bundle import Bundle
from spotter.registry.folder import FolderStore
from spotter.registry.source import LIVE

READY_TIMEOUT = 120.0
_STOP_TIMEOUT = 20.0


class ServeError(Exception):
    """The service did not start, or ended while it was measured; the message contains the end of its log."""


@dataclass(frozen=True)
class Served:
    """A ready service. start_seconds: from starting the process to ready."""

    port: int
    start_seconds: float

    def metrics(self) -> dict[str, float]:
        """The values of /metrics: see `parse_metrics`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return parse_metrics(answer.read().decode())


@contextlib.contextmanager
def serving(bundle: Bundle, threads: int) -> Iterator[Served]:
    """Starts the service on a copy of the bundle and a free port; settings come from SPOTTER_* as usual.

    Raises ServeError.
    """
    with tempfile.TemporaryDirectory() as temporary:
        store = FolderStore(Path(temporary) / "registry")
        manifest = store.publish(bundle.folder)
        store.set_alias(manifest.name, LIVE, manifest.version)
        port = free_port()
        settings = {
            "HOST": "127.0.0.1", "PORT": port, "REGISTRY": store.root, "MODEL": manifest.name, "ALIAS": LIVE,
            "THREADS": threads, "CACHE": Path(temporary) / "cache",
        }  # fmt: skip
        environment = {**os.environ, **{f"SPOTTER_{key}": str(value) for key, value in settings.items()}}
        command = [sys.executable, "-m", "spotter", "serve"]
        log = Path(temporary) / "log"
        with running(command, environment, log, f"http://127.0.0.1:{port}/health/ready") as start_seconds:
            yield Served(port, start_seconds)


@contextlib.contextmanager
def running(command: Sequence[object], environment: Mapping[str, str], log: Path, ready: str) -> Iterator[float]:
    """Runs a server; yields the seconds that it took until the URL `ready` answered 200. Raises ServeError. On the main
    thread only."""
    began = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
    # SIGTERM must end this process through `finally`, or the processes that it started would stay.
    former = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        _wait_until_ready(process, ready, log)
        yield time.monotonic() - began
        if process.poll() is not None:
            raise ServeError(f"the service ended while it was measured:\n{_tail(log)}")
    finally:
        _stop(process)
        signal.signal(signal.SIGTERM, former)


def parse_metrics(page: str) -> dict[str, float]:
    """The sum of each metric's samples by name, from Prometheus' text format, without the buckets of histograms."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if "le" not in sample.labels:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def _wait_until_ready(process: "subprocess.Popen[bytes]", ready: str, log: Path) -> None:
    until = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServeError(f"the service did not start:\n{_tail(log)}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(ready, timeout=5).close()
            return
        time.sleep(0.01)
    raise ServeError(f"the service was not ready after {READY_TIMEOUT:g} s:\n{_tail(log)}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers that are still running


def _tail(log: Path) -> str:
    """The last error lines of a log, or its last lines."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    wrong = [line for line in lines if '"level": "info"' not in line]
    return "\n".join((wrong or lines)[-5:])


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
