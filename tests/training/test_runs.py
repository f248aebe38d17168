"""Words that follow one another on a line."""

import numpy as np
import pytest

from spotter.training.polygons import Polygons
from spotter.training.runs import right_neighbours, run_from, run_polygon


def boxes(*rows: tuple[float, float, float, float]) -> Polygons:
    """Level words of (left, top, width, height)."""
    return np.array([[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in rows], np.float32)


def test_the_nearest_word_ahead_on_the_line_follows() -> None:
    words = boxes((0, 0, 40, 10), (44, 1, 20, 10), (68, 0, 20, 10), (0, 14, 40, 10), (200, 0, 20, 10))
    assert right_neighbours(words, 0.7).tolist() == [1, 2, -1, -1, -1]


def test_words_of_other_sizes_and_directions_do_not_follow() -> None:
    words = boxes((0, 0, 40, 10), (44, 2, 20, 5), (44, 0, 20, 10))
    assert right_neighbours(words, 0.7).tolist() == [2, -1, -1]
    words[2] = np.roll(words[2], 2, 0)  # upside down
    assert right_neighbours(words, 0.7)[0] == -1


def test_words_that_read_downwards_follow_downwards() -> None:
    level = boxes((0, 0, 40, 10), (44, 0, 20, 10))
    downwards = np.stack((-level[..., 1], level[..., 0]), 2)  # a quarter turn clockwise on the screen
    assert right_neighbours(downwards, 0.7).tolist() == [1, -1]


@pytest.mark.parametrize("count", [0, 1])
def test_few_words_have_no_neighbours(count: int) -> None:
    assert right_neighbours(boxes(*[(0, 0, 9, 9)] * count).reshape(-1, 4, 2), 1.0).tolist() == [-1] * count


def test_a_run_ends_at_its_length_and_before_a_word_that_cannot_be_used() -> None:
    neighbours = np.array([1, 2, 3, -1])
    assert run_from(0, neighbours, [True] * 4, 3) == [0, 1, 2]
    assert run_from(1, neighbours, [True] * 4, 9) == [1, 2, 3]
    assert run_from(0, neighbours, [True, True, False, True], 9) == [0, 1]
    assert run_from(0, np.array([1, 0]), [True] * 2, 9) == [0, 1]  # never in a circle


def test_a_run_reaches_from_the_first_words_start_to_the_last_ones_end() -> None:
    words = boxes((0, 0, 40, 10), (44, 1, 20, 10), (68, 2, 20, 12))
    assert run_polygon(words, [0, 1, 2]).tolist() == [[0, 0], [88, 2], [88, 14], [0, 10]]
