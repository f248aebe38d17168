"""Draws the Grafana dashboard's panels from the results of its own expressions, without Grafana:

    python -m docs.images.dashboard OUT.png

Two real replicas of the shipped model run behind the real balancer, scraped by the real Prometheus (haproxy and
prometheus must be installed), for some minutes of load: at their capacity, above it with deadlines, with a replica that
is stopped and started again, and with a change of the model.
"""

import contextlib
import json
import math
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks import pictures
from spotter.registry.folder import FolderStore
from tests.topology.cluster import Balancer, Prometheus, Replica, prometheus

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/grafana/dashboards/spotter.json"
EMBEDDED = ROOT / "spotter/registry/embedded"
BACKGROUND, PANEL, INK = "#111217", "#181b1f", "#ccccdc"
COLOURS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}
LINES = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#5794f2")
INTERVAL = "10s"  # over which rates are computed: ten scrapes


class Clients:
    """Poisson arrivals that do not wait for answers; `rate` (per second) and `deadline` (s) may be changed
    meanwhile."""

    def __init__(self, url: str, seed: int = 0) -> None:
        self.rate, self.deadline = 1.0, 20.0
        self._url = url
        self._rng = np.random.default_rng(seed)
        self._bodies = [pictures.jpeg(pictures.draw(1280, 720, 20, number), quality=85) for number in range(7)]
        self._bodies.append(pictures.jpeg(pictures.draw(2560, 1440, 200, 8), quality=85))
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sends while the context lasts."""
        sender = threading.Thread(target=self._send)
        sender.start()
        try:
            yield
        finally:
            self._over.set()
            sender.join()

    def _send(self) -> None:
        threads = []
        while not self._over.wait(float(self._rng.exponential(1 / self.rate))):
            body = self._bodies[len(threads) % len(self._bodies)]
            threads.append(threading.Thread(target=self._ask, args=(body, self.deadline)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _ask(self, body: bytes, deadline: float) -> None:
        headers = {"content-type": "image/jpeg", "x-request-timeout-ms": str(round(1000 * deadline))}
        with contextlib.suppress(httpx.HTTPError):  # the service's own metrics count the statuses
            httpx.post(f"{self._url}/spot", content=body, headers=headers, timeout=deadline + 5)


def record(out: Path) -> None:
    """Runs the processes and the load, then draws."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        registry = folder / "registry"
        shutil.copytree(EMBEDDED, registry)
        replicas = [Replica(registry), Replica(registry)]
        for replica in replicas:
            stack.callback(replica.close)
            replica.start()
        balancer, ports = Balancer(), [replica.port for replica in replicas]
        stack.enter_context(balancer.running(ports, folder))
        watched = stack.enter_context(prometheus(ports, balancer.metrics, folder))
        clients = Clients(balancer.url)
        began = time.time()
        with clients.running():
            time.sleep(40)
            clients.rate, clients.deadline = 25.0, 3.0
            time.sleep(45)
            clients.rate, clients.deadline = 1.5, 20.0
            time.sleep(30)
            replicas[1].stop()
            time.sleep(10)
            replicas[1].start()
            time.sleep(15)
            store = FolderStore(registry)
            version = store.publish(next((registry / "spotter/versions").iterdir())).version
            store.set_alias("spotter", "live", version)
            time.sleep(30)
        draw(watched, began, time.time(), out)
        for replica in replicas:
            replica.send(signal.SIGTERM)


def ranged(watched: Prometheus, expression: str, began: float, ended: float) -> list[dict[str, Any]]:
    """The series of an expression, one value per second."""
    words = {"query": expression, "start": began, "end": ended, "step": 1}
    answer = httpx.get(f"{watched._url}/api/v1/query_range", params=words, timeout=60).json()
    assert answer["status"] == "success", answer
    series: list[dict[str, Any]] = answer["data"]["result"]
    return series


def shown(value: float, unit: str) -> str:
    """A value in a panel's unit, as Grafana writes it."""
    if math.isnan(value):
        return "-"
    if unit == "percentunit":
        return f"{100 * value:.3g}%"
    if unit == "s":
        return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    prefixes = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
    scale, prefix = next(((size, name) for size, name in prefixes if abs(value) >= size), (1, ""))
    return f"{value / scale:.3g}{f' {prefix}B' if unit == 'bytes' else prefix}" + (" req/s" if unit == "reqps" else "")


def legend(template: str, labels: Mapping[str, str]) -> str:
    """A series' name by its labels."""
    for key in ("instance", "code", "reason", "stage", "outcome", "name", "version", "kind"):
        template = template.replace(f"{{{{{key}}}}}", labels.get(key, ""))
    return template.strip() or "all"


def draw(watched: Prometheus, began: float, ended: float, out: Path) -> None:
    """Draws every panel at its place in the dashboard."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    mpl.rcParams.update({"text.color": INK, "axes.labelcolor": INK, "font.size": 7, "axes.titlesize": 8})
    mpl.rcParams.update({"xtick.color": INK, "ytick.color": INK, "axes.edgecolor": "#2c3235"})
    figure = plt.figure(figsize=(17, height * 0.27), facecolor=BACKGROUND, dpi=80)
    for panel in panels:
        at = panel["gridPos"]
        # Margins for the values to the left, the title above and the times below, in the grid's units.
        left, right, above, below = (0.9, 0.1, 0.9, 0.9 if panel["type"] == "timeseries" else 0.2)
        if panel["type"] == "row":
            left, right, above, below = (0.1, 0.0, 0.0, 0.0)
        bottom = (height - at["y"] - at["h"] + below) / height
        size = ((at["w"] - left - right) / 24, (at["h"] - above - below) / height)
        axes = figure.add_axes(((at["x"] + left) / 24, bottom, *size), facecolor=PANEL)
        if panel["type"] == "row":
            axes.axis("off")
            axes.text(0, 0.5, panel["title"], fontsize=10, fontweight="bold", va="center", transform=axes.transAxes)
            continue
        axes.set_title(panel["title"], loc="left", fontweight="bold", color=INK)
        {"timeseries": graph, "stat": number, "table": table}[panel["type"]](axes, panel, watched, began, ended)
    figure.savefig(out, facecolor=BACKGROUND)


def graph(axes: Axes, panel: dict[str, Any], watched: Prometheus, began: float, ended: float) -> None:
    """Lines over time."""
    defaults = panel["fieldConfig"]["defaults"]
    count = 0
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", INTERVAL)
        for series in ranged(watched, expression, began, ended):
            times, values = np.array(series["values"], float).T
            name = legend(target["legendFormat"], series["metric"])
            axes.plot(times - began, values, color=LINES[count % len(LINES)], linewidth=1.1, label=name)
            count += 1
    axes.set_xlim(0, ended - began)
    axes.set_ylim(bottom=0, top=defaults.get("max"))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} s")
    axes.yaxis.set_major_formatter(lambda value, _: shown(value, defaults["unit"]))
    axes.grid(color="#2c3235", linewidth=0.5)
    if count:
        axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=6, labelcolor=INK)
    else:
        axes.text(0.5, 0.5, "No data", ha="center", va="center", transform=axes.transAxes)


def number(axes: Axes, panel: dict[str, Any], watched: Prometheus, began: float, ended: float) -> None:
    """The current value as a number, in the colour of its threshold."""
    defaults = panel["fieldConfig"]["defaults"]
    answer = watched.ask(panel["targets"][0]["expr"])
    value = float(answer[0]["value"][1]) if answer else math.nan
    steps = defaults["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.45, shown(value, defaults["unit"]), color=COLOURS[reached[-1]], fontsize=20, ha="center", va="center",
        transform=axes.transAxes,
    )  # fmt: skip


def table(axes: Axes, panel: dict[str, Any], watched: Prometheus, began: float, ended: float) -> None:
    """The labels and the current value of each series."""
    lines = []
    for series in watched.ask(panel["targets"][0]["expr"]):
        labels = series["metric"]
        words = (labels.get("name", ""), labels.get("version", ""), labels.get("digest", "")[:12], series["value"][1])
        lines.append("   ".join(words))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.03, 0.93, "\n".join(lines), va="top", family="monospace", fontsize=7, transform=axes.transAxes)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
