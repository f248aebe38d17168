import numpy as np

from spotter.export.golden import GOLDEN_LINES, draw_lines


def test_lines_are_dark_on_light_one_below_the_other() -> None:
    picture = draw_lines(GOLDEN_LINES, 640, 256, 20)
    assert picture.shape == (256, 640, 3)
    dark = np.flatnonzero((picture.max(2) < 120).any(1))
    bands = np.split(dark, np.flatnonzero(np.diff(dark) > 8) + 1)
    assert len(bands) == len(GOLDEN_LINES)
    assert [20 + 40 * n <= band[0] <= 30 + 40 * n for n, band in enumerate(bands)] == [True] * 3


def test_no_lines_leave_the_background() -> None:
    assert draw_lines((), 64, 64, 12).min() >= 225


def test_the_same_picture_is_drawn_every_time() -> None:
    assert np.array_equal(draw_lines(GOLDEN_LINES, 640, 256, 20), draw_lines(GOLDEN_LINES, 640, 256, 20))
