"""The manifests are valid, and agree with the service that they run."""

import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute

from spotter.service import memory
from spotter.service.http.routes import router
from spotter.service.settings import Settings
from tests.deploy.crds import SCHEMAS
from tests.deploy.memory import MODELS, bytes_of
from tests.deploy.objects import check
from tests.deploy.promql import DEPLOY, TARGET, Page, parse, rules
from tests.deploy.test_metrics import known
from tests.programs import find, needs

ROOT = DEPLOY / "kubernetes"
KUBECTL = find("kubectl")
pytestmark = needs("kubectl", "MANIFESTS", "https://kubernetes.io/docs/tasks/tools/")
OVERLAYS = ("cpu", "gpu", "keda")
Objects = dict[str, dict[str, Any]]
_rendered: dict[str, Objects] = {}


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> Objects:
    """What an overlay makes, by kind."""
    assert KUBECTL is not None
    overlay: str = request.param
    if overlay not in _rendered:
        command = [KUBECTL, "kustomize", str(ROOT / "overlays" / overlay)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        _rendered[overlay] = {each["kind"]: each for each in yaml.safe_load_all(text)}
    return copy.deepcopy(_rendered[overlay])


def pod(objects: Objects) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(objects: Objects) -> dict[str, Any]:
    (only,) = pod(objects)["containers"]
    assert isinstance(only, dict)
    return only


@pytest.fixture
def settings(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The service's own reading of the overlay's settings."""
    names = {f"SPOTTER_{name.upper()}" for name in Settings.model_fields}
    data = objects["ConfigMap"]["data"]
    assert set(data) <= names
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.yaml")), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_listed_and_parsed(path: Path) -> None:
    assert all(isinstance(each, dict) for each in yaml.safe_load_all(path.read_text()))
    if path.name != "kustomization.yaml":
        listed = yaml.safe_load((path.parent / "kustomization.yaml").read_text())
        assert path.name in [*listed.get("resources", []), *(each.get("path") for each in listed.get("patches", []))]


def test_objects_follow_their_schemas(objects: Objects) -> None:
    assert set(objects) & set(SCHEMAS) >= {"ServiceMonitor", "PrometheusRule"}
    for each in objects.values():
        check(each)


def test_mistakes_in_objects_are_seen(objects: Objects) -> None:
    container(objects)["livenessprobe"] = container(objects).pop("livenessProbe")
    with pytest.raises(ValueError, match="livenessprobe"):
        check(objects["Deployment"])
    with pytest.raises(ValueError, match="no schema of apps/v1 Deploymnt"):
        check(objects["Deployment"] | {"kind": "Deploymnt"})
    for kind in set(objects) & set(SCHEMAS):
        first = next(iter(objects[kind]["spec"]))
        objects[kind]["spec"][first + "s"] = objects[kind]["spec"].pop(first)
        with pytest.raises(ValueError, match=first):
            check(objects[kind])


def test_keda_s_behaviour_is_one_of_the_autoscaler_s(objects: Objects) -> None:
    if "ScaledObject" not in objects:
        return
    scaled = objects["ScaledObject"]["spec"]
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": objects["ScaledObject"]["metadata"],
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", **scaled["scaleTargetRef"]},
            "maxReplicas": scaled["maxReplicaCount"],
            **scaled["advanced"]["horizontalPodAutoscalerConfig"],
        },
    }
    check(autoscaler)


def test_probes_ask_paths_and_a_port_that_exist(objects: Objects, settings: Settings) -> None:
    paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
    spec = container(objects)
    (port,) = spec["ports"]
    assert port["containerPort"] == settings.port
    for probe, path in (("startup", "ready"), ("readiness", "ready"), ("liveness", "live")):
        ask = spec[f"{probe}Probe"]["httpGet"]
        assert ask["path"] == f"/health/{path}"
        assert ask["path"] in paths
        assert ask["port"] == port["name"]


def test_a_stopping_pod_is_given_the_time_its_drain_takes(objects: Objects, settings: Settings) -> None:
    stop = container(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = stop + settings.grace + settings.drain_timeout
    assert needed + 5 <= pod(objects)["terminationGracePeriodSeconds"]
    assert settings.timeout <= settings.drain_timeout
    ready = container(objects)["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] < stop + settings.grace


def test_liveness_waits_until_the_service_mends_itself(objects: Objects) -> None:
    """One probe that is late behind a busy event loop must not end the process."""
    probe = container(objects)["livenessProbe"]
    assert probe["failureThreshold"] >= 3
    assert probe["periodSeconds"] >= probe["timeoutSeconds"] >= 5


def test_the_memory_limit_holds_what_the_settings_allow(objects: Objects, settings: Settings) -> None:
    resources = container(objects)["resources"]
    assert sum(memory.bound(settings).values()) + MODELS <= bytes_of(resources["limits"]["memory"])
    assert bytes_of(resources["requests"]["memory"]) <= bytes_of(resources["limits"]["memory"])
    assert settings.threads <= int(resources["requests"]["cpu"])


def test_the_cache_is_a_volume_that_the_service_writes_to(objects: Objects, settings: Settings) -> None:
    mounts = {mount["mountPath"]: mount["name"] for mount in container(objects)["volumeMounts"]}
    assert mounts[str(settings.cache)] in {volume["name"] for volume in pod(objects)["volumes"]}
    assert container(objects)["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_user_is_the_image_s_and_nobody_else(objects: Objects) -> None:
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
    assert f"\nUSER {pod(objects)['securityContext']['runAsUser']}\n" in dockerfile
    assert pod(objects)["securityContext"]["runAsNonRoot"] is True
    assert container(objects)["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_names_and_labels_meet(objects: Objects) -> None:
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in pod(objects)["topologySpreadConstraints"]),
    ):
        assert selector
        assert selector.items() <= labels
    (port,) = objects["Service"]["spec"]["ports"]
    (endpoint,) = objects["ServiceMonitor"]["spec"]["endpoints"]
    assert port["targetPort"] == container(objects)["ports"][0]["name"]
    assert endpoint["port"] == port["name"]
    monitored = objects["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= objects["Service"]["metadata"]["labels"].items()
    (config,) = (each["configMapRef"]["name"] for each in container(objects)["envFrom"] if "configMapRef" in each)
    assert config == objects["ConfigMap"]["metadata"]["name"]
    assert pod(objects)["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]
    # Alerts and recording rules call the job by the service's name.
    assert objects["Service"]["metadata"]["name"] == "spotter"
    everywhere = {each["metadata"].get("namespace") for kind, each in objects.items() if kind != "Namespace"}
    assert everywhere == {objects["Namespace"]["metadata"]["name"]}


def test_variables_of_kubernetes_are_not_taken_for_settings(objects: Objects) -> None:
    """Service links would set SPOTTER_PORT to a URL."""
    assert pod(objects)["enableServiceLinks"] is False


def test_a_rollout_and_an_eviction_leave_replicas(objects: Objects) -> None:
    update = objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]
    replicas = objects["Deployment"]["spec"].get("replicas", 2)
    assert replicas - update["maxUnavailable"] >= 1
    assert update["maxUnavailable"] + update["maxSurge"] >= 1
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] < replicas


def test_the_rules_are_those_that_are_tested(objects: Objects) -> None:
    tested = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]
    assert [rule for group in tested for rule in group["rules"]] == rules()
    assert _on_one_line(objects["PrometheusRule"]["spec"]["groups"]) == _on_one_line(tested)


def _on_one_line(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups, their expressions without line breaks: kubectl writes folded ones with others."""
    each = copy.deepcopy(groups)
    for rule in (rule for group in each for rule in group["rules"]):
        rule["expr"] = " ".join(rule["expr"].split())
    return each


def test_the_service_is_scaled_by_what_it_measures(objects: Objects, page: Page) -> None:
    if "ScaledObject" not in objects:
        assert objects["Deployment"]["spec"]["replicas"] >= 2
        return
    assert "replicas" not in objects["Deployment"]["spec"]  # an apply would undo the scaling
    spec = objects["ScaledObject"]["spec"]
    assert spec["scaleTargetRef"]["name"] == objects["Deployment"]["metadata"]["name"]
    assert 2 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
    assert len({trigger["name"] for trigger in spec["triggers"]}) == 2
    for trigger in spec["triggers"]:
        assert float(trigger["metadata"]["threshold"]) > 0
        (selector,) = parse(trigger["metadata"]["query"]).selectors
        (matcher,) = selector.matchers
        labels = known(page)[selector.name]
        assert labels >= TARGET
        assert matcher == ("namespace", "MatchOp.Equal", objects["Namespace"]["metadata"]["name"])


def test_the_queue_scales_before_it_refuses(objects: Objects, settings: Settings) -> None:
    thresholds = [
        float(trigger["metadata"]["threshold"])
        for trigger in objects.get("ScaledObject", {"spec": {"triggers": []}})["spec"]["triggers"]
        if trigger["name"] == "queue-cost"
    ]
    assert all(threshold <= settings.queue_pixels / 2 for threshold in thresholds)
