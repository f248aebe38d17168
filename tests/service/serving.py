"""A real `spotter serve` process on loopback."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


class Serving:
    """A running process, its address, and its log lines so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def find(self, pattern: str, timeout: float = 60) -> re.Match[str]:
        """Waits for a log line that matches."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            ended = not self._reader.is_alive()
            for line in list(self.lines):
                if match := re.search(pattern, line):
                    return match
            if ended:
                break
            time.sleep(0.01)
        raise AssertionError(f"no line matches {pattern!r} in {''.join(self.lines)}")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.find(r"running on http://127\.0\.0\.1:(\d+)")[1])

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self, timeout: float = 60) -> float:
        """Waits until it is ready; returns the seconds that took."""
        began = time.monotonic()
        while time.monotonic() - began < timeout:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health/ready").status_code == 200:
                    return time.monotonic() - began
            time.sleep(0.01)
        raise AssertionError("".join(self.lines))

    def exit_code(self, timeout: float = 60) -> int:
        """Waits for the end."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def logs(self) -> list[dict[str, object]]:
        """Every log line; each must be a JSON object."""
        return [json.loads(line) for line in self.lines]


@contextlib.contextmanager
def serving(
    *arguments: str, registry: Path | str | None = None, module: str = "spotter", **settings: object
) -> Iterator[Serving]:
    """Starts `spotter serve`; keyword arguments are settings (SPOTTER_*)."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SPOTTER_")}
    environment |= {f"SPOTTER_{key.upper()}": str(value) for key, value in settings.items()}
    if registry is not None:
        environment["SPOTTER_REGISTRY"] = str(registry)
    if isinstance(registry, Path):
        environment.setdefault("SPOTTER_CACHE", str(registry.parent / "cache"))
    command = [sys.executable, "-m", module, "serve", "--port", "0", *arguments]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as process:
        running = Serving(process)
        try:
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            running.exit_code()  # before the pipe is closed that its reader reads
