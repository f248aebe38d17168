"""The images, and docker-compose.yml around it, built and run by Docker's engine: minutes of work, so only when asked
for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_NO_ENGINE = 77


@pytest.mark.skipif(
    os.environ.get("SPOTTER_DOCKER") != "1", reason="IMAGE AND COMPOSE NOT RUN: SPOTTER_DOCKER=1 builds and runs them"
)
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "script",
    ["docker.sh cpu", "compose.sh", "docker.sh cuda"],  # in this order: the second runs the first's image
)
def test_what_docker_runs_is_found_answers_and_drains(script: str) -> None:
    name, *words = script.split()
    done = subprocess.run(
        [Path(__file__).with_name(name), *words],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == _NO_ENGINE:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
