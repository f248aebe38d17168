import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


def start(registry: Path, *options: str, **variables: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-u", "-m", "spotter", "demo", "--registry", str(registry), *options]
    environment = {**os.environ, "SPOTTER_THREADS": "1", **variables}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_serves_the_playground_and_opens_a_browser_at_a_sample(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a-key-of-the-tests-0001")
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    settings = {"SPOTTER_API_KEYS_FILE": str(tmp_path / "keys"), "SPOTTER_PLAYGROUND": "false"}
    with start(registry, "--sample", "form", BROWSER=f"{browser} %s", **settings) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"Spotter is at ((http://127\.0\.0\.1:\d+)/#sample=form\.pdf) until Ctrl-C\n", line)
            assert found is not None, line
            page, address = found.groups()
            assert "<title>" in httpx.get(address).text
            assert httpx.get(f"{address}/playground/samples/form.pdf").content.startswith(b"%PDF")
            assert httpx.get(f"{address}/v1/model").json()["name"] == "spotter", "nobody asks for a key"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert opened.read_text().strip() == page


def test_a_model_that_is_not_there_ends_it(registry: Path) -> None:
    with start(registry, "--no-browser", "--alias", "nothing") as process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert out == ""
    assert "nothing" in error
