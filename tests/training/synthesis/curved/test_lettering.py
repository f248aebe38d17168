from dataclasses import replace

import numpy as np
import pytest

from spotter.training.synthesis.curved.lettering import Lettering
from spotter.training.synthesis.curved.paths import Path, circle, line
from spotter.training.synthesis.pool import PatchPool

PLANE = np.array([[1.0, 0, 128], [0, 1, 128], [0, 0, 1]])


def word(pool: PatchPool, path: Path, rigid: bool = False) -> Lettering:
    """One of six to nine letters, a hundred pixels long, in the middle of a path."""
    patch = next(n for n, text in enumerate(pool.texts) if 6 <= len(text) <= 9 and text.isalpha() and not pool.arcs[n])
    left, _, right, _ = pool.quads[patch].tolist()
    return Lettering(pool, patch, path, -50, 100 / (right - left), rigid=rigid)


def polar(points: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the middle of the picture, and degrees from the top, clockwise."""
    x, y = points[..., 0] - 128, points[..., 1] - 128
    return np.hypot(x, y), np.degrees(np.arctan2(x, -y))


def test_a_words_polygon_runs_along_both_circles(pool: PatchPool) -> None:
    made = word(pool, circle(80, -np.pi / 2, 3.0))
    polygon = made.polygon(PLANE)
    assert polygon.shape == (16, 2)
    radius, angle = polar(polygon)
    top, bottom = pool.quads[made.patch, [1, 3]]
    baseline = pool.baselines[made.patch]
    np.testing.assert_allclose(radius[:8], 80 + (baseline - top) * made.scale, atol=0.2)
    np.testing.assert_allclose(radius[8:], 80 - (bottom - baseline) * made.scale, atol=0.2)
    assert made.width == pytest.approx(100)
    np.testing.assert_allclose(angle[:8], np.linspace(-0.5, 0.5, 8) * np.degrees(100 / 80), atol=0.3)
    np.testing.assert_allclose(angle[8:], angle[:8][::-1], atol=0.3)


def test_characters_follow_one_another_along_both_circles(pool: PatchPool) -> None:
    made = word(pool, circle(80, -np.pi / 2, 3.0))
    quads = made.characters(PLANE)
    assert quads.shape == (len(pool.texts[made.patch]), 4, 2)
    radius, angle = polar(quads)
    around, turned = polar(made.polygon(PLANE))
    np.testing.assert_allclose(radius[:, :2], around[0], atol=0.2)
    np.testing.assert_allclose(radius[:, 2:], around[-1], atol=0.2)
    np.testing.assert_allclose(angle[1:, 0], angle[:-1, 1], atol=1e-3)
    assert (angle[:, 1] > angle[:, 0]).all()
    assert angle[0, 0] == pytest.approx(turned.min(), abs=8)
    assert angle[-1, 1] == pytest.approx(turned.max(), abs=8)


@pytest.mark.parametrize("rigid", [False, True])
def test_ink_lies_within_the_polygon_and_fills_it(pool: PatchPool, rigid: bool) -> None:
    made = word(pool, circle(80, -np.pi / 2, 3.0), rigid)
    cover = made.cover(PLANE, 256)
    assert cover is not None
    alpha, left, top = cover
    rows, columns = np.nonzero(alpha > 127)
    radius, angle = polar(np.stack([columns + left + 0.5, rows + top + 0.5], -1))
    around, turned = polar(made.polygon(PLANE))
    assert around.min() - 2.5 < radius.min() < radius.max() < around.max() + 2.5
    assert np.abs(angle).max() < np.abs(turned).max() + 2
    assert np.abs(angle).max() > np.abs(turned).max() - 5


def test_a_bent_word_has_as_much_ink_as_a_straight_one(pool: PatchPool) -> None:
    amounts = []
    for path, rigid in ((line(200), False), (circle(80, -np.pi / 2, 3.0), False), (circle(80, -np.pi / 2, 3.0), True)):
        cover = word(pool, path, rigid).cover(PLANE, 256)
        assert cover is not None
        amounts.append(int(cover[0].sum()))
    assert amounts[1] == pytest.approx(amounts[0], rel=0.2)
    assert amounts[2] == pytest.approx(amounts[0], rel=0.1)


def test_a_word_off_the_picture_has_no_pixels_and_one_over_its_rim_some(pool: PatchPool) -> None:
    made = word(pool, line(200))
    assert made.cover(np.array([[1.0, 0, 900], [0, 1, 128], [0, 0, 1]]), 256) is None
    cover = made.cover(np.array([[1.0, 0, 0], [0, 1, 128], [0, 0, 1]]), 256)
    assert cover is not None
    alpha, left, _ = cover
    assert left == 0
    assert 40 < alpha.shape[1] < 70


@pytest.mark.timeout(60)
def test_a_character_without_width_is_left_out(pool: PatchPool) -> None:
    """Of a combined character, say; OpenCV may not return from a transform of nothing."""
    made = word(pool, circle(80, -np.pi / 2, 3.0), rigid=True)
    whole = made.cover(PLANE, 256)
    boundaries = list(pool.boundaries)
    boundaries[made.patch] = np.insert(boundaries[made.patch], 2, boundaries[made.patch][2])
    again = replace(made, pool=replace(pool, boundaries=tuple(boundaries))).cover(PLANE, 256)
    assert whole is not None
    assert again is not None
    np.testing.assert_array_equal(again[0], whole[0])
