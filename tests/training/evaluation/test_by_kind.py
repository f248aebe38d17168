"""Figures worked by hand."""

import numpy as np

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.by_kind import KindCount, by_kind, pooled
from spotter.training.evaluation.datasets import Preset
from spotter.training.evaluation.kinds import KINDS, Kind
from spotter.training.evaluation.scores import Read, compare
from spotter.training.prediction import Prediction


def box(x: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[x, 0], [x + 50, 0], [x + 50, 10], [x, 10]], np.float32)


def word(x: float, text: str) -> Annotation:
    return Annotation(box(x), text, not text)


# Twice Total, once in another case; a price read as another; a code that is found too far away; and what is ignored.
PICTURE = compare(
    Read(
        "a",
        (word(0, "Total"), word(100, "TOTAL"), word(200, "$24,100"), word(300, "PL8TE"), word(400, "")),
        [
            Prediction(box(0), "TOTAL", 0.9),
            Prediction(box(100), "Totals", 0.9),
            Prediction(box(200), "$24.00", 0.9),
            Prediction(box(340), "PL8TE", 0.9),
            Prediction(box(600), "total", 0.2),
            Prediction(box(400), "total", 0.9),
        ],
    )
)


def seen(counts: dict[Kind, KindCount]) -> dict[Kind, KindCount]:
    return {kind: count for kind, count in counts.items() if count.words}


def test_words_that_are_found_and_read() -> None:
    assert seen(by_kind([PICTURE], 0.0, Preset())) == {
        "plain": KindCount(2, 2, 2, 1, 0),
        "thousands": KindCount(1, 1, 1, 0, 0),
        "currency": KindCount(1, 1, 1, 0, 0),
        "code": KindCount(1, 1, 0, 0, 0),
    }


def test_words_that_are_read_anywhere() -> None:
    # TOTAL is read with its case; Total by the `total` of a low score, which the threshold drops.
    found = seen(by_kind([PICTURE], 0.0, Preset(measure="bag_of_words")))
    assert found == {
        "plain": KindCount(2, 2, 2, 2, 1),
        "thousands": KindCount(1, 1, 1, 0, 0),
        "currency": KindCount(1, 1, 1, 0, 0),
        "code": KindCount(1, 1, 0, 1, 1),
    }
    assert by_kind([PICTURE], 0.5, Preset(measure="bag_of_words"))["plain"] == KindCount(2, 2, 2, 1, 1)


def test_words_of_lines_have_no_boxes() -> None:
    line = compare(Read("a", (word(0, "a Été 12%"),), [Prediction(box(0), "été 12", 0.9)]))
    assert seen(by_kind([line], 0.0, Preset(measure="words_exact", boxes="lines"))) == {
        "single character": KindCount(1, 0, 0, 0, 0),
        "accented": KindCount(1, 0, 0, 1, 0),
        "percentage": KindCount(1, 0, 0, 0, 0),
    }


def test_data_sets_are_pooled() -> None:
    total = pooled([by_kind([PICTURE], 0.0, Preset()), by_kind([PICTURE, PICTURE], 0.0, Preset())])
    assert list(total) == list(KINDS)
    assert total["plain"] == KindCount(6, 6, 6, 3, 0)
