import math
import random
import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from spotter.reading.layout.blocks import find_blocks, outline
from spotter.reading.layout.frames import Polygon
from tests.reading.layout.drawn import Drawn, comic, page, receipt, table


def box(x: float, y: float, width: float, height: float = 20, degrees: float = 0) -> Polygon:
    """A word whose own top-left is (x, y) on a page that is then turned about the origin."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned: Polygon = (corners @ np.array([[cosine, sine], [-sine, cosine]])).tolist()
    return turned


def lines(polygons: Sequence[Polygon]) -> list[list[int]]:
    """The words of each line, in reading order."""
    return [line.words for block in find_blocks(polygons) for line in block.lines]


PAGE = [(0, 0, 80), (95, 3, 60), (170, -2, 90), (5, 40, 120), (140, 43, 60), (0, 90, 50)]
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
    words = [box(95 * step, 0, 80, degrees=8) for step in range(12)]
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


def test_wide_gaps_end_a_line_but_not_its_row() -> None:
    words = [box(0, 0, 60), box(70, 0, 60), box(300, 0, 50), box(0, 30, 60), box(300, 30, 50)]
    (block,) = find_blocks(words)
    assert [(line.words, line.row) for line in block.lines] == [([0, 1], 0), ([2], 0), ([3], 1), ([4], 1)]


def test_a_line_of_wide_spaces_stays_one_line() -> None:
    assert lines([box(86 * step, 0, 60, height=20) for step in range(8)]) == [list(range(8))]


def test_marks_belong_to_the_line_that_they_stand_in() -> None:
    dash, dot = box(65, 9, 14, height=3), box(150, 16, 4, height=4)
    assert lines([box(0, 0, 60), dash, box(84, 0, 60), dot]) == [[0, 1, 2, 3]]


def test_blocks_part_at_wide_spaces_and_other_heights() -> None:
    title = [box(0, 0, 200, height=50)]
    first = [box(0, 80 + 26 * step, 300) for step in range(4)]
    second = [box(0, 220 + 26 * step, 300) for step in range(3)]
    blocks = find_blocks([*title, *first, *second])
    assert [[line.words for line in block.lines] for block in blocks] == [[[0]], [[1], [2], [3], [4]], [[5], [6], [7]]]


@pytest.mark.parametrize("degrees", [0.0, 5, 90, 180, -90, -175])
def test_an_outline_holds_its_words_and_is_turned_as_they_are(degrees: float) -> None:
    words = [box(0, 0, 80, degrees=degrees), box(90, 2, 30, degrees=degrees)]
    (block,) = find_blocks(words)
    assert math.remainder(block.degrees - degrees, 360) == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(outline(words, block.degrees), box(0, 0, 120, 22, degrees), atol=0.11)
    for turn in block.lines[0].directions:
        assert math.remainder(turn - degrees, 360) == pytest.approx(0, abs=1e-6)
        assert -180 < turn <= 180


def score(page: Drawn, seed: int) -> tuple[float, float]:
    """The share of a page's neighbours that are found to be so, and F of its lines, its words being shuffled."""
    order = list(range(len(page.words)))
    random.Random(seed).shuffle(order)
    found = [[order[word] for word in line] for line in lines([page.words[index] for index in order])]
    return neighbours([word for line in found for word in line]), f_of_lines(page.line_numbers, found)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_columns_are_read_one_after_the_other(columns: int) -> None:
    turns = (0.0, 2.0, -1.5, 90.0, 180.0, 271.0)
    scores = [score(page(columns, seed).turned(turns[seed % len(turns)]), seed) for seed in range(12)]
    assert np.mean([order for order, _ in scores]) >= 0.99
    assert np.mean([f for _, f in scores]) >= 0.96


def test_tables_are_read_by_rows_and_receipts_from_top_to_bottom() -> None:
    drawn = [*(table(12, columns, seed=columns) for columns in (2, 3, 4, 5, 6)), *map(receipt, range(5))]
    assert [score(each, 3) for each in drawn] == [(1.0, 1.0)] * len(drawn)


def test_comics_are_read_by_tiers_panels_and_bubbles() -> None:
    scores = [score(comic(seed), seed) for seed in range(40)]
    assert np.mean([order for order, _ in scores]) >= 0.93
    assert [f for _, f in scores] == [1.0] * len(scores)


def test_level_speech_bubbles_are_read_one_after_the_other() -> None:
    left = [box(20, 0, 60), box(0, 30, 50), box(55, 30, 45), box(10, 60, 40), box(55, 60, 35)]
    right = [box(210, 11, 30), box(250, 11, 30), box(200, 41, 50), box(255, 41, 35)]
    assert lines([*left, *right]) == [[0], [1, 2], [3, 4], [5, 6], [7, 8]]


def test_white_space_across_the_page_separates_what_is_read_first() -> None:
    upper = [box(0, 0, 80), box(300, 40, 80)]
    lower = [box(0, 300, 80), box(300, 340, 80)]
    assert lines([*upper, *lower]) == [[0], [1], [2], [3]]
    nearer = [box(0, 90, 80), box(300, 130, 80)]  # no wider than between the paragraphs of two columns
    assert lines([*upper, *nearer]) == [[0], [2], [1], [3]]


def test_a_full_page_takes_little_time() -> None:
    words = [word for seed in range(3) for word in page(4, seed).words][:1500]
    began = time.process_time()
    find_blocks(words)
    assert time.process_time() - began < 1.0  # 0.05 s where nothing else runs


def neighbours(found: Sequence[int]) -> float:
    """The share of words 0, 1, 2 ... whose successor comes right after them."""
    return float(np.mean(np.isin(np.arange(len(found) - 1), [a for a, b in pairwise(found) if b == a + 1])))


def f_of_lines(numbers: Sequence[int], found: Sequence[Sequence[int]]) -> float:
    """F of the lines found that are whole; numbers: of each word's true line."""
    true = {frozenset(np.flatnonzero(np.equal(numbers, number)).tolist()) for number in set(numbers)}
    return 2 * len(true & set(map(frozenset, found))) / (len(true) + len(found))
