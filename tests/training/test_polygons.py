import numpy as np
import pytest

from spotter.training.polygons import heights, lengths, together, with_points

QUAD = np.array([[0, 0], [30, 0], [30, 10], [0, 10]], np.float32)
ARC = np.array([[0, 10], [10, 0], [30, 0], [30, 8], [10, 12], [0, 20]], np.float32)


def test_a_quadrilateral_is_as_high_and_long_as_its_sides() -> None:
    slanted = np.array([[0, 0], [30, 0], [40, 12], [0, 10]], np.float32)
    assert heights(slanted[None]).tolist() == pytest.approx([(10 + np.hypot(10, 12)) / 2])
    assert lengths(slanted[None]).tolist() == pytest.approx([(30 + np.hypot(40, 2)) / 2])


def test_a_curve_is_as_high_as_its_points_are_apart_and_as_long_as_its_edges() -> None:
    assert heights(ARC[None]).tolist() == pytest.approx([(10 + 12 + 8) / 3])
    top, bottom = np.hypot(10, 10) + 20, np.hypot(20, 4) + np.hypot(10, 8)
    assert lengths(ARC[None]).tolist() == pytest.approx([(top + bottom) / 2])


def test_more_points_lie_evenly_on_both_edges() -> None:
    made = with_points(QUAD, 8)
    assert made[:, 0].tolist() == [0, 10, 20, 30, 30, 20, 10, 0]
    assert made[:, 1].tolist() == [0] * 4 + [10] * 4
    assert with_points(ARC, 6) is ARC
    bent = with_points(np.array([[0, 0], [10, 0], [10, 30], [40, 30], [20, 30], [0, 30]], np.float32), 10)
    assert bent[:5].tolist() == [[0, 0], [10, 0], [10, 10], [10, 20], [10, 30]]


def test_an_edge_of_no_length_keeps_its_place() -> None:
    assert with_points(np.full((4, 2), 7, np.float32), 6).tolist() == [[7, 7]] * 6


def test_polygons_of_different_numbers_of_points_come_together() -> None:
    made = together([QUAD, ARC])
    assert made.shape == (2, 6, 2)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made[1], ARC)
    assert made[0, 1].tolist() == [15, 0]
    assert together([]).shape == (0, 4, 2)
    np.testing.assert_array_equal(together([QUAD, QUAD])[1], QUAD)
