from dataclasses import replace

import numpy as np
import pytest

from spotter.training.synthesis import Backgrounds, PageSource, SceneSource
from spotter.training.synthesis.degrade import UNTOUCHED
from spotter.training.synthesis.layout import (
    TEXT,
    Background,
    Layout,
    best_level,
    characters,
    corners,
    labels,
    quarter_turned,
    transform,
)
from spotter.training.synthesis.pool import LEVELS, PatchPool
from spotter.training.synthesis.rasterise import rasterise


def _layout(pool: PatchPool, *shifts: tuple[float, float], scale: float = 1.0, size: int = 200) -> Layout:
    """A word of the pool that fits, once at each shift."""
    count = len(shifts)
    wide = pool.quads[:, 2] - pool.quads[:, 0]
    patch = next(n for words in pool.groups.values() for n in words.tolist() if 60 < wide[n] < 150)
    homographies = np.tile(np.diag([scale, scale, 1.0]), (count, 1, 1)).astype(np.float32)
    homographies[:, :2, 2] = np.reshape(shifts, (count, 2))
    return Layout(
        size,
        Background(),
        np.full(count, patch, np.int64),
        np.zeros(count, np.int64),
        homographies,
        np.zeros((count, 3), np.float32),
        np.ones(count, np.float32),
        np.full(count, TEXT, np.int64),
        np.ones(count, np.bool_),
    )


def test_corners_go_clockwise_from_the_top_left() -> None:
    assert corners(np.array([[1, 2, 5, 4]]))[0].tolist() == [[1, 2], [5, 2], [5, 4], [1, 4]]


def test_transform_by_hand() -> None:
    turned = np.array([[0, -1, 10], [1, 0, 0], [0, 0, 1.0]])  # a quarter turn clockwise on screen, then 10 to the right
    far = np.array([[1, 0, 0], [0, 1, 0], [0.1, 0, 1.0]])
    moved = transform(np.stack([turned, far]), np.array([[[2.0, 0.0], [0.0, 3.0]], [[10.0, 4.0], [0.0, 4.0]]]))
    np.testing.assert_allclose(moved, [[[10, 2], [7, 0]], [[5, 2], [0, 4]]])


@pytest.mark.parametrize(("scale", "level"), [(2.0, 0), (1.0, 0), (0.8, 0), (0.5, 1), (0.45, 1), (0.25, 2), (0.05, 2)])
def test_small_words_are_taken_from_small_patches(scale: float, level: int) -> None:
    homography = np.diag([scale, scale, 1.0])[None]
    assert best_level(homography, np.array([[0, 0, 100, 40.0]])).tolist() == [min(level, LEVELS - 1)]


def test_words_inside_are_labelled_and_cut_ones_ignored(pool: PatchPool) -> None:
    layout = _layout(pool, (20, 60), (-25, 60), (20, 500))
    polygons, texts, ignore = labels(layout, pool)
    word = pool.texts[layout.patches[0]]
    assert texts == [word, ""]  # the third lies wholly outside
    assert ignore.tolist() == [False, True]
    np.testing.assert_allclose(polygons[0], corners(pool.quads[layout.patches[:1]])[0] + [20, 60], atol=1e-4)


def test_words_too_low_to_read_are_ignored(pool: PatchPool) -> None:
    _, texts, ignore = labels(_layout(pool, (20, 60), scale=0.1), pool)
    assert texts == [""]
    assert ignore.tolist() == [True]


def test_a_layout_without_words_has_no_labels(pool: PatchPool) -> None:
    polygons, texts, ignore = labels(_layout(pool), pool)
    assert polygons.shape == (0, 4, 2)
    assert texts == []
    assert ignore.shape == (0,)


def test_characters_follow_one_another_within_the_word(pool: PatchPool) -> None:
    layout = _layout(pool, (20, 60))
    patch = int(layout.patches[0])
    (quads,) = characters(layout, pool)
    assert quads.shape == (len(pool.texts[patch]), 4, 2)
    np.testing.assert_allclose(quads[:-1, 1], quads[1:, 0])
    assert (quads[:, 1, 0] > quads[:, 0, 0]).all()
    left, top, right, bottom = (pool.quads[patch] + [20, 60, 20, 60]).tolist()
    np.testing.assert_allclose(quads[:, [0, 3], 1], [[top, bottom]] * len(quads), atol=1e-4)
    side = bottom - top
    assert abs(quads[0, 0, 0] - left) < 0.3 * side
    assert abs(quads[-1, 1, 0] - right) < 0.3 * side


def test_characters_are_those_of_the_words_that_are_labelled(pool: PatchPool) -> None:
    layout = _layout(pool, (20, 500), (20, 60), (-25, 60))
    polygons, _, _ = labels(layout, pool)
    quads = characters(layout, pool)
    assert len(quads) == len(polygons) == 2
    for polygon, letters in zip(polygons, quads, strict=True):
        np.testing.assert_allclose(letters[0, [0, 3], 1], polygon[[0, 3], 1], atol=1e-4)
        assert abs(letters[0, 0, 0] - polygon[0, 0]) < 10
    sample = rasterise(layout, pool, Backgrounds([], 0))
    for drawn, letters in zip(sample.characters, quads, strict=True):
        np.testing.assert_array_equal(drawn, letters)


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("kind", [SceneSource, PageSource])
def test_a_turned_picture_is_the_picture_turned(
    kind: type[SceneSource] | type[PageSource], quarters: int, pool: PatchPool
) -> None:
    backgrounds = Backgrounds.load([], drawn=3, seed=1)
    source, rng = kind(pool, backgrounds), np.random.default_rng(2)
    for _ in range(3):
        layout = replace(source.layout(rng, 192), degradation=UNTOUCHED)
        upright, turned = (rasterise(one, pool, backgrounds) for one in (layout, quarter_turned(layout, quarters)))
        difference = np.abs(np.rot90(upright.image, -quarters).astype(int) - turned.image)
        assert difference.mean() < 0.5
        assert turned.texts == upright.texts
        points = upright.polygons
        for _ in range(quarters):
            points = np.stack([192 - points[..., 1], points[..., 0]], -1)
        np.testing.assert_allclose(turned.polygons, points, atol=1e-3)


def test_four_quarters_change_nothing(pool: PatchPool) -> None:
    layout = _layout(pool, (20, 60))
    assert quarter_turned(layout, 4) is layout
