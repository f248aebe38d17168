from collections.abc import Iterator

import pypdfium2
import pytest
from PIL import Image, ImageDraw

from spotter.formats.pdf import LARGEST_PAGE, POINTS, write_pdf
from spotter.reading.words import Page, arrange
from tests.formats.pages import SIZE, page, picture, written


def pages_of(pages: list[Page], pictures: list[Image.Image]) -> Iterator[pypdfium2.PdfPage]:
    yield from pypdfium2.PdfDocument(write_pdf(pages, pictures))


@pytest.mark.parametrize(
    "text", ["Straße & <λόγος>", "second line", "Milk", "2.50", "turned text", "upside down", "minus ninety"]
)
def test_text_is_found_where_it_stands_however_it_is_turned(text: str) -> None:
    (found,) = pages_of([page()], [picture()])
    layer = found.get_textpage()
    match = layer.search(text, match_case=True).get_next()
    assert match is not None
    start, count = match
    assert (count, layer.get_text_range(start, count)) == (len(text), text)
    words = [word for word in page().words if word.text in text.split(" ")]
    xs = [x for word in words for x, _ in word.polygon]
    ys = [y for word in words for _, y in word.polygon]
    for place in range(start, start + count):
        left, bottom, right, top = layer.get_charbox(place)
        x, y = (left + right) / 2 / POINTS, SIZE[1] - (bottom + top) / 2 / POINTS
        assert min(xs) - 2 <= x <= max(xs) + 2
        assert min(ys) - 2 <= y <= max(ys) + 2


def test_the_text_is_that_of_the_page_in_its_order() -> None:
    (found,) = pages_of([page()], [picture()])
    texts = found.get_textpage().get_text_range().split()
    assert texts == [word.text for word in page().words]


def test_every_character_differs_from_every_other() -> None:
    characters = [chr(point) for point in range(0x100, 0x300)]
    lines = ["".join(characters[start : start + 32]) for start in range(0, len(characters), 32)]
    (found,) = pages_of([arrange(SIZE, written(lines))], [picture()])
    assert "".join(found.get_textpage().get_text_range().split()) == "".join(characters)


def test_the_picture_is_what_is_seen() -> None:
    drawing = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(drawing).rectangle((350, 250, 700, 500), fill=(200, 30, 90))
    (found,) = pages_of([page()], [drawing])
    seen = found.render(scale=1 / POINTS).to_pil().convert("RGB")
    assert seen.size == SIZE
    for place, colour in (((525, 375), (200, 30, 90)), ((75, 60), (255, 255, 255)), ((525, 100), (255, 255, 255))):
        assert max(abs(a - b) for a, b in zip(seen.getpixel(place), colour, strict=True)) < 6


def test_a_page_for_each_picture_which_may_be_grey_or_huge() -> None:
    huge = (60_000, 100)
    pages = [arrange(SIZE, written(["one"])), arrange(huge, written(["two"]))]
    first, second = pages_of(pages, [picture().convert("L"), Image.new("RGBA", huge)])
    assert first.get_size() == pytest.approx((700 * POINTS, 500 * POINTS))
    assert second.get_size() == pytest.approx((LARGEST_PAGE, LARGEST_PAGE / 600), abs=0.01)
    assert [each.get_textpage().get_text_range().strip() for each in (first, second)] == ["one", "two"]
