"""A PDF's own pages with a text layer on them."""

import io
import math
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pikepdf
import pytest

from spotter.formats.forms import FORMS
from spotter.formats.pdf import Original, write_over
from spotter.reading.errors import BrokenPictureError
from spotter.reading.imaging import PictureLimits
from spotter.reading.layout.frames import Polygon
from spotter.reading.pages import PDF_SIDE, Document
from spotter.reading.pdf import Pdf
from spotter.reading.words import Page, Word, arrange
from tests.formats.pages import picture, written
from tests.lengths import LONG
from tests.reading.documents import HELLO, encrypted, pdf

OWN = b"0.8 0.2 0.2 rg 100 100 200 50 re f BT /F1 24 Tf 72 600 Td (Own text) Tj ET "
UPRIGHT = b"/MediaBox [0 0 612 792]"
KINDS: dict[str, tuple[bytes, bytes]] = {
    "plain": (OWN, UPRIGHT),
    "empty": (b"", UPRIGHT),
    "scaled for good": (b"0.5 0 0 0.5 50 60 cm " + OWN, UPRIGHT),
    "upside down for good": (b"1 0 0 -1 0 792 cm " + OWN, UPRIGHT),
    "state kept": (b"q 0.5 0 0 0.5 50 60 cm " + OWN, UPRIGHT),
    "text state left": (OWN + b"BT /F1 12 Tf 1 Tr 50 Tz 20 Ts 9 Tc 9 Tw", UPRIGHT),
    "clipped": (b"0 0 10 10 re W n " + OWN, UPRIGHT),
    "turned": (OWN, UPRIGHT + b" /Rotate 90"),
    "upside down": (OWN, UPRIGHT + b" /Rotate 180"),
    "turned back": (OWN, UPRIGHT + b" /Rotate -90"),
    "elsewhere": (OWN, b"/MediaBox [-100 50 512 842]"),
    "cut": (OWN, UPRIGHT + b" /CropBox [50 60 500 700]"),
    "cut, elsewhere and turned": (OWN, b"/MediaBox [-100 50 512 842] /CropBox [50 60 500 700] /Rotate 270"),
    "large units": (OWN, UPRIGHT + b" /UserUnit 2.5"),
}
LIMITS = PictureLimits()


def over(
    data: bytes, pages: Sequence[Page], numbers: Sequence[int] | None = None, carried: Sequence[int] = ()
) -> bytes:
    """The PDF with these pages' words on its pages of these numbers, by default all; carried: those not read."""
    numbers = range(len(pages)) if numbers is None else numbers
    with Document(data, LIMITS) as document:
        flags = [number in carried for number in numbers]
        return write_over(pages, Original(list(numbers), flags, document.writable))


def read(data: bytes, number: int = 0, *words: Word) -> Page:
    """A page of a PDF with these words."""
    return arrange(Pdf(data).size(number, PDF_SIDE), words)


def in_all_directions(data: bytes, number: int) -> Page:
    """A page of a PDF with words at each quarter turn, and a little off."""
    width, height = Pdf(data).size(number, PDF_SIDE)
    places = (
        (0, (200, 300)),
        (90, (width - 150, 400)),
        (180, (1100, height - 200)),
        (-90, (150, 1200)),
        (4, (600, 700)),
    )
    words = []
    for degrees, at in places:
        names = (f"Straße{number}{degrees}", f"λόγος{number}{degrees}", f"naïve{number}{degrees}")
        found = written(["aaaaaaaa bbbbbbb", "ccccccc"], degrees, at)
        words += [word._replace(text=name) for word, name in zip(found, names, strict=True)]
    return arrange((width, height), words)


def found(data: bytes, number: int) -> dict[str, list[Polygon]]:
    """The places of each word that a page carries, as PDFium extracts it, in pixels."""
    places: dict[str, list[Polygon]] = {}
    for text, polygon in Pdf(data).text(number, PDF_SIDE)["words"]:
        places.setdefault(text, []).append(polygon)
    return places


def texts(data: bytes, number: int = 0) -> list[str]:
    return [text for text, _ in Pdf(data).text(number, PDF_SIDE)["words"]]


def look(data: bytes, number: int = 0) -> "np.ndarray[tuple[int, ...], np.dtype[np.int16]]":
    return Pdf(data).draw(number, 700).astype(np.int16)


def middle(polygon: Polygon) -> tuple[float, float]:
    return (sum(x for x, _ in polygon) / len(polygon), sum(y for _, y in polygon) / len(polygon))


@pytest.fixture(scope="module")
def kinds() -> tuple[bytes, list[Page], bytes]:
    """A PDF with a page of each kind, the words of its pages, and the PDF with these on them."""
    data = pdf([content for content, _ in KINDS.values()], extents=[extent for _, extent in KINDS.values()])
    pages = [in_all_directions(data, number) for number in range(len(KINDS))]
    return data, pages, over(data, pages)


@pytest.mark.parametrize("number", range(len(KINDS)), ids=list(KINDS))
def test_a_page_looks_as_before_and_its_words_are_found_once_where_they_are(
    kinds: tuple[bytes, list[Page], bytes], number: int
) -> None:
    data, pages, laid = kinds
    assert (look(data, number) == look(laid, number)).all()
    places = found(laid, number)
    assert set(places) == {word.text for word in pages[number].words} | set(found(data, number))
    for word in pages[number].words:
        (place,) = places[word.text]
        assert math.dist(middle(place), middle(word.polygon)) < 8, word.text


@pytest.mark.skipif(not LONG, reason="SPOTTER_CHAOS=long: wants poppler-utils")
def test_poppler_finds_the_words_where_they_are(kinds: tuple[bytes, list[Page], bytes], tmp_path: Path) -> None:
    _, pages, laid = kinds
    (tmp_path / "laid.pdf").write_bytes(laid)

    def extracted(*options: str) -> bytes:
        return subprocess.run(
            ["pdftotext", *options, tmp_path / "laid.pdf", "-"], capture_output=True, check=True
        ).stdout

    shown = list(ET.fromstring(extracted("-bbox", "-cropbox")).iter("{http://www.w3.org/1999/xhtml}page"))
    plain = extracted("-layout").decode().split("\f")
    for number, (page, found, text) in enumerate(zip(pages, shown, plain, strict=False)):
        scale = max(page.size) / max(float(found.get("width", 0)), float(found.get("height", 0)))
        places = {
            word.text: [float(word.get(side, 0)) * scale for side in ("xMin", "yMin", "xMax", "yMax")] for word in found
        }
        for word in page.words:
            if word.direction % 90:
                continue  # it breaks words that are a little off
            left, top, right, bottom = places[word.text]
            assert math.dist(((left + right) / 2, (top + bottom) / 2), middle(word.polygon)) < 16, word.text
        assert f"Straße{number}0 λόγος{number}0" in " ".join(text.split())


def test_pages_that_are_not_asked_for_are_left_out_and_those_that_carry_their_words_stay() -> None:
    data = pdf([OWN.replace(b"Own", name) for name in (b"First", b"Second", b"Third", b"Fourth")])
    pages = [read(data, 1, *written(["more"], at=(900, 900))), read(data, 3, *written(["Fourth text"], at=(270, 500)))]
    laid = over(data, pages, [1, 3], carried=[3])
    assert Pdf(laid).count == 2
    assert texts(laid, 0) == ["Second", "text", "more"]
    assert texts(laid, 1) == ["Fourth", "text"]
    with pikepdf.open(io.BytesIO(laid)) as document:
        streams = [each.read_bytes() for each in document.objects if isinstance(each, pikepdf.Stream)]
    assert [name for name in (b"First", b"Second", b"Third") if any(b"(" + name in each for each in streams)] == [
        b"Second"
    ]


def test_words_that_the_page_carries_are_not_written_twice() -> None:
    data = pdf([b"BT /F1 300 Tf 0.7 0.7 -0.7 0.7 150 150 Tm (Draft ) Tj ET " + HELLO])
    places = found(data, 0)
    words = [Word(places[text][0], again, 0.9) for text, again in (("Hello", "Hallo"), ("World", "Wor1d"))]
    words += written(["under the watermark"], at=(600, 900))
    again = texts(over(data, [read(data, 0, *words)]))
    assert sorted(again) == ["Draft", "Hello", "World", "the", "under", "watermark"]


def test_text_that_cannot_be_read_does_not_keep_words_out() -> None:
    cmap = (
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <40><7a><e040> endbfrange endcmap"
    )
    data = pdf([HELLO], more=[b"<< /Length %d >>\nstream\n%s\nendstream" % (len(cmap), cmap)], font=b"/ToUnicode 6 0 R")
    places = Pdf(data).text(0, PDF_SIDE)["words"]
    words = [Word(place, text, 0.9) for (_, place), text in zip(places, ("Hello", "World"), strict=True)]
    assert {"Hello", "World"} < set(texts(over(data, [read(data, 0, *words)])))


def test_an_earlier_text_layer_is_replaced() -> None:
    scan = b"q 500 0 0 700 50 50 cm /X Do Q BT 3 Tr /F1 24 Tf 72 700 Td (Old rubbish) Tj 0 Tr 0 -99 Td (Stamp) Tj ET"
    pixel = (
        b"<< /Type /XObject /Subtype /Image /Width 2 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 2 >>"
    )
    data = pdf([scan], more=[pixel + b"\nstream\n\x80\xf0\nendstream"])
    assert texts(data) == ["Old", "rubbish", "Stamp"]
    once = over(data, [read(data, 0, *written(["first reading"], at=(300, 900)))])
    assert sorted(texts(once)) == ["Stamp", "first", "reading"]
    twice = over(once, [read(once, 0, *written(["second"], at=(300, 900)))])
    assert sorted(texts(twice)) == ["Stamp", "second"]
    assert (look(data) == look(twice)).all()


FORM = (
    b"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Length 27 >>\nstream\n/G gs 100 100 300 300 re f\nendstream"
)
FAINT = b"/ExtGState << /G << /ca 0.3 >> >>"
SHADING = b"/Shading << /S << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 600 0] "
SHADING += b"/Function << /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >> >> >>"


@pytest.mark.parametrize(
    "data",
    [pdf([OWN + b"/X Do"], more=[FORM], resources=FAINT),
     pdf([b"q 50 200 400 300 re W n /S sh Q BT 3 Tr /F1 24 Tf 72 700 Td (Old) Tj ET"], resources=SHADING)],
    ids=["a form that takes its state from the page", "a shading beside invisible text"],
)  # fmt: skip
def test_a_page_that_would_change_its_look_is_shown_as_a_picture_instead(data: bytes) -> None:
    page = read(data, 0, *written(["new"], at=(900, 900)))
    with pytest.raises(BrokenPictureError, match="page 1 cannot be written as it is"):
        over(data, [page])
    with Document(data, LIMITS) as document:
        original = Original([0], [False], document.writable)
        redrawn = FORMS["pdf"].written([page], iter([document.page(0).picture()]), original)
    assert texts(redrawn) == ["new"]
    assert b"/DCTDecode" in redrawn
    width, height = Pdf(data).size(0, 500)
    before, after = Pdf(data).draw(0, 500).astype(np.int16), Pdf(redrawn).draw(0, 500).astype(np.int16)
    assert np.abs(before[: height - 1, : width - 1] - after[: height - 1, : width - 1]).mean() < 3


def test_what_a_pdf_has_beside_its_pages_stays() -> None:
    with pikepdf.open(io.BytesIO(pdf([OWN, OWN]))) as document:
        document.docinfo["/Title"] = "A title"
        with document.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("A chapter", 1))
        document.attachments["notes.txt"] = b"attached"
        plain, locked = io.BytesIO(), io.BytesIO()
        document.save(plain, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        document.save(locked, encryption=pikepdf.Encryption(owner="owner", user="", R=6))
    for data in (plain.getvalue(), locked.getvalue()):
        laid = over(data, [in_all_directions(data, number) for number in (0, 1)])
        with pikepdf.open(io.BytesIO(laid)) as document:
            assert str(document.docinfo["/Title"]) == "A title"
            with document.open_outline() as outline:
                assert [item.title for item in outline.root] == ["A chapter"]
            assert document.attachments["notes.txt"].get_file().read_bytes() == b"attached"
            assert document.is_encrypted == (data == locked.getvalue())
            assert document.check_pdf_syntax() == []
        assert "naïve14" in texts(laid, 1)


def test_a_copy_is_bounded_in_size_and_time() -> None:
    grown = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf([OWN]))) as document:
        document.Root.Filler = pikepdf.Array([pikepdf.String("x" * 2000)] * 3000)
        document.save(grown, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    data = grown.getvalue()
    assert len(data) < 100_000
    page = read(data, 0, *written(["new"], at=(900, 900)))
    with pytest.raises(BrokenPictureError, match="cannot be written anew"):
        over(data, [page])
    with Document(data, LIMITS) as opened, opened.writable(deadline=0) as late, pytest.raises(BrokenPictureError):
        late.bare(0)
    with pytest.raises(BrokenPictureError):
        Document(encrypted(), LIMITS)


def test_a_picture_has_no_pages_of_its_own_to_keep() -> None:
    form = FORMS["png"]
    assert form.written([arrange((700, 500), [])], iter([picture()]), None)
    assert [name for name, each in FORMS.items() if each.over is not None] == ["pdf"]
