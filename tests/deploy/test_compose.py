"""What lies in deploy/ must be true to the program."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute

from spotter.service import memory
from spotter.service.http.routes import router
from spotter.service.settings import Settings
from tests.deploy.compose import check, composed
from tests.deploy.memory import MODELS, bytes_of

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


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_compose_follows_its_specification() -> None:
    check(composed())
    assert set(yaml.safe_load(composed())["services"]) == {"spotter", "balancer", "prometheus", "grafana", "mlflow"}


def test_logs_of_every_service_are_bounded() -> None:
    for service in yaml.safe_load(composed())["services"].values():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("restart:", "restrat:", "restrat"),
        ("cpus: ", "cpu: ", "cpu"),
        ("depends_on: [spotter]", "depends_on: [spoter]", "spoter, which is no service"),
        ("./deploy/haproxy/haproxy.cfg", "./deploy/haproxy.cfg", "which is not there"),
        ('volumes: ["mlflow:', 'volumes: ["data:', "data, which is no volume"),
    ],
)
def test_mistakes_in_compose_are_seen(right: str, wrong: str, message: str) -> None:
    assert right in composed()
    with pytest.raises(ValueError, match=message):
        check(composed().replace(right, wrong))


def test_the_example_shows_every_variable_with_its_default() -> None:
    message = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))
    assert example() == message


def test_every_image_of_others_may_be_pinned_by_its_digest() -> None:
    names = [name for name in example() if name.endswith("_IMAGE")]
    pinned = {name: f"{example()[name]}@sha256:{number:064x}" for number, name in enumerate(names)}
    services = yaml.safe_load(composed(**pinned))["services"]
    own = services.pop("spotter")["build"]["args"]["BASE"]
    assert sorted([own, *(service["image"] for service in services.values())]) == sorted(pinned.values())
    dockerfile = (ROOT / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE))
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", dockerfile, re.MULTILINE))
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - stages
    assert {base.strip("${}") for base in bases} <= arguments.keys()
    assert arguments["BASE"] == example()["PYTHON_IMAGE"]


@pytest.fixture
def spotter() -> dict[str, Any]:
    """The service of the replicas."""
    service: dict[str, Any] = yaml.safe_load(composed())["services"]["spotter"]
    return service


@pytest.fixture
def settings(spotter: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A replica's own reading of what Compose tells it."""
    for name, value in spotter["environment"].items():
        monkeypatch.setenv(name, "" if value is None else str(value))
    return Settings()


def test_a_replica_starts_with_what_compose_tells_it(settings: Settings) -> None:
    assert (settings.registry, settings.threads, settings.grace) == (None, 2, 5.0)


def test_a_replica_s_memory_holds_what_its_settings_allow(spotter: dict[str, Any], settings: Settings) -> None:
    limit = bytes_of(spotter["deploy"]["resources"]["limits"]["memory"])
    assert sum(memory.bound(settings).values()) + MODELS <= limit


def test_the_balancer_s_times_and_limits_fit_the_replicas(settings: Settings) -> None:
    config = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    (every, fast, times) = re.findall(r"check inter (\d+)ms fastinter (\d+)ms fall (\d+)", config)[0]
    # It no longer sends requests when the replica stops taking them.
    assert (int(every) + (int(times) - 1) * int(fast)) / 1000 < min(settings.grace, Settings().grace)
    (connections,) = re.findall(r"server check .* maxconn (\d+)", config)
    assert settings.queue_pictures < int(connections) < settings.max_connections
    (wait,) = re.findall(r"timeout server (\d+)s", config)
    assert settings.timeout < int(wait)


def test_a_replica_has_time_to_drain(spotter: dict[str, Any], settings: Settings) -> None:
    assert int(spotter["stop_grace_period"].removesuffix("s")) >= settings.grace + settings.drain_timeout


def test_the_image_holds_no_torch_and_runs_as_nobody() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.count("RUN pip install --no-deps --no-build-isolation . ") == 2  # all else comes from the locks
    assert dockerfile.count("pip install") == dockerfile.count("--require-hashes") + 2
    assert dockerfile.count("\nUSER 10001\n") == 2
    assert dockerfile.count("\nHEALTHCHECK ") == 2


def test_locks_hold_what_the_package_needs_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    for device, runtime in (("cpu", "onnxruntime"), ("cuda", "onnxruntime-gpu")):
        for version in ("3.11", "3.12"):
            text = (ROOT / f"deploy/locks/{device}-{version}.txt").read_text()
            pinned = set(re.findall(r"^([\w-]+)==\S+ (?:; .+ )?\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE))
            assert pinned == set(re.findall(r"^[a-z][\w-]*", text, re.MULTILINE))
            assert needed - {"onnxruntime"} | {runtime} <= pinned
            assert not {"torch", "onnx"} & pinned
            assert "://" not in text
            assert {"onnxruntime", "onnxruntime-gpu"} & pinned == {runtime}
            # On ARM there is no wheel of it, so that an image would have to compile it.
            assert re.search(r"^cykooz-resizer==\S+ ; platform_machine == 'x86_64' ", text, re.MULTILINE)
