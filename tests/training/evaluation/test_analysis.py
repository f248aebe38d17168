"""Cases worked by hand: boxes are 10 high, so that overlaps are those of their widths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.analysis import (
    Finding,
    alignment,
    angle,
    edits,
    findings,
    precision_and_recall,
    reading_error,
    shares,
    sharpness,
    unmatched,
)
from spotter.training.evaluation.lexicon import edit_distance
from spotter.training.evaluation.scores import Read
from spotter.training.prediction import Prediction
from tests.training.evaluation.test_matching import box


def word(start: float, end: float, text: str) -> Annotation:
    return Annotation(box(start, end), text, False)


def said(start: float, end: float, text: str, score: float = 0.9) -> Prediction:
    return Prediction(box(start, end), text, score)


def kinds(truths: list[Annotation], predictions: list[Prediction], threshold: float = 0.5) -> list[str]:
    return [finding.kind for finding in findings(Read("a.jpg", tuple(truths), predictions), threshold)]


def test_read_and_misread_and_false_alarm() -> None:
    truths = [word(0, 100, "Exit"), word(200, 300, "Stop")]
    predictions = [said(0, 100, "EXIT"), said(200, 300, "Shop"), said(500, 600, "tree")]
    assert kinds(truths, predictions) == ["read", "misread", "false alarm"]


def test_words_below_the_threshold_do_not_exist() -> None:
    assert kinds([word(0, 100, "Exit")], [said(0, 100, "Exit", 0.4)]) == ["missed"]


def test_a_box_that_overlaps_too_little_is_inaccurate_and_no_false_alarm() -> None:
    assert kinds([word(0, 100, "Exit")], [said(60, 160, "it")]) == ["inaccurate"]


def test_a_word_under_two_predictions_is_split() -> None:
    assert kinds([word(0, 100, "football")], [said(0, 45, "foot"), said(55, 100, "ball")]) == ["split"]


def test_two_words_under_one_prediction_are_merged() -> None:
    assert kinds([word(0, 45, "Old"), word(55, 100, "Mill")], [said(0, 100, "OldMill")]) == ["merged", "merged"]


def test_a_missed_word_that_is_read_elsewhere_is_reported() -> None:
    found = list(findings(Read("a.jpg", (word(0, 50, "Exit"),), [said(300, 350, "exit")]), 0.5))
    assert [(f.kind, f.elsewhere) for f in found] == [("missed", True), ("false alarm", False)]


def test_a_reading_that_belongs_to_another_word_is_none_elsewhere() -> None:
    truths = (word(0, 50, "Exit"), word(100, 150, "Exit"), word(200, 250, "Exit"))
    found = list(findings(Read("a.jpg", truths, [said(0, 50, "exit"), said(300, 350, "exit")]), 0.5))
    assert [(f.kind, f.elsewhere) for f in found] == [
        ("read", False),
        ("missed", True),
        ("missed", False),
        ("false alarm", False),
    ]


def test_a_word_read_right_in_a_poor_box_is_reported() -> None:
    (found,) = findings(Read("a.jpg", (word(0, 100, "Exit"),), [said(60, 160, "exit")]), 0.5)
    assert (found.kind, found.elsewhere) == ("inaccurate", True)


def test_words_that_nothing_says_and_words_too_many() -> None:
    truths = (word(0, 100, "one two two"), word(200, 300, "three"), Annotation(box(400, 500), "four", True))
    predictions = [said(0, 50, "Two"), said(50, 100, "five"), said(200, 300, "three", 0.4), said(400, 500, "six")]
    missing, surplus = unmatched(Read("a.jpg", truths, predictions), 0.5)
    assert missing == {"ONE": 1, "TWO": 1, "THREE": 1}
    assert surplus == {"FIVE": 1}


def test_edits_by_hand() -> None:
    changes = edits([("STOP", "SHOP"), ("exit", "exi"), ("on", "one"), ("same", "SAME")])
    assert changes.replaced == {("T", "H"): 1}
    assert changes.missing == {"T": 1}
    assert changes.added == {"E": 1}


WORDS = st.text("abc", max_size=6)


@given(WORDS, WORDS)
def test_alignment_spells_both_words_with_the_fewest_differences(first: str, second: str) -> None:
    pairs = alignment(first, second)
    assert "".join(a for a, _ in pairs) == first
    assert "".join(b for _, b in pairs) == second
    assert sum(a != b for a, b in pairs) == edit_distance(first, second)


@pytest.mark.parametrize(
    ("truth", "reading", "kind"),
    [
        ("form", "from", "order"),
        ("exit", "xit", "cut short"),
        ("exit", "ixt", "too short"),
        ("exit", "exits", "runs over"),
        ("exit", "eexat", "too long"),
        ("exit", "edit", "one character"),
        ("exit", "east", "several characters"),
        ("exit", "", "too short"),
    ],
)
def test_kinds_of_misreadings(truth: str, reading: str, kind: str) -> None:
    assert reading_error(truth, reading) == kind


def test_angle_is_of_the_reading_direction() -> None:
    level = box(0, 100)
    assert angle(Annotation(level, "a", False)) == 0
    assert angle(Annotation(level[[2, 3, 0, 1]], "a", False)) == pytest.approx(180)
    downwards = np.array([[10, 0], [10, 100], [0, 100], [0, 0]], np.float32)
    assert angle(Annotation(downwards, "a", False)) == pytest.approx(90)


def test_shares_by_class() -> None:
    def finding(kind: str) -> Finding:
        return Finding("a", kind, word(0, 10, "x"), None)  # type: ignore[arg-type]

    rows = shares([finding("read"), finding("misread"), finding("missed")], [1.0, 5.0, 7.0], (0.0, 5.0, 20.0))
    assert [(row.label, row.words, row.found, row.read) for row in rows] == [("0 to 5", 1, 1, 1), ("5 to 20", 2, 1, 0)]


def test_the_f_of_a_class_is_of_its_words_and_its_predictions() -> None:
    def finding(kind: str) -> Finding:
        return Finding("a", kind, word(0, 10, "x"), None)  # type: ignore[arg-type]

    found = [finding("read"), finding("missed"), finding("read")]
    predictions = [(2.0, True), (3.0, False), (4.0, False), (6.0, False)]
    rows = shares(found, [1.0, 2.0, 7.0], (0.0, 5.0, 20.0), predictions)
    assert [(row.predictions, row.right) for row in rows] == [(3, 1), (1, 0)]
    assert [row.f for row in rows] == [pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)), 0.0]
    assert [row.f for row in shares(found, [1.0, 2.0, 7.0], (0.0, 5.0, 20.0))] == [None, None]


def test_sharpness_falls_with_blur() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (40, 120, 3)).astype(np.uint8)
    smooth = np.repeat(noise[:, :1], 120, 1)
    truth = word(5, 100, "x")
    assert sharpness(noise, truth) > 3 * sharpness(smooth, truth)
    assert sharpness(np.full((40, 120, 3), 9, np.uint8), truth) == 0
    assert sharpness(noise, word(500, 600, "off the picture")) >= 0


def test_precision_and_recall_at_thresholds() -> None:
    read = Read(
        "a", (word(0, 100, "Exit"), word(200, 300, "Stop")), [said(0, 100, "exit", 0.9), said(500, 600, "x", 0.3)]
    )
    curve = precision_and_recall([read], text=True)
    low, high = curve[curve[:, 0] < 0.29], curve[curve[:, 0] > 0.31]
    assert low[:, 1:].tolist() == [[0.5, 0.5]] * len(low)
    assert high[:, 1:].tolist() == [[1.0, 0.5]] * len(high)
    assert len(low)
    assert len(high)
