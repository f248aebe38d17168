import numpy as np
import pytest

from spotter.training.synthesis.curved.paths import Path, circle, cylinder, line, snake, wave

PATHS = [
    circle(50, -np.pi / 2, 2.0),
    circle(50, np.pi / 2, 2.0, clockwise=False),
    wave(200, 30, 120, 0.5, upright=False),
    snake(200, 20, 40),
    line(200),
]


@pytest.mark.parametrize("path", PATHS)
def test_letters_stand_at_right_angles_and_as_far_apart_as_on_a_line(path: Path) -> None:
    way = np.linspace(path.start, path.end, 201)
    points = path.places(way, np.zeros(201))
    steps = np.diff(points, axis=0)
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), way[1] - way[0], rtol=0.01)
    down = path.places(way, np.ones(201)) - points
    assert np.abs((down[:-1] * steps).sum(1)).max() < 0.06 * (way[1] - way[0])
    np.testing.assert_allclose(np.linalg.norm(down, axis=1), 1, atol=1e-2)
    # Down lies to the right of the reading direction, so that nothing is mirrored.
    assert (steps[:, 0] * down[:-1, 1] - steps[:, 1] * down[:-1, 0] > 0).all()


def test_words_at_the_top_of_a_seal_have_their_feet_inwards_and_those_at_its_bottom_outwards() -> None:
    here = np.zeros(1)
    top, bottom = circle(50, -np.pi / 2, 2.0), circle(50, np.pi / 2, 2.0, clockwise=False)
    np.testing.assert_allclose(top.places(here, here), [[0, -50]], atol=0.1)
    np.testing.assert_allclose(top.places(here, here + 10), [[0, -40]], atol=0.1)
    np.testing.assert_allclose(bottom.places(here, here), [[0, 50]], atol=0.1)
    np.testing.assert_allclose(bottom.places(here, here + 10), [[0, 60]], atol=0.1)
    for path in (top, bottom):
        ahead = path.places(np.array([10.0]), here)
        assert ahead[0, 0] == pytest.approx(50 * np.sin(0.2), abs=0.1)  # to the right


def test_letters_around_a_bottle_stand_upright_and_are_narrower_at_its_sides() -> None:
    path = cylinder(100, 20, 5, 2.4)
    way = np.linspace(path.start, path.end, 25)
    points = path.places(way, np.zeros(25))
    np.testing.assert_allclose(path.places(way, np.full(25, 7.0)) - points, np.tile([0.0, 7.0], (25, 1)), atol=1e-9)
    widths = np.diff(points[:, 0])
    assert widths[0] < 0.5 * widths[12]
    assert points[12].tolist() == pytest.approx([0, 5], abs=0.1)
    assert points[0, 1] == pytest.approx(5 + 20 * (np.cos(1.2) - 1), abs=0.1)


def test_a_frame_turns_a_letter_as_the_path_runs() -> None:
    point, along, down = circle(50, -np.pi / 2, 2.0).frame(50 * np.pi / 6)
    np.testing.assert_allclose(point, [25, -50 * np.cos(np.pi / 6)], atol=0.1)
    np.testing.assert_allclose(along, [np.cos(np.pi / 6), 0.5], atol=0.01)
    np.testing.assert_allclose(down, [-0.5, np.cos(np.pi / 6)], atol=0.01)
