import re

import numpy as np
import pytest
from click.testing import CliRunner

from spotter.cli.evaluate import evaluate
from spotter.cli.layout import cut_into_words, layout_scores, text_neighbours
from spotter.reading.layout.frames import Polygon
from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.scores import Read
from spotter.training.prediction import Prediction
from tests.cli.test_evaluate import make_dataset

__all__ = ["make_dataset"]


def box(x: float, y: float, width: float = 50, height: float = 20) -> Polygon:
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def truth(polygon: Polygon, text: str = "x") -> Annotation:
    return Annotation(np.array(polygon, np.float32), text, False)


def found(polygon: Polygon, score: float = 0.9) -> Prediction:
    return Prediction(np.array(polygon, np.float32), "y", score)


PARAGRAPH = [box(60 * n, 30 * line) for line in range(2) for n in range(3)]


def test_a_line_is_cut_at_its_spaces() -> None:
    assert cut_into_words(truth(box(10, 0, 100), "ab  cde fg")) == [box(10, 0, 20), box(50, 0, 30), box(90, 0, 20)]


def test_neighbours_in_text_are_those_of_lines_and_paragraphs_but_not_of_cells() -> None:
    assert text_neighbours(PARAGRAPH) == [0, 1, 2, 3, 4]
    cells = [box(0, 30 * row) for row in range(4)]
    assert text_neighbours(cells) == []
    assert text_neighbours([*PARAGRAPH[:3], box(500, 0), *PARAGRAPH[3:]]) == [0, 1, 4, 5]
    assert text_neighbours([]) == text_neighbours(PARAGRAPH[:1]) == []


def test_the_order_of_true_and_of_found_words_is_scored() -> None:
    truths = tuple(map(truth, PARAGRAPH))
    predictions = [found(PARAGRAPH[n]) for n in (5, 0, 1, 2, 2)] + [found(box(900, 0)), found(PARAGRAPH[3], 0.1)]
    true, read = layout_scores(Read("a", truths, predictions), "words", 0.5)
    assert (true.text, true.every) == (Counts(5, 5, 5), Counts(5, 5, 5))
    assert (read.text, read.every) == (Counts(2, 2, 2), Counts(2, 2, 2))
    swapped = (truths[1], truths[0], *truths[2:])
    assert layout_scores(Read("a", swapped, []), "words", 0.5)[0].every == Counts(3, 5, 5)


def test_lines_are_right_when_they_hold_just_the_words_of_a_true_one() -> None:
    truths = (truth(box(0, 0, 90), "ab cd"), truth(box(0, 60, 300), "a              b"), truth(box(0, 120), "e"))
    predictions = [found(box(0, 0)), found(box(54, 0, 36)), found(box(0, 120))]
    true, read = layout_scores(Read("a", truths, predictions), "lines", 0.5)
    assert (true.lines, read.lines) == (Counts(2, 3, 4), Counts(2, 2, 2))


@pytest.mark.parametrize("preset", ["funsd", "sroie"])
def test_the_true_words_of_a_dataset_are_scored_without_a_reader(dataset: object, preset: str) -> None:
    result = CliRunner().invoke(evaluate, ["none", f"{preset}={dataset}", "--layout"])
    assert result.exit_code == 0, result.output
    row = result.output.splitlines()[-1]
    # As lines they are one too many: they stand a space apart.
    figures = ["0.0", "-", "-"] if preset == "sroie" else ["-", "100.0", "100.0"]
    assert re.split(r"\s+", row)[1:] == [*figures, "-", "-", "-"]
