import dataclasses

import numpy as np
import pytest

from spotter.training.synthesis import Backgrounds, PatchPool
from spotter.training.synthesis.background import render_background
from spotter.training.synthesis.degrade import Degradation
from spotter.training.synthesis.layout import TEXT, Background, Layout, corners, transform
from spotter.training.synthesis.rasterise import paint, rasterise, stamp_bounds

SIZE = 256


def _word(pool: PatchPool) -> int:
    """A word of middling length in a style that is straight."""
    return next(n for n, text in enumerate(pool.texts) if 4 <= len(text) <= 7 and not pool.arcs[n])


def _layout(pool: PatchPool, homography: object, level: int = 0, alpha: float = 1.0) -> Layout:
    return Layout(
        SIZE,
        Background(),
        np.array([_word(pool)], np.int64),
        np.array([level], np.int64),
        np.array([homography], np.float32),
        np.zeros((1, 3), np.float32),
        np.array([alpha], np.float32),
        np.array([TEXT], np.int64),
        np.ones(1, np.bool_),
    )


def _turned(angle: float, scale: float = 0.7) -> list[list[float]]:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return [[cos, -sin, 128 - 60 * cos + 20 * sin], [sin, cos, 128 - 60 * sin - 20 * cos], [0, 0, 1]]


def test_whole_pixels_are_copied(pool: PatchPool) -> None:
    layout = _layout(pool, [[1, 0, 30], [0, 1, 50], [0, 0, 1]])
    picture = np.full((SIZE, SIZE, 3), 255, np.uint8)
    paint(picture, layout, pool)
    alpha = pool.patch(_word(pool)).astype(int)
    height, width = alpha.shape
    width = min(width, SIZE - 30)
    window = picture[50 : 50 + height, 30 : 30 + width]
    np.testing.assert_allclose(window, 255 - alpha[:, :width, None].repeat(3, 2), atol=3)
    outside = picture.copy()
    outside[50 : 50 + height, 30 : 30 + width] = 255
    assert outside.min() == 255


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, np.pi, -2.0])
def test_the_ink_lies_in_the_polygon_at_every_level(pool: PatchPool, angle: float, level: int) -> None:
    layout = _layout(pool, _turned(angle), level)
    sample = rasterise(layout, pool, Backgrounds([], 0))
    ink = 255.0 - sample.image[..., 0]
    y, x = np.nonzero(ink > 0)
    points = np.stack([x + 0.5, y + 0.5], 1)
    back = transform(np.linalg.inv(layout.homographies.astype(float)), points[None])[0]
    left, top, right, bottom = pool.quads[_word(pool)].tolist()
    inside = ((back >= [left, top]) & (back <= [right, bottom])).all(1)
    assert ink[y, x][inside].sum() / ink.sum() > 0.97
    polygon = transform(layout.homographies, corners(pool.quads[[_word(pool)]]))[0]
    np.testing.assert_allclose(sample.polygons[0], polygon, atol=1e-3)


def test_levels_show_the_word_in_the_same_place(pool: PatchPool) -> None:
    centres = []
    for level in range(3):
        ink = 255.0 - rasterise(_layout(pool, _turned(0.4), level), pool, Backgrounds([], 0)).image[..., 0]
        y, x = np.indices(ink.shape)
        centres.append([(ink * x).sum() / ink.sum(), (ink * y).sum() / ink.sum()])
    np.testing.assert_allclose(centres, [centres[0]] * 3, atol=0.1)


def test_alpha_thins_the_ink(pool: PatchPool) -> None:
    full, half = (
        255.0 - rasterise(_layout(pool, _turned(0.0), alpha=alpha), pool, Backgrounds([], 0)).image
        for alpha in (1.0, 0.5)
    )
    assert half.sum() == pytest.approx(0.5 * full.sum(), rel=0.03)


def test_stamps_outside_leave_no_trace(pool: PatchPool) -> None:
    layout = _layout(pool, [[1, 0, 900], [0, 1, 50], [0, 0, 1]])
    assert rasterise(layout, pool, Backgrounds([], 0)).image.min() == 255
    left, _, right, _ = stamp_bounds(layout, pool)[0].tolist()
    assert left == right == SIZE


def test_degradation_comes_last(pool: PatchPool) -> None:
    layout = dataclasses.replace(_layout(pool, _turned(0.0)), degradation=Degradation(brightness=-1.0))
    assert rasterise(layout, pool, Backgrounds([], 0)).image.max() == 0


def test_a_background_is_cut_out_mirrored_and_scaled() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:30, 20:30] = 200  # the left half of the square that is cut out below
    background = Background(0, left=20, top=10, side=20)
    laid = render_background(background, 40, [picture])
    assert laid[20, 5].tolist() == [200, 200, 200]
    assert laid[20, 35].tolist() == [0, 0, 0]
    mirrored = render_background(dataclasses.replace(background, mirrored=True), 40, [picture])
    np.testing.assert_array_equal(mirrored, laid[:, ::-1])


def test_paper_has_its_colour_and_shading() -> None:
    plain = render_background(Background(paper=(200.0, 150.0, 100.0)), 32, [])
    assert (plain == [200, 150, 100]).all()
    shaded = render_background(Background(paper=(128.0,) * 3, shading=np.array([[-40, 40]] * 2, np.float32)), 32, [])
    assert (np.diff(shaded[16, :, 0].astype(int)) >= 0).all()
    assert shaded[16, 0, 0] == pytest.approx(88, abs=2)
    assert shaded[16, -1, 0] == pytest.approx(168, abs=2)
