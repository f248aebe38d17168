"""Figures worked by hand."""

import numpy as np
import pytest

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.matching import match, overlaps
from spotter.training.evaluation.recognition import Recognition, readings_by_region, recognition, regions_of
from spotter.training.prediction import Prediction


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def test_words_and_characters() -> None:
    read = recognition([("Exit", "Exit"), ("Exit", "EXIT"), ("ab", "abcdef")])
    assert (read.words, read.right, read.exact, read.edits, read.characters) == (3, 2, 1, 4, 10)
    assert (read.sequences, read.whole) == (3, 1)
    assert read.word_accuracy == pytest.approx(2 / 3)
    assert read.character_accuracy == pytest.approx(0.6)
    assert read.sequence_accuracy == pytest.approx(1 / 3)
    assert recognition([("a", "xyz")]).character_accuracy == 0


def test_words_of_a_line() -> None:
    # Of four words, `to` is read once of twice, `Be` in another case, `or` is lost: two edits of a space and 2 letters.
    read = recognition([("to Be or to", "to be to")])
    assert (read.words, read.right, read.exact) == (4, 3, 2)
    assert (read.edits, read.characters, read.sequences, read.whole) == (3, 11, 1, 0)


def test_sums() -> None:
    assert Recognition(1, 2, 3, 4, 5, 6, 7) + Recognition(10, 20, 30, 40, 50, 60, 70) == Recognition(
        11, 22, 33, 44, 55, 66, 77
    )
    assert Recognition().sequence_accuracy == Recognition().word_accuracy == 0


def test_a_reading_belongs_to_the_line_that_holds_most_of_it() -> None:
    truths = [
        Annotation(box(0, 0, 100, 10), "One two", False),
        Annotation(box(0, 10, 100, 20), "Three", False),
        Annotation(box(200, 0, 300, 10), "", True),
        Annotation(box(0, 40, 100, 50), "Four", False),
    ]
    predictions = [
        Prediction(box(60, 0, 90, 10), "two", 0.9),
        Prediction(box(0, -2, 50, 10), "one", 0.9),  # ten twelfths of it lie in the first line
        Prediction(box(0, 4, 50, 14), "x", 0.9),  # six tenths in the first, four in the second
        Prediction(box(0, 17, 50, 27), "y", 0.9),  # three tenths in the second
        Prediction(box(200, 0, 300, 10), "z", 0.9),  # where nothing is to be cared about
    ]
    found = overlaps(truths, predictions)
    matching = match([truth.ignore for truth in truths], found)
    assert regions_of(found, matching) == {0: 0, 1: 0, 2: 0}
    texts = [prediction.text for prediction in predictions]
    assert readings_by_region(truths, predictions, texts, found, matching) == [
        ("One two", "one x two"),
        ("Three", ""),
        ("Four", ""),
    ]


def test_a_line_that_runs_up_is_read_upwards() -> None:
    up = np.array([[0, 100], [0, 0], [10, 0], [10, 100]], np.float32)
    truths = [Annotation(up, "first second", False)]
    predictions = [Prediction(box(0, 10, 10, 40), "second", 0.9), Prediction(box(0, 60, 10, 90), "first", 0.9)]
    found = overlaps(truths, predictions)
    pairs = readings_by_region(truths, predictions, ["second", "first"], found, match([False], found))
    assert pairs == [("first second", "first second")]


def test_without_lines_nothing_belongs_anywhere() -> None:
    predictions = [Prediction(box(0, 0, 10, 10), "x", 0.9)]
    found = overlaps([], predictions)
    assert regions_of(found, match([], found)) == {}
