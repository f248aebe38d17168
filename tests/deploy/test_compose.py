"""What lies in deploy/ must be true to the program."""

import re
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose
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


def composed(**environment: str) -> str:
    """docker-compose.yml with its variables filled in."""
    text = (ROOT / "docker-compose.yml").read_text()
    return re.sub(r"\$\{([A-Z_]+):-([^}]*)\}", lambda match: environment.get(match[1], match[2]), text)


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_compose_follows_its_specification() -> None:
    file = PyCompose.from_yaml(composed())
    file.validate()
    assert set(file.service_names()) == {"spotter", "balancer", "prometheus", "grafana", "mlflow"}
    with pytest.raises(ValueError, match="restrat"):
        PyCompose.from_yaml(composed().replace("restart:", "restrat:"))


def test_the_example_shows_every_variable_with_its_default() -> None:
    told = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))
    assert example() == told


def test_a_replica_starts_with_what_compose_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = yaml.safe_load(composed())["services"]["spotter"]["environment"]
    for name, value in told.items():
        monkeypatch.setenv(name, "" if value is None else str(value))
    settings = Settings()
    assert (settings.registry, settings.threads, settings.grace) == (None, 2, 5.0)


def test_a_replica_has_time_to_drain() -> None:
    spotter = yaml.safe_load(composed())["services"]["spotter"]
    settings = Settings(grace=float(spotter["environment"]["SPOTTER_GRACE"]))
    assert int(spotter["stop_grace_period"].removesuffix("s")) >= settings.grace + settings.drain_timeout


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
