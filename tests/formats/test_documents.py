import csv
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from spotter.formats.alto import NAMESPACE, write_alto
from spotter.formats.boxes import box_of
from spotter.formats.forms import FORMS
from spotter.formats.hocr import write_hocr
from spotter.formats.structure import as_dict
from spotter.formats.text import as_text, write_text
from spotter.formats.tsv import HEADER, write_tsv
from spotter.reading.words import Word, arrange
from tests.formats.pages import SIZE, UPRIGHT, page, picture, written

EMPTY = arrange((40, 30), [])
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


class Hocr(HTMLParser):
    """Collects (class, title, text) of an hOCR file's elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self._open: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("div", "p", "span"):
            self._open.append([named["class"] or "", named["title"] or "", ""])
            self.found.append(self._open[-1])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("div", "p", "span"):
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2] += data


def test_hocr_is_read_by_an_html_and_an_xml_parser() -> None:
    document = write_hocr([page(), EMPTY])
    ids = [element.get("id") for element in ET.fromstring(document).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    reader = Hocr()
    reader.feed(document.decode())
    pages = [title for kind, title, _ in reader.found if kind == "ocr_page"]
    assert pages == ["bbox 0 0 700 500; ppageno 0", "bbox 0 0 40 30; ppageno 1"]
    words = [(title, text) for kind, title, text in reader.found if kind == "ocrx_word"]
    assert words[0] == ("bbox 50 50 110 70; x_wconf 88", "Straße")
    assert [text for _, text in words] == [word.text for word in page().words]
    angles = [re.search(r"textangle (\d+)", title) for kind, title, _ in reader.found if kind == "ocr_line"]
    assert [angle[1] if angle else None for angle in angles] == [None] * 6 + ["270", "180", "90"]


def test_tsv_is_as_tesseracts() -> None:
    text = write_tsv([page(), EMPTY]).decode()
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert text.startswith("\t".join(HEADER) + "\n")
    assert [row["text"] for row in rows if row["level"] == "5"] == [word.text for word in page().words]
    assert all((row["conf"] == "-1") == (row["level"] != "5") for row in rows)
    second = next(row for row in rows if row["text"] == "second")
    assert " ".join(second[name] for name in HEADER) == "5 1 1 1 2 1 50 80 60 20 87.500000 second"
    assert [row["width"] for row in rows if row["level"] == "1"] == ["700", "40"]


ALTO_CHILDREN = {
    "alto": ["Description", "Styles", "Tags", "Layout"],
    "Description": ["MeasurementUnit", "sourceImageInformation", "OCRProcessing", "Processing"],
    "Processing": ["processingSoftware"],
    "processingSoftware": ["softwareCreator", "softwareName", "softwareVersion"],
    "Layout": ["Page"],
    "Page": ["TopMargin", "LeftMargin", "RightMargin", "BottomMargin", "PrintSpace"],
    "PrintSpace": ["Shape", "TextBlock"],
    "TextBlock": ["Shape", "TextLine"],
    "TextLine": ["Shape", "String", "SP"],
    "String": ["Shape", "ALTERNATIVE", "Glyph"],
    "Shape": ["Polygon"],
}
"""What ALTO's schema 4.4 allows inside of an element, in this order; but for a line's words and spaces, which mix."""
ALTO_ATTRIBUTES = {
    "Page": {"ID", "PHYSICAL_IMG_NR", "WIDTH", "HEIGHT"},
    "PrintSpace": {"HPOS", "VPOS", "WIDTH", "HEIGHT"},
    "TextBlock": {"ID", "HPOS", "VPOS", "WIDTH", "HEIGHT"},
    "TextLine": {"ID", "HPOS", "VPOS", "WIDTH", "HEIGHT"},
    "String": {"ID", "HPOS", "VPOS", "WIDTH", "HEIGHT", "CONTENT", "WC"},
    "Polygon": {"POINTS"},
}


def test_alto_keeps_to_its_schema() -> None:
    root = ET.fromstring(write_alto([page(), EMPTY]))

    def check(element: ET.Element) -> None:
        space, name = element.tag[1:].split("}")
        assert space == NAMESPACE
        allowed = ALTO_CHILDREN.get(name, [])
        places = [allowed.index(child.tag.split("}")[1]) for child in element]
        assert places == sorted(places) or name == "TextLine"
        assert set(element.attrib) - {"ROTATION"} >= ALTO_ATTRIBUTES.get(name, set())
        for child in element:
            check(child)

    check(root)
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(ids) == len(set(ids))
    named = {"a": NAMESPACE}
    assert [each.get("CONTENT") for each in root.iterfind(".//a:String", named)] == [w.text for w in page().words]
    turned = [block.get("ROTATION") for block in root.iterfind(".//a:TextBlock", named)]
    assert turned == [None, None, "-90", "-180", "90"]
    first = root.find(".//a:String/a:Shape/a:Polygon", named)
    assert first is not None
    assert first.get("POINTS") == "50,50 110,50 110,70 50,70"


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
