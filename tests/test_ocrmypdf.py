"""The real `ocrmypdf`, with our plugin, on scanned PDFs drawn here. It needs no other program."""

import io
import math
import os
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import pypdfium2
import pytest
from ocrmypdf import ExitCode
from PIL import Image, ImageDraw, ImageFont

from spotter import ocrmypdf
from spotter.reading.words import arrange
from tests.formats.pages import SIZE, written
from tests.lengths import half_a_minute_long
from tests.reading.tiny import picture
from tests.service.serving import serving

LINES = ["Invoice number 4711", "Fresh coffee and bread", "Open daily until 18:30", "Platform seven EXIT"]


def scan(degrees: float) -> bytes:
    """A PDF of one picture: LINES on a page of A5 at 150 dots an inch, turned clockwise so far."""
    page = Image.new("RGB", (874, 1240), "white")
    canvas = ImageDraw.Draw(page)
    for row, line in enumerate(LINES):
        canvas.text((120, 200 + 120 * row), line, (20, 20, 30), font=ImageFont.load_default(size=36))
    buffer = io.BytesIO()
    turned = page.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    turned.save(buffer, "PDF", resolution=150.0)
    return buffer.getvalue()


def run(folder: Path, source: bytes, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs it on a PDF in a folder, to `out.pdf` and `out.txt` there."""
    (folder / "in.pdf").write_bytes(source)
    plugin = ["--plugin", "spotter.ocrmypdf", "--output-type", "pdf", "--optimize", "0", "--sidecar", "out.txt"]
    command = [sys.executable, "-m", "ocrmypdf", *plugin, *options, "in.pdf", "out.pdf"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_scanned_page_becomes_searchable_and_upright(tmp_path: Path) -> None:
    done = run(tmp_path, scan(93), "--rotate-pages", "--deskew")
    assert done.returncode == 0, done.stderr
    (page,) = pypdfium2.PdfDocument(tmp_path / "out.pdf")
    assert page.get_height() > page.get_width(), "it was turned back"
    text = page.get_textpage()
    for found in (text.get_text_range(), (tmp_path / "out.txt").read_text()):
        lines = [line.strip() for line in found.splitlines() if line.strip()]
        assert SequenceMatcher(None, " ".join(lines), " ".join(LINES), autojunk=False).ratio() > 0.9, found
        assert len(lines) == len(LINES)
    boxes = [text.get_rect(index) for index in range(text.count_rects())]
    tops = sorted({round(top / 15) for _, _, _, top in boxes}, reverse=True)
    assert len(tops) == len(LINES), "each line at its own height, so the text is straight"
    assert all(right - left > 0 < top - bottom < 20 for left, bottom, right, top in boxes)


@half_a_minute_long
def test_pages_are_read_by_a_service_where_one_is_named(tmp_path: Path, registry: Path) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture((12, 200, 0), (300, 200)))).save(buffer, "PDF", resolution=100.0)
    key = "the-first-key-0001"
    (tmp_path / "keys").write_text(key)
    with serving(registry=registry, threads=1, api_keys_file=tmp_path / "keys") as server:
        server.ready()
        refused = run(tmp_path, buffer.getvalue(), SPOTTER_URL=server.url)
        assert refused.returncode == ExitCode.child_process_error, refused.stderr
        assert "no valid API key" in refused.stderr
        done = run(tmp_path, buffer.getvalue(), SPOTTER_URL=server.url, SPOTTER_API_KEY=key)
        assert done.returncode == 0, done.stderr
        url = server.url
    (page,) = pypdfium2.PdfDocument(tmp_path / "out.pdf")
    assert page.get_textpage().get_text_range().split() == ["012", "200"]
    gone = run(tmp_path, buffer.getvalue(), SPOTTER_URL=url)
    assert gone.returncode == ExitCode.child_process_error, gone.stderr
    assert "cannot be reached" in gone.stderr


@pytest.mark.parametrize(
    ("options", "variables", "code", "message"),
    [
        (["--pdf-renderer", "sandwich"], {}, ExitCode.bad_args, "fpdf2"),
        ([], {"SPOTTER_ALIAS": "nothing"}, ExitCode.missing_dependency, "model cannot be opened"),
    ],
)
def test_what_cannot_be_is_said_before_the_first_page(
    tmp_path: Path, options: list[str], variables: dict[str, str], code: ExitCode, message: str
) -> None:
    done = run(tmp_path, scan(0), *options, **variables)
    assert done.returncode == code, done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("degrees", [0, 3, -7, 90, 93, 180, -90, -88])
def test_the_direction_of_most_text_is_found(degrees: float) -> None:
    words = written(["much text that reads along", "and more of it"], degrees, (300, 250))
    page = arrange(SIZE, [*words, *written(["across"], degrees + 90, (300, 250))])
    turn, share = ocrmypdf.direction(page)
    assert math.remainder(turn - degrees, 360) == pytest.approx(0, abs=0.5)
    assert 0.7 < share < 1
    assert ocrmypdf.direction(arrange(SIZE, words[:1]))[1] == pytest.approx(0.2)
    assert ocrmypdf.direction(arrange(SIZE, [])) == (0, 0)
