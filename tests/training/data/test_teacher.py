import numpy as np

from spotter.training.data.teacher import cut_line

LINE = np.array([[0, 0], [100, 0], [100, 20], [0, 20]], np.float32)


def piece(text: str, start: float, end: float, score: float = 0.95) -> tuple[str, float, list[list[float]]]:
    return text, score, [[start, 0], [end, 0], [end, 20], [start, 20]]


def test_pieces_are_joined_into_words() -> None:
    first, second = cut_line(LINE, "ABC DE", 0.97, [piece("A", 4, 10), piece("BC", 18, 40, 0.9), piece("DE", 60, 95)])
    assert (first.text, second.text) == ("ABC", "DE")
    np.testing.assert_allclose(first.polygon, [[0, 0], [40, 0], [40, 20], [0, 20]], atol=1e-4)
    np.testing.assert_allclose(second.polygon, [[60, 0], [100, 0], [100, 20], [60, 20]], atol=1e-4)
    assert (first.score, second.score) == (0.9, 0.95)


def test_a_single_word_keeps_the_line() -> None:
    (word,) = cut_line(LINE, "ABC", 0.8, [])
    np.testing.assert_array_equal(word.polygon, LINE)
    assert (word.text, word.score) == ("ABC", 0.8)


def test_pieces_that_do_not_spell_the_line_leave_it_whole_and_unsure() -> None:
    for pieces in ([piece("AB", 0, 40)], [piece("AX", 0, 40), piece("CD", 50, 90)]):
        (line,) = cut_line(LINE, "AB CD", 0.99, pieces)
        assert line.score == 0


def test_upright_lines_are_not_cut() -> None:
    upright = np.array([[0, 0], [20, 0], [20, 100], [0, 100]], np.float32)
    (line,) = cut_line(upright, "AB CD", 0.99, [piece("AB", 0, 40), piece("CD", 50, 90)])
    assert line.upright


def test_an_empty_line_has_no_words() -> None:
    assert cut_line(LINE, " ", 0.9, []) == []
