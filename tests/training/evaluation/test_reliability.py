"""Figures worked by hand."""

import numpy as np
import pytest

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.datasets import Preset
from spotter.training.evaluation.reliability import Bin, expected_calibration_error, measure, outcomes, reliability
from spotter.training.evaluation.scores import Read, compare
from spotter.training.prediction import Prediction

WORDS, LINES = Preset(), Preset(boxes="lines")


def box(x: float, width: float = 10.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[x, 0], [x + width, 0], [x + width, 5], [x, 5]], np.float32)


def test_calibration_error_by_hand() -> None:
    # Bin 0.2: two words, none right, gap 0.25; bin 0.9: two words, one right, gap 0.95 - 0.5.
    error = expected_calibration_error(np.array([0.25, 0.25, 0.95, 0.95]), np.array([False, False, True, False]))
    assert error == pytest.approx((2 * 0.25 + 2 * 0.45) / 4)
    assert expected_calibration_error(np.array([1.0]), np.array([True])) == 0
    assert expected_calibration_error(np.zeros(0), np.zeros(0, np.bool_)) == 0


def test_the_bins() -> None:
    found = reliability(np.array([0.0, 0.1, 0.125, 1.0]), np.array([True, False, True, True]))
    assert found.bins[:2] == (Bin(1, 0.0, 1), Bin(2, 0.225, 1))
    assert found.bins[9] == Bin(1, 1.0, 1)
    assert found.words == 4
    # Gaps of 1, 0.775 and 0 words, of 4.
    assert found.error == pytest.approx(1.775 / 4)


def test_words_in_regions_not_to_be_cared_about_do_not_count() -> None:
    truths = (Annotation(box(0), "Exit", False), Annotation(box(20), "", True))
    predictions = [Prediction(box(0), "EXIT", 1.0), Prediction(box(20), "x", 1.0), Prediction(box(50), "y", 0.4)]
    picture = compare(Read("a", truths, predictions))
    counts, right = outcomes(picture, WORDS)
    assert counts.tolist() == [True, False, True]
    assert right.tolist() == [True, False, False]
    assert outcomes(picture, WORDS, 0.5)[0].tolist() == [True, False, False]
    found = measure([picture, picture], WORDS)
    assert found.words == 4
    assert found.error == pytest.approx((0 * 2 + 0.4 * 2) / 4)


def test_a_word_of_a_line_is_right_as_often_as_the_line_has_it() -> None:
    truths = (Annotation(box(0, 100), "the end of the road", False), Annotation(box(200, 100), "far", False))
    predictions = [
        Prediction(box(0), "The", 0.6),
        Prediction(box(20), "end of", 0.9),
        Prediction(box(40), "the", 0.8),
        Prediction(box(60), "THE", 0.7),
        Prediction(box(80), "far", 0.9),  # in another line
        Prediction(box(150), "road", 0.9),  # in none
        Prediction(box(200), "", 0.9),
    ]
    counts, right = outcomes(compare(Read("a", truths, predictions)), LINES)
    assert counts.all()
    assert right.tolist() == [False, True, True, True, False, False, False]
