"""Figures worked by hand."""

import numpy as np
import pytest

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.datasets import Preset
from spotter.training.evaluation.lexicon import Lexicon
from spotter.training.evaluation.scores import Read, Scorer, Scores, bag_of_words
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


def test_end_to_end_at_each_overlap() -> None:
    # Boxes of 50 by 10, moved by 0, 5 and 12.5: overlaps of 1, 45 / 55 = 0.818 and 37.5 / 62.5 = 0.6.
    truths = tuple(Annotation(quad(x), text, False) for x, text in ((0, "one"), (100, "two"), (200, "three")))
    said = [Prediction(quad(x), text, 0.9) for x, text in ((0, "ONE"), (105, "two"), (212.5, "three"))]
    by_iou = Scorer([Read("a", truths, said)]).by_iou()
    assert [iou for iou, _ in by_iou] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    right = {iou: counts.correct for iou, counts in by_iou}
    assert [right[iou] for iou in (0.5, 0.55, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)] == [3, 3, 2, 2, 2, 2, 1, 1, 1]
    assert all((counts.truths, counts.predictions) == (3, 3) for _, counts in by_iou)


def test_a_true_word_may_take_another_prediction_where_more_overlap_is_asked_for() -> None:
    # Of two readings the first overlaps by 45 / 55, the second wholly.
    read = Read(
        "a", (Annotation(quad(0), "one", False),), [Prediction(quad(5), "on", 0.9), Prediction(quad(0), "one", 0.9)]
    )
    right = {iou: counts.correct for iou, counts in Scorer([read]).by_iou()}
    assert (right[0.8], right[0.85]) == (0, 1)


def test_exact_words_mind_case_and_places_do_not_matter() -> None:
    truths = (
        Annotation(quad(0), "Exit", False),
        Annotation(quad(100), "exit", False),
        Annotation(quad(200), "A", False),
    )
    said = [Prediction(quad(500), "exit EXIT", 0.9)]
    scores = Scorer([Read("a", truths, said)])()
    assert scores.words_exact == Counts(1, 3, 2)
    assert scores.bag_of_words == Counts(2, 3, 2)


def test_the_headline_is_the_figure_of_the_measure() -> None:
    scores = Scores(end_to_end=Counts(1, 4, 4), bag_of_words=Counts(2, 4, 4), words_exact=Counts(3, 4, 12))
    assert scores.headline("end_to_end") == 0.25
    assert scores.headline("bag_of_words") == 0.5
    assert scores.headline("words_exact") == 0.75


def test_lines_are_read_by_what_lies_in_them() -> None:
    # One line of 150, read in two pieces given in the wrong order; a third lies outside.
    line = Annotation(np.array([[0, 0], [150, 0], [150, 10], [0, 10]], np.float32), "Old Town", False)
    said = [Prediction(quad(80), "town", 0.9), Prediction(quad(10), "Old", 0.9), Prediction(quad(400), "x", 0.9)]
    read = Scorer([Read("a", (line,), said)], how=Preset(boxes="lines"))().recognition
    assert (read.words, read.right, read.exact, read.edits, read.characters) == (2, 2, 1, 0, 8)
    assert (read.sequences, read.whole) == (1, 0)
