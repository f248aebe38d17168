"""The commands of docs/curl.md, run against a real service."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.programs import find, needs
from tests.reading.documents import HELLO, pdf, tiff
from tests.reading.tiny import picture
from tests.service.serving import serving

PAGE = Path(__file__).parents[2] / "docs/curl.md"
LINES = [line for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(), re.M | re.S) for line in block.splitlines()]

pytestmark = needs("curl", "docs/curl.md", "apt-get install curl")


@pytest.fixture(scope="module")
def address(registry: Path) -> Iterator[str]:
    with serving(registry=registry, threads=1) as server:
        server.ready()
        yield f"localhost:{server.port}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the page names, and curl's settings, which have it write the status last."""
    (tmp_path / "picture.jpg").write_bytes(picture((20, 40, 0), (600, 400), "JPEG"))
    (tmp_path / "scan.png").write_bytes(picture((20, 40, 0)))
    (tmp_path / "scan.tif").write_bytes(tiff([(1, 2, 0), (3, 0, 0)]))
    (tmp_path / "report.pdf").write_bytes(pdf([HELLO, HELLO]))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')
    return tmp_path


def run(line: str, address: str, folder: Path) -> tuple[str, int]:
    """What a command prints, and the status of the answer."""
    settings = {**os.environ, "CURL_HOME": str(folder), "KEY": "none-is-asked-for"}
    command = ["sh", "-c", line.replace("localhost:8000", address)]
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    printed, _, status = done.stdout.rpartition("\n")
    return printed, int(status)


@pytest.mark.parametrize("line", LINES)
def test_each_call_is_answered_as_the_page_says(line: str, address: str, folder: Path) -> None:
    if "--url-query" in line and not knows_queries():
        pytest.skip("--url-query NOT TESTED: this curl is older than 7.87")
    printed, status = run(line, address, folder)
    marked = re.search(r"# (\d{3})$", line)
    assert status == (int(marked[1]) if marked else 200), printed
    if marked:
        assert json.loads(printed)["remedy"]
    if written := re.search(r"-o (\S+)", line):
        assert (folder / written[1]).stat().st_size > 50


def test_the_answers_are_what_was_asked_for(address: str, folder: Path) -> None:
    text, _ = run(line_with("Accept: text/plain"), address, folder)
    assert re.fullmatch(r"0(19|20|21)\n0(39|40|41)\n", text)
    assert len(json.loads(run(line_with("-F first"), address, folder)[0])["results"]) == 2
    assert len(run(line_with("x-ndjson"), address, folder)[0].splitlines()) == 2
    assert json.loads(run(line_with("pages=1-2"), address, folder)[0])["page_count"] == 2
    run(line_with("v1/page"), address, folder)
    with Image.open(folder / "page.jpg") as page:
        assert page.format == "JPEG"
    assert "x-request-id: order-4711" in run(line_with("order-4711"), address, folder)[0].lower()


def line_with(part: str) -> str:
    lines: list[str] = [line for line in LINES if part in line]
    assert len(lines) == 1
    return lines[0]


def knows_queries() -> bool:
    said = subprocess.run([find("curl") or "curl", "--version"], capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2])) >= (7, 87)
