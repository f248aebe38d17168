"""What lies in deploy/ must be true to the program."""

import json
import re
from pathlib import Path

from fastapi.routing import APIRoute

from spotter.service.metrics import Metrics
from spotter.service.routes import router
from spotter.service.settings import Settings

ROOT = Path(__file__).parents[2]
NAMES_BY_PROMETHEUS = re.compile(r"\b(?:spotter|process)_[a-z_]+\b")


def exposed() -> dict[str, set[str]]:
    """Series name -> labels of every metric that the service can show."""
    registry = Metrics().registry
    found: dict[str, set[str]] = {metric.name: set() for metric in registry.collect()}
    for collector, names in registry._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        for name in names:
            found[name] = labels
    return found


def expressions() -> list[str]:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/spotter.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    known = exposed()
    asked = {name for expression in expressions() for name in NAMES_BY_PROMETHEUS.findall(expression)}
    assert asked <= set(known)


def test_the_dashboard_shows_every_metric_of_ours() -> None:
    text = " ".join(expressions())
    families = {metric.name for metric in Metrics().registry.collect() if metric.name.startswith("spotter_")}
    assert {family for family in families if family not in text} == set()


def test_the_dashboard_groups_by_labels_that_exist() -> None:
    known = exposed()
    for expression in expressions():
        (labels,) = re.findall(r"by \(([^)]*)\)", expression) or [""]
        grouped = {label.strip() for label in labels.split(",")} - {"", "le", "instance"}
        if "spotter_model_info" in expression:
            assert grouped == {"name", "version", "digest"}
            continue
        for name in NAMES_BY_PROMETHEUS.findall(expression):
            assert grouped <= known[name], expression


def test_settings_in_images_and_compose_exist() -> None:
    known = {f"SPOTTER_{name.upper()}" for name in Settings.model_fields}
    for file in ("Dockerfile", "docker-compose.yml"):
        assert set(re.findall(r"SPOTTER_[A-Z_]+", (ROOT / file).read_text())) <= known, file


def test_the_balancer_and_the_image_check_a_path_that_exists() -> None:
    paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
    for file in ("deploy/haproxy/haproxy.cfg", "Dockerfile"):
        (asked,) = set(re.findall(r"/health/\w+", (ROOT / file).read_text()))
        assert asked in paths
    (scraped,) = re.findall(r"metrics_path: (\S+)", (ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert scraped in paths


def test_compose_mounts_files_that_exist() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    mounts = re.findall(r"(\./deploy[^:]*):", compose)
    assert len(mounts) == 4
    assert all((ROOT / mount).exists() for mount in mounts)


def test_the_image_holds_no_torch_and_runs_as_nobody() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^RUN pip install \. ", dockerfile, re.MULTILINE)  # no extras: torch comes with those only
    assert "\nUSER 10001\n" in dockerfile
    assert "\nHEALTHCHECK " in dockerfile
