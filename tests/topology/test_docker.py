"""The image, built and run by Docker's engine: minutes of work, so only when asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("docker.sh")
_NO_ENGINE = 77


@pytest.mark.skipif(
    os.environ.get("SPOTTER_DOCKER") != "1", reason="IMAGE NOT CHECKED: SPOTTER_DOCKER=1 builds and runs it"
)
@pytest.mark.timeout(1800)
def test_the_image_builds_runs_as_nobody_answers_and_drains() -> None:
    done = subprocess.run(
        [SCRIPT], env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )
    if done.returncode == _NO_ENGINE:
        pytest.skip(f"IMAGE NOT CHECKED: {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
