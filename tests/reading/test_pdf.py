import pytest

from spotter.reading.errors import BrokenPictureError
from spotter.reading.pdf import Pdf
from tests.reading.documents import BLACK_PAGE, HELLO, TURNED, coloured, encrypted, pdf, stamped_scan, unmapped


def test_words_are_where_they_are_drawn() -> None:
    document = Pdf(pdf([HELLO]))
    found = document.text(0, 792)
    assert (document.count, document.size(0, 792), found["trusted"]) == (1, (612, 792), True)
    assert [text for text, _ in found["words"]] == ["Hello", "World"]
    drawn = document.draw(0, 792)
    for _, ((left, top), _, (right, bottom), _) in found["words"]:
        within = drawn[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
        assert (within < 128).sum() > 50
        drawn[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = 255
    assert (drawn == 255).all(), "nothing dark is left beside them"


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_polygons_begin_at_the_texts_own_top_left(rotate: int) -> None:
    document = Pdf(pdf([HELLO + b" " + TURNED], rotate=rotate))
    found = dict(document.text(0, 792)["words"])
    right, down, left, up = (1, 0), (0, 1), (-1, 0), (0, -1)
    quarters = rotate // 90
    for text, directions in (("World", (right, down, left, up)), ("Turned", (up, right, down, left))):
        (x, y), (next_x, next_y), _, (last_x, last_y) = found[text]
        along, across = (next_x - x, next_y - y), (last_x - x, last_y - y)
        wanted = directions[quarters]
        assert along[0] * wanted[0] + along[1] * wanted[1] > 30, (text, along)
        assert along[0] * across[1] - along[1] * across[0] > 0, "clockwise"


def test_what_is_no_character_is_replaced_and_hyphens_at_line_ends_are_kept() -> None:
    words = Pdf(unmapped()).text(0, 792)["words"]
    assert [text for text, _ in words] == ["x\N{REPLACEMENT CHARACTER}y", "exam-", "ple", "of", "it"]
    (_, broken), (_, following) = words[1:3]
    assert broken[2][1] - broken[1][1] < 40, "it is one line high"
    assert following[0][1] > broken[0][1]


def test_a_stamp_on_a_scan_is_not_its_text() -> None:
    found = Pdf(stamped_scan()).text(0, 792)
    assert [text for text, _ in found["words"]] == ["Received"]
    assert not found["trusted"]


def test_pages_without_text_and_without_end() -> None:
    document = Pdf(pdf([BLACK_PAGE], count=10**8))
    assert document.text(0, 100) == {"words": [], "trusted": False}
    assert not document.draw(0, 100).any()
    for number in (1, 10**7):
        with pytest.raises(BrokenPictureError, match=f"page {number + 1}"):
            document.size(number, 100)


def test_text_off_the_page_is_no_word() -> None:
    away = b"BT /F1 24 Tf 9000 9000 Td (Away) Tj ET"
    assert Pdf(pdf([away])).text(0, 100)["words"] == []


@pytest.mark.parametrize("size", [(20_000, 100), (0, 0), (100, 1)])
def test_every_page_has_a_size_or_none(size: tuple[int, int]) -> None:
    document = Pdf(coloured([(255, 0, 0)], size))
    try:
        width, height = document.size(0, 500)
    except BrokenPictureError:
        assert size == (20_000, 100)
    else:
        assert max(width, height) == 500
        assert document.draw(0, 500).shape == (height, width, 3)


def test_what_is_encrypted_says_so() -> None:
    with pytest.raises(BrokenPictureError, match="password"):
        Pdf(encrypted())
    with pytest.raises(BrokenPictureError, match="does not open"):
        Pdf(b"%PDF-1.7 nothing")
