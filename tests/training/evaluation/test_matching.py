"""Cases worked by hand: boxes are 10 high, so that overlaps are those of their widths."""

import numpy as np
import pytest

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.matching import match, overlaps, same_text, same_text_leniently
from spotter.training.prediction import Prediction


def box(start: float, end: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[start, 0], [end, 0], [end, 10], [start, 10]], np.float32)


def truth(start: float, end: float, ignore: bool = False) -> Annotation:
    return Annotation(box(start, end), "" if ignore else "word", ignore)


def prediction(start: float, end: float) -> Prediction:
    return Prediction(box(start, end), "word", 0.9)


def test_overlaps_of_boxes() -> None:
    found = overlaps([truth(0, 100), truth(200, 300)], [prediction(50, 150), prediction(200, 300)])
    np.testing.assert_allclose(found.iou, [[50 / 150, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(found.covered, [[0.5, 0.0], [0.0, 1.0]])


def test_overlap_of_turned_boxes() -> None:
    # A square of side 2 and the same turned by 45 degrees share the regular octagon of apothem 1.
    diamond = np.array([[0, -np.sqrt(2)], [np.sqrt(2), 0], [0, np.sqrt(2)], [-np.sqrt(2), 0]], np.float32)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    octagon = 8 * np.tan(np.pi / 8)
    found = overlaps([Annotation(square, "x", False)], [Prediction(diamond, "x", 1.0)])
    assert found.iou[0, 0] == pytest.approx(octagon / (8 - octagon), rel=1e-5)


def test_shapes_without_area_overlap_nothing() -> None:
    found = overlaps([truth(0, 100), truth(5, 5)], [prediction(7, 7), prediction(0, 100)])
    np.testing.assert_allclose(found.iou, [[0.0, 1.0], [0.0, 0.0]])


def test_polygons_that_cross_themselves_are_mended() -> None:
    bow = Prediction(np.array([[0, 0], [10, 10], [10, 0], [0, 10]], np.float32), "x", 1.0)
    found = overlaps([truth(0, 10)], [bow])
    assert found.iou[0, 0] == pytest.approx(0.5)  # two triangles, half of the square


def test_an_iou_of_one_half_is_not_enough() -> None:
    # 50 of 100 in common: IoU is 0.5 exactly; 51 is above.
    half = overlaps([truth(0, 100)], [prediction(0, 50)])
    more = overlaps([truth(0, 100)], [prediction(0, 51)])
    assert match([False], half).pairs == []
    assert match([False], more).pairs == [(0, 0)]


def test_words_match_one_to_one_in_the_given_order() -> None:
    # Both predictions fit the only word: the first takes it though the second fits better.
    found = overlaps([truth(0, 100)], [prediction(0, 60), prediction(0, 100)])
    matching = match([False], found)
    assert matching.pairs == [(0, 0)]
    assert matching.predictions == [0, 1]


def test_a_prediction_serves_one_word_only() -> None:
    found = overlaps([truth(0, 100), truth(1, 101)], [prediction(0, 100)])
    assert match([False, False], found).pairs == [(0, 0)]


def test_predictions_in_a_do_not_care_region_are_dropped() -> None:
    # 60% of the first lies in the region, half of the second: only more than half drops it.
    regions = [truth(0, 60, ignore=True)]
    found = overlaps(regions, [prediction(0, 100), prediction(10, 110)])
    matching = match([True], found)
    assert matching.predictions == [1]
    assert matching.truths == []


def test_a_dropped_prediction_cannot_match() -> None:
    found = overlaps([truth(0, 100), truth(0, 90, ignore=True)], [prediction(0, 100)])
    matching = match([False, True], found)
    assert (matching.pairs, matching.truths, matching.predictions) == ([], [0], [])


def test_predictions_left_out_take_no_part() -> None:
    found = overlaps([truth(0, 100)], [prediction(0, 60), prediction(0, 100)])
    matching = match([False], found, np.array([False, True]))
    assert (matching.pairs, matching.predictions) == ([(0, 1)], [1])


def test_pictures_without_words_or_predictions() -> None:
    assert match([], overlaps([], [prediction(0, 10)])).predictions == [0]
    assert match([False], overlaps([truth(0, 10)], [])).truths == [0]
    assert match([], overlaps([], [])).pairs == []


def test_case_does_not_matter_punctuation_does() -> None:
    assert same_text("Exit", "eXIT")
    assert not same_text("EXIT!", "EXIT")


@pytest.mark.parametrize(
    ("text", "reading", "same"),
    [
        ("(Exit)", "EXIT", True),
        ("(Exit)", "(exit", True),
        ("(Exit)", "exit)", True),
        ("Exit!!", "EXIT", False),  # one mark only
        ("Exit", "EXIT!", False),  # marks of the truth only
        ("Ex-it", "EXIT", False),
        ("-Exit", "EXIT", False),  # not among the forgiven
        ("!", "", True),
        ("", "!", False),
    ],
)
def test_the_lenient_rule_forgives_a_mark_at_either_end_of_the_truth(text: str, reading: str, same: bool) -> None:
    assert same_text_leniently(text, reading) is same
