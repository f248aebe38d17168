import json
from pathlib import Path

import pypdfium2
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from spotter.cli.main import main
from spotter.reading.structure import directories
from tests.reading.documents import HELLO, pdf, tiff
from tests.reading.tiny import picture, words_of


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two good pictures, one broken, one no picture; in a folder and a folder below it."""
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    (folder / "a.png").write_bytes(picture((1, 2, 0), (200, 100)))
    (folder / "below" / "a.JPG").write_bytes(picture((0, 0, 0), form="JPEG"))
    (folder / "broken.png").write_bytes(picture((1, 2, 0))[:50])
    (folder / "notes.txt").write_text("no picture")
    return folder


def spot(registry: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["spot", "--registry", str(registry), "--threads", "1", *map(str, arguments)])


def test_json_lines(registry: Path, pictures: Path) -> None:
    result = spot(registry, pictures / "a.png", pictures / "below")
    assert result.exit_code == 0
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["file"] == str(pictures / "a.png")
    assert first["image"] == {"width": 200, "height": 100}
    assert [word["text"] for word in first["words"]] == words_of((1, 2, 0))
    assert second["file"] == str(pictures / "below" / "a.JPG")
    assert second["words"] == []


def test_text(registry: Path, pictures: Path) -> None:
    assert spot(registry, "--format", "text", pictures / "a.png").stdout == "001\n002\n"
    assert spot(registry, "--format", "text", "--min-score", "1", pictures / "a.png").stdout == "\n"
    both = spot(registry, "--format", "text", pictures / "a.png", pictures / "a.png").stdout
    assert both == f"{pictures / 'a.png'}:\n001\n002\n\n" * 2


def test_a_bad_file_is_reported_and_the_rest_is_read(registry: Path, pictures: Path) -> None:
    result = spot(registry, pictures, pictures / "notes.txt")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    broken, notes = map(json.loads, result.stderr.splitlines())
    assert (broken["file"], broken["status"]) == (str(pictures / "broken.png"), 422)
    assert (notes["file"], notes["status"]) == (str(pictures / "notes.txt"), 415)


def test_drawing(registry: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    spot(registry, "--draw", out, pictures)
    assert sorted(path.name for path in out.iterdir()) == ["a-2.png", "a.png"]
    with Image.open(out / "a.png") as drawn:
        assert drawn.size == (200, 100)
        assert len(drawn.getcolors(1000) or []) > 2
    with Image.open(out / "a-2.png") as untouched:
        assert len(untouched.getcolors(1000) or []) == 1


def test_an_empty_folder_is_no_error(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (spot(registry, tmp_path / "empty").exit_code, spot(registry, tmp_path / "empty").stdout) == (0, "")


@pytest.mark.parametrize(("option", "value"), [("--alias", "nothing"), ("--model", "nothing"), ("--registry", "/no")])
def test_what_is_not_there_is_a_sentence(registry: Path, pictures: Path, option: str, value: str) -> None:
    result = spot(registry, pictures, option, value)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_words_are_selected_by_what_is_expected(registry: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("001\n")
    for hints in (("--charset", "01"), ("--pattern", "\\d+1"), ("--lexicon", tmp_path / "words.txt")):
        assert spot(registry, "--format", "text", *hints, pictures / "a.png").stdout == "001\n"
    for hints in (("--pattern", "("), ("--lexicon", tmp_path / "nothing")):
        result = spot(registry, *hints, pictures / "a.png")
        assert (result.exit_code, hints[0] in result.stderr) == (2, True)


def test_documents_are_read_by_their_pages(registry: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    colours = [(1, 2, 0), (3, 0, 0), (0, 4, 0)]
    (folder / "scan.tif").write_bytes(tiff(colours))
    (folder / "text.pdf").write_bytes(pdf([HELLO, HELLO]))
    scan, text = map(json.loads, spot(registry, "--detail", "lines", folder).stdout.splitlines())
    assert (scan["file"], scan["page_count"], text["page_count"]) == (str(folder / "scan.tif"), 3, 2)
    read = [[word["text"] for word in page["words"]] for page in scan["pages"]]
    assert read == [words_of(colour) for colour in colours]
    assert [(page["page"], page["source"]) for page in text["pages"]] == [(1, "text"), (2, "text")]
    assert text["pages"][0]["lines"][0]["text"] == "Hello World"
    (some,) = map(json.loads, spot(registry, "--pages", "2-", "--pdf", "ocr", folder / "text.pdf").stdout.splitlines())
    assert [(page["page"], page["source"]) for page in some["pages"]] == [(2, "picture")]
    assert spot(registry, "--format", "text", "--pages", "1,3", folder / "scan.tif").stdout == "001\n002\n\f004\n"
    result = spot(registry, "--format", "pdf", "--output", out, "--draw", out, folder)
    assert (result.exit_code, result.stderr) == (0, "")
    drawn = {f"scan-page-{number}.png" for number in (1, 2, 3)} | {f"text-page-{number}.png" for number in (1, 2)}
    assert {path.name for path in out.iterdir()} == {"scan.pdf", "text.pdf", *drawn}
    with pypdfium2.PdfDocument(out / "scan.pdf") as written:
        assert len(written) == 3
        assert written[1].get_textpage().get_text_range().split() == ["003"]
    assert [b"/DCTDecode" in (out / name).read_bytes() for name in ("scan.pdf", "text.pdf")] == [True, False]
    with pypdfium2.PdfDocument(out / "text.pdf") as written:
        assert [page.get_textpage().get_text_range() for page in written] == ["Hello World"] * 2


def test_what_cannot_be_of_a_document_is_reported(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.tif").write_bytes(tiff([(1, 2, 0), (3, 0, 0)]))
    (tmp_path / "a.png").write_bytes(picture((1, 2, 0)))
    for arguments, detail in (
        (("--pages", "3", tmp_path / "scan.tif"), "3 is not within the 2 pages"),
        (("--format", "png", tmp_path / "scan.tif"), "png is for 1 page"),
        (("--pages", "2", tmp_path / "a.png"), "the 1 pages"),
    ):
        result = spot(registry, *arguments)
        assert (result.exit_code, detail in json.loads(result.stderr)["detail"]) == (1, True)
    assert spot(registry, "--pages", "x", tmp_path / "scan.tif").exit_code == 2


def test_a_broken_page_costs_only_itself(registry: Path, tmp_path: Path) -> None:
    data = bytearray(tiff([(1, 2, 0), (3, 0, 0), (5, 0, 0)]))
    second = directories(bytes(data), 9)[1]
    count = int.from_bytes(data[second : second + 2], "little")
    for place in range(second + 2, second + 2 + 12 * count, 12):
        if int.from_bytes(data[place : place + 2], "little") == 273:  # where its strip lies
            data[place + 8 : place + 12] = (1 << 30).to_bytes(4, "little")
    (tmp_path / "scan.tif").write_bytes(data)
    result = spot(registry, tmp_path / "scan.tif")
    pages = json.loads(result.stdout)["pages"]
    assert [page.get("status") for page in pages] == [None, 422, None]
    assert (result.exit_code, pages[2]["words"][0]["text"]) == (1, "005")
    failed = spot(registry, "--format", "text", tmp_path / "scan.tif")
    assert (failed.exit_code, json.loads(failed.stderr)["detail"][:7]) == (1, "page 2:")
