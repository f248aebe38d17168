"""Replicas as processes on loopback, behind the balancer and the Prometheus that ship, with their addresses put in."""

import contextlib
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.promql import DEPLOY
from tests.programs import find
from tests.service.serving import Serving, serving
from tests.topology.load import until

HAPROXY = find("haproxy")
PROMETHEUS = find("prometheus")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Replica:
    """A place for a service process: it keeps its port when the process is another."""

    def __init__(self, registry: Path) -> None:
        self.port = free_port()
        self._registry = registry
        self._running = contextlib.ExitStack()
        self.service: Serving

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        self._running = contextlib.ExitStack()
        started = serving("--port", str(self.port), registry=self._registry, poll_seconds=0.3, threads=1, grace=1)
        self.service = self._running.enter_context(started)
        self.service.ready(180)

    def send(self, number: signal.Signals) -> None:
        """Sends the process a signal."""
        self.service.process.send_signal(number)

    def stop(self) -> int:
        """Ends the process as a supervisor does; returns its exit code."""
        self.send(signal.SIGTERM)
        code = self.service.exit_code(60)
        self._running.close()
        return code

    def kill(self) -> None:
        """Ends the process without a chance to finish anything."""
        self.service.process.kill()
        self._running.close()

    def close(self) -> None:
        """Lets nothing run on."""
        self._running.close()


class Balancer:
    """A place for a HAProxy process: where it answers, and where it shows its own metrics."""

    def __init__(self) -> None:
        self.port, self.metrics = free_port(), free_port()

    @property
    def url(self) -> str:
        """What clients ask."""
        return f"http://127.0.0.1:{self.port}"

    def active(self) -> int:
        """Replicas that it sends requests to."""
        return int(self.counted('haproxy_backend_active_servers{proxy="spotter"}'))

    def counted(self, series: str) -> float:
        """The sum of its own series with these labels, whatever server they are of."""
        name, labels = series.removesuffix("}").split("{")
        page = httpx.get(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10).text
        lines = (line for line in page.splitlines() if line.startswith(f"{name}{{"))
        return sum(float(line.split()[-1]) for line in lines if all(label in line for label in labels.split(",")))

    @contextlib.contextmanager
    def running(self, ports: list[int], folder: Path) -> Iterator[None]:
        """Runs it in front of the ports, from when it found a replica that is ready."""
        assert HAPROXY is not None
        file = folder / "haproxy.cfg"
        file.write_text(balancer_config(ports, self))
        with _running([HAPROXY, "-db", "-f", str(file)], folder / "haproxy.log"):
            until(lambda: _answers(f"{self.url}/health/ready"))
            yield


def balancer_config(ports: list[int], own: Balancer) -> str:
    """The balancer's configuration with ports of its own, and replicas of fixed addresses instead of Docker's names."""
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text()
    text, bound = re.subn(r"bind :8000", f"bind 127.0.0.1:{own.port}", text)
    text, bound_too = re.subn(r"bind :8404", f"bind 127.0.0.1:{own.metrics}", text)
    text, named = re.subn(r"resolvers docker\n(?: {4}.*\n)+", "", text)
    servers = "".join(f"    server replica{n} 127.0.0.1:{port}\n" for n, port in enumerate(ports, 1))
    text, listed = re.subn(r" {4}server-template .*\n", servers, text)
    assert (bound, bound_too, named, listed) == (1, 1, 1, 1)
    return text


def prometheus_config(ports: list[int], metrics: int, rules: Path) -> str:
    """Prometheus' configuration with fixed targets; it asks, and rules are looked at, every second."""
    text = (DEPLOY / "prometheus/prometheus.yml").read_text()
    text, paced = re.subn(r"_interval: 5s\n", "_interval: 1s\n", text)
    text, ruled = re.subn(r"rule_files: .*", f"rule_files: [{rules}]", text)
    targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    static = f"    static_configs:\n      - targets: [{targets}]\n"
    text, listed = re.subn(r" {4}dns_sd_configs:\n(?: {6}.*\n)+", static, text)
    text, watched = re.subn(r"balancer:8404", f"127.0.0.1:{metrics}", text)
    assert (paced, ruled, listed, watched) == (3, 1, 1, 1)
    return text


def impatient(rules: str) -> str:
    """The rules with alerts that fire after a second of trouble."""
    return re.sub(r"for: \d+[smh]", "for: 1s", rules)


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Series that answer a query now."""
        answer = httpx.get(f"{self._url}/api/v1/query", params={"query": query}, timeout=10).json()
        assert answer["status"] == "success", answer
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def value(self, query: str) -> float:
        """The one value that answers a query; 0 for none."""
        return sum(float(series["value"][1]) for series in self.ask(query))

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        return {series["metric"]["alertname"] for series in self.ask('ALERTS{alertstate="firing"}')}


@contextlib.contextmanager
def prometheus(ports: list[int], metrics: int, folder: Path) -> Iterator[Prometheus]:
    """Runs Prometheus on replicas' ports and the port of the balancer's metrics."""
    assert PROMETHEUS is not None
    own, file, rules = free_port(), folder / "prometheus.yml", folder / "rules.yml"
    rules.write_text(impatient((DEPLOY / "prometheus/rules.yml").read_text()))
    file.write_text(prometheus_config(ports, metrics, rules))
    listen, data = f"--web.listen-address=127.0.0.1:{own}", f"--storage.tsdb.path={folder / 'data'}"
    with _running([PROMETHEUS, f"--config.file={file}", listen, data], folder / "prometheus.log"):
        url = f"http://127.0.0.1:{own}"
        until(lambda: _answers(f"{url}/-/ready"))
        yield Prometheus(url)


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from error
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=2).status_code == 200
    time.sleep(0.05)
    return False
