import math
import random

import numpy as np
import pytest

from spotter.reading.reading_order import Polygon, lines


def box(x: float, y: float, width: float, height: float = 20, degrees: float = 0) -> Polygon:
    """A word whose own top-left is (x, y) on a page that is then turned about the origin."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned: Polygon = (corners @ np.array([[cosine, sine], [-sine, cosine]])).tolist()
    return turned


PAGE = [(0, 0, 80), (100, 3, 60), (190, -2, 90), (5, 40, 120), (140, 43, 60), (0, 90, 50)]
EXPECTED = [[0, 1, 2], [3, 4], [5]]


@pytest.mark.parametrize("degrees", [0, 7, -12, 45, 90, 135, 180, -90, -179])
def test_a_page_reads_the_same_however_it_is_turned(degrees: float) -> None:
    assert lines([box(*word, degrees=degrees) for word in PAGE]) == EXPECTED


def test_the_order_of_detection_does_not_matter() -> None:
    shuffled = list(range(len(PAGE)))
    random.Random(4).shuffle(shuffled)
    found = lines([box(*PAGE[index]) for index in shuffled])
    assert [[shuffled[index] for index in line] for line in found] == EXPECTED


def test_a_skewed_line_stays_one_line() -> None:
    words = [box(100 * step, 0, 80, degrees=8) for step in range(12)]
    assert lines(words) == [list(range(12))]


def test_text_at_a_quarter_turn_comes_after_the_main_text() -> None:
    sideways = box(10, -300, 60, degrees=90)
    assert lines([sideways, *(box(*word) for word in PAGE)]) == [[1, 2, 3], [4, 5], [6], [0]]


def test_words_of_different_height_on_one_line() -> None:
    assert lines([box(0, 0, 50, 40), box(60, 12, 40, 16)]) == [[0, 1]]


def test_nothing_and_points() -> None:
    assert lines([]) == []
    point = [[0.0, 0.0]] * 4
    assert sorted(index for line in lines([point, point]) for index in line) == [0, 1]


def test_curves_of_many_points() -> None:
    top = [[float(x), -abs(x - 50) / 10] for x in range(0, 101, 25)]
    bottom = [[float(x), 20 - abs(x - 50) / 10] for x in range(100, -1, -25)]
    straight = [[float(x), float(y)] for y, along in ((0, 1), (20, -1)) for x in range(120, 181, 15)[::along]]
    assert lines([straight, top + bottom]) == [[1, 0]]
