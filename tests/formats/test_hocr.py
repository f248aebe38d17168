"""hOCR, held against hocr-spec, the checker by an editor of its specification, and read by OCRmyPDF's parser."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from ocrmypdf.hocrtransform.hocr_parser import HocrParser
from ocrmypdf.models.ocr_element import OcrElement

from spotter.formats.hocr import write_hocr
from spotter.reading.words import Page, arrange
from tests.formats.pages import EMPTY, SIZE, page, spelt, typeset, written
from tests.reading.layout import drawn


def checked(*files: Path) -> "subprocess.CompletedProcess[str]":
    """What the checker says of files."""
    return subprocess.run([sys.executable, "-m", "hocr_spec.cli", *files], capture_output=True, text=True)


def parsed(tmp_path: Path, pages: Sequence[Page]) -> OcrElement:
    """The first page, as the parser reads it."""
    (tmp_path / "page.hocr").write_bytes(write_hocr(pages))
    return HocrParser(tmp_path / "page.hocr").parse()


def test_the_checker_finds_nothing_wrong(tmp_path: Path) -> None:
    files = []
    for number, pages in enumerate(
        ([page()], [EMPTY], [page(), EMPTY, spelt()], [arrange(SIZE, written(["<a & b> \" ' ]]> -- e\u0301"]))],
         [typeset(drawn.page(3, 1)), typeset(drawn.table(5, 4, 2)), typeset(drawn.page(2, 4), 100)])
    ):  # fmt: skip
        files.append(tmp_path / f"{number}.hocr")
        files[-1].write_bytes(write_hocr(pages))
        ids = [element.get("id") for element in ET.parse(files[-1]).iter() if element.get("id")]
        assert len(ids) == len(set(ids))
    done = checked(*files)
    said = [line for line in done.stdout.splitlines() if "[OK]" not in line and "Unknown ocr-system" not in line]
    assert (done.returncode, said) == (0, []), done.stderr


@pytest.mark.parametrize(
    ("part", "wrong"),
    [("bbox 50 50 110 70", "bbox 50 50 110 seventy"), ("x_wconf 88", "x_wconf 880"),
     ("ocr_carea ocr_par ocr_line", ""), ('class="ocr_page"', 'class="page"'), ('"ocr_line"', '"ocr_line" lang=""')],
)  # fmt: skip
def test_the_checker_says_what_is_wrong(tmp_path: Path, part: str, wrong: str) -> None:
    document = write_hocr([page()]).decode()
    assert part in document
    (tmp_path / "wrong.hocr").write_text(document.replace(part, wrong))
    done = checked(tmp_path / "wrong.hocr")
    assert (done.returncode, "[ERROR]" in done.stdout) == (1, True)


def test_words_are_read_in_their_places_and_lines_with_their_angles(tmp_path: Path) -> None:
    found = parsed(tmp_path, [page(), EMPTY])
    assert found.bbox is not None
    assert (found.bbox.right, found.bbox.bottom, found.page_number) == (*SIZE, 0)
    assert [word.text for word in found.words] == [word.text for word in page().words]
    first = found.words[0]
    assert first.bbox is not None
    assert (first.bbox.left, first.bbox.top, first.bbox.right, first.bbox.bottom) == (50, 50, 110, 70)
    assert first.confidence == 0.88
    assert [line.textangle for line in found.lines] == [None] * 6 + [270, 180, 90]
    assert len(found.paragraphs) == len(page().blocks)


def test_characters_do_not_change_the_text(tmp_path: Path) -> None:
    assert [word.text for word in parsed(tmp_path, [spelt()]).words] == [word.text for word in page().words]
    characters = [each for each in ET.fromstring(write_hocr([spelt()])).iter() if each.get("class") == "ocrx_cinfo"]
    assert [each.get("title") for each in characters[:7]] == ["x_confs 50"] * 6 + [
        "x_bboxes 140 50 150 70; x_confs 93.75"
    ]
