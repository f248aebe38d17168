"""Figures worked by hand."""

import numpy as np

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.by_height import HEIGHTS, HeightClass, text_height
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.scores import Read, Scorer
from spotter.training.prediction import Prediction
from tests.training.evaluation.test_scores import STREET, quad


def test_text_height() -> None:
    by_height = Scorer([STREET])().by_height
    # The false alarm is 10 high; what lies in the ignored region does not count.
    assert by_height[HEIGHTS.index(8.0)] == HeightClass(2, 2, 1, 3)
    assert by_height[HEIGHTS.index(16.0)] == HeightClass(2, 1, 0, 1)
    assert sum(part.truths for part in by_height) == 4
    assert by_height[HEIGHTS.index(8.0)].detection == Counts(2, 2, 3)
    assert by_height[HEIGHTS.index(8.0)].end_to_end == Counts(1, 2, 3)


def test_a_prediction_is_as_high_as_its_true_word() -> None:
    # The true word is 16 high, what is read of it 15.
    by_height = Scorer(
        [Read("a", (Annotation(quad(0, 16), "a", False),), [Prediction(quad(0, 15), "a", 0.9)])]
    )().by_height
    assert by_height[HEIGHTS.index(16.0)] == HeightClass(1, 1, 1, 1)
    assert by_height[HEIGHTS.index(12.0)] == HeightClass()


def test_the_height_of_a_curved_word_is_that_of_its_ends() -> None:
    # Three points along the top edge, three back along the bottom; ends of 10 and 14.
    curve = np.array([[0, 10], [50, 0], [100, 10], [100, 24], [50, 14], [0, 20]], np.float32)
    assert text_height(curve) == 12
