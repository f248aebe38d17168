import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.video.motion import Motion, placed


def box(x: float, y: float, width: float = 80, height: float = 20) -> NDArray[np.float64]:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def test_a_polygons_middle_and_height() -> None:
    middle, height = placed(box(10, 30))
    assert (middle.tolist(), height) == ([50, 40], 20)
    turned = np.array([[0, 0], [30, 40], [22, 46], [-8, 6]])  # ten high, fifty wide, along (3, 4) / 5
    assert placed(turned)[1] == pytest.approx(10)
    curve = np.array([[0, 0], [10, -2], [20, 0], [20, 8], [10, 6], [0, 8]])
    assert placed(curve)[1] == 8
    assert placed(np.zeros((4, 2)))[1] == 1


def test_a_steady_movement_is_foreseen() -> None:
    motion = Motion(box(0, 100))
    for step in range(1, 8):
        motion.predict(1)
        motion.correct(box(15 * step, 100 - 3 * step))
    motion.predict(2)
    assert motion.polygon == pytest.approx(box(135, 73), abs=1)


def test_growing_words_keep_their_shape() -> None:
    motion = Motion(box(100, 100, 80, 20))
    for step in range(1, 8):
        motion.predict(1)
        motion.correct(box(100, 100, 80 + 8 * step, 20 + 2 * step))
    motion.predict(1)
    assert motion.polygon == pytest.approx(box(100, 100, 144, 36), abs=1.5)


def test_a_word_that_stays_stops() -> None:
    motion = Motion(box(0, 0))
    for step in range(1, 5):
        motion.predict(1)
        motion.correct(box(30 * step, 0))
    for _ in range(5):
        motion.predict(1)
        motion.stay()
    motion.predict(1)
    assert motion.polygon == pytest.approx(box(120, 0), abs=3)


def test_a_new_word_may_go_far_a_steady_one_may_not() -> None:
    there = np.array([[130.0, 10.0, 20.0]])  # ninety pixels, 4.5 heights, from where the box lies
    new = Motion(box(0, 0))
    new.predict(1)
    assert new.distances(there)[0] < 7.815
    steady = Motion(box(0, 0))
    for _ in range(8):
        steady.predict(1)
        steady.stay()
    steady.predict(1)
    assert steady.distances(there)[0] > 7.815
    assert steady.distances(np.array([[40.0, 10.0, 20.0]]))[0] == pytest.approx(0, abs=1e-6)
