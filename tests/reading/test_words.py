"""Words that are not answered keep together the lines that they are in."""

from spotter.reading.wording import Wording
from spotter.reading.words import Word, arrange, arrange_fitting

SIZE = (400, 200)


def word(text: str, left: float, top: float = 10.0) -> Word:
    """Of letters 10 pixels wide and 20 high."""
    right = left + 10 * len(text)
    return Word([[left, top], [right, top], [right, top + 20], [left, top + 20]], text, 0.9)


NUMBER, SIGN, VALUE = word("Total", 10), word("(net)", 70), word("24.00", 130)
BELOW = word("Thanks", 10, 100)


def test_a_word_between_two_that_was_not_read_leaves_them_on_one_line() -> None:
    apart = arrange(SIZE, [NUMBER, VALUE])
    assert [line.text for line in apart.lines] == ["Total", "24.00"]  # 70 pixels, more than two heights
    together = arrange(SIZE, [NUMBER, VALUE], [SIGN.polygon])
    assert [line.text for line in together.lines] == ["Total 24.00"]
    assert [each.text for each in together.words] == ["Total", "24.00"]


def test_places_without_a_word_make_no_lines_or_blocks_of_their_own() -> None:
    page = arrange(SIZE, [BELOW], [NUMBER.polygon, SIGN.polygon])
    assert [(each.text, each.line, each.block) for each in page.words] == [("Thanks", 0, 0)]
    assert [line.block for line in page.lines] == [0]
    assert len(page.blocks) == 1
    nothing = arrange(SIZE, [], [NUMBER.polygon])
    assert (nothing.words, nothing.lines, nothing.blocks) == ([], [], [])


def test_words_that_do_not_fit_the_wording_leave_the_layout_as_it_is() -> None:
    page = arrange_fitting(SIZE, [NUMBER, SIGN, VALUE], Wording(frozenset("Total24.0"), None, None))
    assert [line.text for line in page.lines] == ["Total 24.00"]
    assert page.left_out == 1
