"""What lies in deploy/ must be true to the program."""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from spotter.service.routes import router
from spotter.service.settings import Settings

ROOT = Path(__file__).parents[2]


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
    assert len(mounts) == 5
    assert all((ROOT / mount).exists() for mount in mounts)


def test_the_image_holds_no_torch_and_runs_as_nobody() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^RUN pip install \. ", dockerfile, re.MULTILINE)  # no extras: torch comes with those only
    assert "\nUSER 10001\n" in dockerfile
    assert "\nHEALTHCHECK " in dockerfile
