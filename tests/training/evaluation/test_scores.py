"""Figures worked by hand."""

import numpy as np
import pytest

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.lexicon import Lexicon
from spotter.training.evaluation.scores import (
    HEIGHTS,
    Counts,
    HeightClass,
    Read,
    Scorer,
    Scores,
    bag_of_words,
    recognition,
)
from spotter.training.prediction import Prediction


def quad(x: float, height: float = 10.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[x, 0], [x + 50, 0], [x + 50, height], [x, height]], np.float32)


# Truth: EXIT, (Stop), Open, a region not to be cared about at 300, and Taxi.
# Read: EXIT right, Stop without its brackets, "Opem", something in the region, and a false alarm; Taxi is missed.
STREET = Read(
    "street",
    (
        Annotation(quad(0), "EXIT", False),
        Annotation(quad(100), "(Stop)", False),
        Annotation(quad(200, 20), "Open", False),
        Annotation(quad(300), "", True),
        Annotation(quad(400, 20), "Taxi", False),
    ),
    [
        Prediction(quad(1), "exit", 0.9),
        Prediction(quad(101), "Stop", 0.8),
        Prediction(quad(201, 20), "Opem", 0.7),
        Prediction(quad(301), "blur", 0.9),
        Prediction(quad(600), "tree", 0.3),
    ],
)


def test_a_picture() -> None:
    scores = Scorer([STREET])()
    assert scores.detection == Counts(3, 4, 4)
    assert scores.end_to_end == Counts(1, 4, 4)
    assert scores.end_to_end_lenient == Counts(2, 4, 4)
    assert scores.bag_of_words == Counts(1, 4, 4)
    assert scores.detection.precision == scores.detection.recall == scores.detection.f == 0.75
    assert scores.end_to_end.f == 0.25


def test_reading_on_words_found() -> None:
    read = Scorer([STREET])().recognition
    assert (read.words, read.right, read.exact) == (3, 1, 0)
    assert (read.edits, read.characters) == (3, 14)  # two brackets and one letter of 4 + 6 + 4
    assert read.word_accuracy == pytest.approx(1 / 3)
    assert read.character_accuracy == pytest.approx(11 / 14)


def test_a_threshold_leaves_predictions_out() -> None:
    scorer = Scorer([STREET])
    assert scorer(0.5).detection == Counts(3, 4, 3)
    assert scorer(0.8).detection == Counts(2, 4, 2)  # a score equal to the threshold stays
    assert [s.detection.predictions for _, s in scorer.sweep([0.0, 0.75, 1.0])] == [4, 2, 0]


def test_text_height() -> None:
    by_height = Scorer([STREET])().by_height
    assert by_height[HEIGHTS.index(8.0)] == HeightClass(2, 2, 1)
    assert by_height[HEIGHTS.index(16.0)] == HeightClass(2, 1, 0)
    assert sum(part.truths for part in by_height) == 4


def test_pictures_add_up() -> None:
    empty = Read("empty", (), [])
    alarm = Read("alarm", (), [Prediction(quad(0), "x", 0.9)])
    scores = Scorer([STREET, empty, alarm, STREET])()
    assert scores.detection == Counts(6, 8, 9)
    assert scores.detection.precision == pytest.approx(6 / 9)
    assert scores.detection.recall == 0.75
    assert scores.detection.f == pytest.approx(12 / 17)


def test_a_lexicon_mends_readings() -> None:
    scores = Scorer([STREET], Lexicon(["open", "stop", "exit"]))()
    assert scores.end_to_end == Counts(2, 4, 4)


def test_nothing_at_all_scores_zero() -> None:
    scores = Scorer([])()
    assert scores == Scores()
    assert scores.detection.f == scores.detection.precision == scores.recognition.character_accuracy == 0


def test_errors_are_listed() -> None:
    errors = list(Scorer([STREET]).errors())
    assert [(e["kind"], e.get("truth"), e.get("read")) for e in errors] == [
        ("misread", "(Stop)", "Stop"),
        ("misread", "Open", "Opem"),
        ("missed", "Taxi", None),
        ("false alarm", None, "tree"),
    ]


def test_words_of_a_receipt_as_a_multiset() -> None:
    # Truth: TOTAL 12.00 TOTAL RM; read: total TOTAL total 12.00 -> two TOTAL and one 12.00 are right.
    counts = bag_of_words(["TOTAL 12.00", "TOTAL RM"], ["total", "TOTAL", "total", "12.00"])
    assert counts == Counts(3, 4, 4)


def test_recognition_over_pairs() -> None:
    read = recognition([("Exit", "Exit"), ("Exit", "EXIT"), ("ab", "abcdef")])
    assert (read.words, read.right, read.exact, read.edits, read.characters) == (3, 2, 1, 4, 10)
    assert recognition([("a", "xyz")]).character_accuracy == 0
