import math

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.families.fots.targets import detection_targets


def extent(mask: NDArray[np.bool_]) -> tuple[set[int], set[int]]:
    """Rows and columns of the points that are set; they must fill the rectangle of the two."""
    rows, columns = (set(axis.tolist()) for axis in np.nonzero(mask))
    assert int(mask.sum()) == len(rows) * len(columns)
    return rows, columns


def targets(
    boxes: list[list[float]], ignore: list[bool], shape: tuple[int, int] = (16, 16)
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    return detection_targets(
        np.array([(*box, 0.0) if len(box) == 5 else box for box in boxes], np.float32).reshape(-1, 6),
        np.array(ignore, bool),
        shape,
    )


def test_the_core_of_a_level_word() -> None:
    # 40 x 16 at (32, 32): a quarter of the height, 4, off the top and bottom leaves y 28 to 36: centres 30 and 34.
    # max(4, 0.15 x 40 = 6) off the ends leaves x 18 to 46: centres 18, 22 ... 46.
    text, counted, owner = targets([[32, 32, 40, 16, 0]], [False])
    assert extent(text) == ({7, 8}, set(range(4, 12)))
    assert counted.all()
    assert (owner == np.where(text, 0, -1)).all()


@pytest.mark.parametrize("theta", [math.pi / 2, -math.pi / 2])
def test_the_core_of_an_upright_word_is_turned(theta: float) -> None:
    text, _, _ = targets([[32, 32, 40, 16, theta]], [False])
    rows, columns = extent(text)
    assert columns == {7, 8}
    assert set(range(5, 11)) <= rows <= set(range(4, 12))  # the outermost centres lie on the very edge


def test_the_core_of_a_slanted_word_is_slanted() -> None:
    # As the level one, but row 7, 2 above the middle, lies 2 pixels to the left of it and row 8 as far to the right:
    # its ends are x 16 and 44 there, centres 18 to 42, and 20 and 48 below, centres 22 to 46.
    text, _, _ = targets([[32, 32, 40, 16, 0, 1.0]], [False])
    assert [row.nonzero()[0].tolist() for row in text[7:9]] == [list(range(4, 11)), list(range(5, 12))]
    assert text.sum() == 14


def test_a_tiny_word_keeps_the_points_nearest_its_middle() -> None:
    # 8 x 4 at (32, 30): the core's halves are at least 3 and 2.4 pixels: centres x 30 and 34, y 30.
    text, _, _ = targets([[32, 30, 8, 4, 0]], [False])
    assert extent(text) == ({7}, {7, 8})


def test_ignored_words_are_neither_text_nor_background() -> None:
    text, counted, owner = targets([[32, 32, 40, 16, 0]], [True])
    assert not text.any()
    assert (owner == -1).all()
    assert extent(~counted) == ({6, 7, 8, 9}, set(range(3, 13)))  # y 24 to 40, x 12 to 52


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_word_within_an_ignored_region_still_counts(order: list[int]) -> None:
    boxes = [[32.0, 32, 60, 40, 0], [32.0, 32, 40, 16, 0]]
    text, counted, _ = targets([boxes[n] for n in order], [[True, False][n] for n in order])
    assert extent(text) == ({7, 8}, set(range(4, 12)))
    assert counted[text].all()
    assert not counted[4, 8]


@pytest.mark.parametrize("small", [0, 1])
def test_where_cores_meet_the_smaller_word_owns_the_point(small: int) -> None:
    boxes = [[32.0, 32, 56, 40, 0]]
    boxes.insert(small, [32.0, 32, 24, 16, 0])
    _, _, owner = targets(boxes, [False, False])
    assert owner[7, 7] == small
    assert owner[7, 4] == 1 - small


def test_words_over_the_rim_are_cut_and_words_beyond_it_vanish() -> None:
    text, counted, owner = targets([[0, 32, 40, 16, 0], [-100, -100, 40, 16, 0], [500, 20, 40, 16, 0.3]], [False] * 3)
    assert extent(text) == ({7, 8}, {0, 1, 2, 3})  # x to 14
    assert set(owner[text].tolist()) == {0}
    assert counted.all()


def test_no_words_leave_background() -> None:
    text, counted, owner = targets([], [])
    assert not text.any()
    assert counted.all()
    assert (owner == -1).all()
