"""A real `spotter serve` process on loopback."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spotter.registry.bundle import Bundle
from spotter.registry.folder import FolderStore
from spotter.registry.source import LIVE

READY_TIMEOUT = 120.0
_STOP_TIMEOUT = 20.0


class ServeError(Exception):
    """The service did not start, or ended while it was measured; the text has the end of its log."""


@dataclass(frozen=True)
class Served:
    """A ready service. start_seconds: from starting the process to ready."""

    port: int
    start_seconds: float

    def metrics(self) -> dict[str, float]:
        """The samples of /metrics that have no labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return parse_metrics(answer.read().decode())


@contextlib.contextmanager
def serving(bundle: Bundle, threads: int) -> Iterator[Served]:
    """Starts the service on a copy of the bundle and a free port; settings come from SPOTTER_* as ever.

    Raises ServeError.
    """
    with tempfile.TemporaryDirectory() as temporary:
        store = FolderStore(Path(temporary) / "registry")
        manifest = store.publish(bundle.folder)
        store.set_alias(manifest.name, LIVE, manifest.version)
        port = _free_port()
        settings = {
            "HOST": "127.0.0.1", "PORT": port, "REGISTRY": store.root, "MODEL": manifest.name, "ALIAS": LIVE,
            "THREADS": threads, "CACHE": Path(temporary) / "cache",
        }  # fmt: skip
        environment = {**os.environ, **{f"SPOTTER_{key}": str(value) for key, value in settings.items()}}
        log = Path(temporary) / "log"
        began = time.monotonic()
        with log.open("wb") as sink:
            process = subprocess.Popen([sys.executable, "-m", "spotter", "serve"], env=environment, stderr=sink)
        try:
            _wait_until_ready(process, port, log)
            yield Served(port, time.monotonic() - began)
            if process.poll() is not None:
                raise ServeError(f"the service ended while it was measured:\n{_tail(log)}")
        finally:
            _stop(process)


def parse_metrics(page: str) -> dict[str, float]:
    """Name -> value of the samples without labels in Prometheus' text format."""
    found = {}
    for line in page.splitlines():
        name, _, value = line.partition(" ")
        if value and not line.startswith("#") and "{" not in name:
            found[name] = float(value)
    return found


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServeError(f"the service did not start:\n{_tail(log)}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).close()
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


def _tail(log: Path) -> str:
    """The last of what went wrong, or of everything."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    wrong = [line for line in lines if '"level": "info"' not in line]
    return "\n".join((wrong or lines)[-5:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
