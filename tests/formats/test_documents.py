import csv
import io

import pytest

from spotter.formats.boxes import box_of
from spotter.formats.forms import FORMS
from spotter.formats.structure import as_dict
from spotter.formats.text import as_text, write_text
from spotter.formats.tsv import HEADER, write_tsv
from spotter.reading.words import Word, arrange
from tests.formats.pages import EMPTY, SIZE, UPRIGHT, page, picture, written

BLOCKS = ["\n".join(UPRIGHT), "Milk\t1.20\nBread\t2.50", "turned text", "upside down", "minus ninety"]


def test_text_has_rows_and_paragraphs() -> None:
    assert as_text(page()) == "\n\n".join(BLOCKS)
    assert write_text([page(), EMPTY, arrange(SIZE, written(["end"]))]).decode().split("\n\f") == [
        "\n\n".join(BLOCKS),
        "",
        "end\n",
    ]


def test_json_tells_as_much_as_is_asked_for() -> None:
    words = as_dict(page())
    assert list(words) == ["words"]
    assert [(word["line"], word["block"], word["direction"]) for word in words["words"][-6:]] == [
        (6, 2, 90.0), (6, 2, 90.0), (7, 3, 180.0), (7, 3, 180.0), (8, 4, -90.0), (8, 4, -90.0)]  # fmt: skip
    assert list(as_dict(page(), "lines")) == ["words", "lines"]
    answer = as_dict(page(), "blocks")
    assert [block["text"] for block in answer["blocks"]] == BLOCKS
    place = [[50, 80], [160, 80], [160, 100], [50, 100]]
    assert answer["lines"][1] == {"polygon": place, "text": "second line", "score": 0.875, "block": 0}
    assert answer["blocks"][0]["polygon"] == [[50, 50], [210, 50], [210, 100], [50, 100]]
    assert as_dict(EMPTY, "blocks") == {"words": [], "lines": [], "blocks": []}


def test_tsv_is_as_tesseracts() -> None:
    text = write_tsv([page(), EMPTY]).decode()
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert text.startswith("\t".join(HEADER) + "\n")
    assert [row["text"] for row in rows if row["level"] == "5"] == [word.text for word in page().words]
    assert all((row["conf"] == "-1") == (row["level"] != "5") for row in rows)
    second = next(row for row in rows if row["text"] == "second")
    assert " ".join(second[name] for name in HEADER) == "5 1 1 1 2 1 50 80 60 20 87.500000 second"
    assert [row["width"] for row in rows if row["level"] == "1"] == ["700", "40"]


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [([[1.2, 2.0], [9.5, 2.0], [9.5, 7.1], [1.2, 7.1]], (1, 2, 10, 8)),
     ([[-3.0, -2.0], [50.0, -2.0], [50.0, 70.0], [-3.0, 70.0]], (0, 0, 40, 30)),
     ([[60.0, 1.0], [70.0, 1.0], [70.0, 5.0], [60.0, 5.0]], (40, 1, 40, 5))],
)  # fmt: skip
def test_boxes_stay_within_the_picture(polygon: list[list[float]], expected: tuple[int, ...]) -> None:
    box = box_of(polygon, (40, 30))
    assert box == expected
    assert (box.width, box.height) == (expected[2] - expected[0], expected[3] - expected[1])


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_written_of_no_words_and_of_words_without_extent(name: str) -> None:
    form = FORMS[name]  # type: ignore[index]
    point = arrange(SIZE, [Word([[5.0, 5.0]] * 4, "x", 0.5), Word([[699.9, 499.9]] * 4, "\N{SNOWMAN}", 1.0)])
    for each in (EMPTY, point):
        assert form.write([each], iter([picture()]))
