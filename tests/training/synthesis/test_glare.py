import numpy as np
import pytest
import torch

from spotter.training.synthesis import Backgrounds, PageSource, PatchPool, SceneSource
from spotter.training.synthesis.device import DeviceComposer
from spotter.training.synthesis.glare import apply_glare, dim, draw_glare, edges
from spotter.training.synthesis.layout import NO_GLARE, Background, Glare, Highlight, Reflection, burnt_out, labels

SIZE = 96
PANE = np.array([[20, 10], [70, 20], [60, 80], [15, 70]], np.float32)
LIGHT = Highlight(48.0, 40.0, 30.0, 12.0, 0.6, 1.5)


@pytest.fixture(scope="module")
def backgrounds() -> Backgrounds:
    return Backgrounds.load([], drawn=3, seed=2)


def _dark() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((SIZE, SIZE, 3), 40, np.uint8)


def test_a_highlight_burns_out_its_centre_and_ends_at_its_rim() -> None:
    lit = apply_glare(_dark(), Glare((Highlight(48.0, 48.0, 20.0, 10.0, 0.0, 2.0),)), [])
    assert lit[48, 48].tolist() == [255] * 3
    # Half-way along an axis the light is 2 (1 - 1/4)^2 = 1.125 of the range.
    assert lit[48, 57].tolist() == [255] * 3
    assert lit[47, 65, 0] == pytest.approx(40 + 255 * 2 * (1 - (17.5 / 20) ** 2 - (0.5 / 10) ** 2) ** 2, abs=1)
    assert (lit[48, 69:] == 40).all()
    assert (lit[59:, 48] == 40).all()


def test_turned_highlights_lie_along_their_angle() -> None:
    lit = apply_glare(_dark(), Glare((Highlight(48.0, 48.0, 30.0, 5.0, np.pi / 2, 1.0),)), [])
    assert lit[70, 48, 0] > 60
    assert lit[48, 70, 0] == 40


def test_highlights_outside_leave_no_trace() -> None:
    np.testing.assert_array_equal(
        apply_glare(_dark(), Glare((Highlight(400.0, 40.0, 30.0, 9.0, 0.0, 2.0),)), []), _dark()
    )


def test_a_reflection_mixes_in_its_share_of_the_light() -> None:
    white = np.full((50, 50, 3), 240, np.uint8)
    mirror = Reflection(Background(0, 0, 0, 50), 16, 0.25)
    assert (apply_glare(_dark(), Glare((), mirror), [white]) == 90).all()  # 40 + (240 - 40) / 4


def test_a_pane_bounds_it() -> None:
    white = np.full((50, 50, 3), 240, np.uint8)
    seen = apply_glare(_dark(), Glare((), Reflection(Background(0, 0, 0, 50), 16, 0.25, PANE)), [white])
    assert seen[40, 40].tolist() == [90] * 3
    assert seen[5, 40].tolist() == seen[40, 90].tolist() == [40] * 3
    outside = apply_glare(_dark(), Glare((), Reflection(Background(0, 0, 0, 50), 16, 0.25, PANE + 500)), [white])
    np.testing.assert_array_equal(outside, _dark())


def test_edges_measure_inwards() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)
    a, b, c = edges(square).T
    np.testing.assert_allclose(a * 2 + b * 3 + c, [3, 8, 7, 2])  # from the top, the right, the bottom, the left


def test_words_lost_in_light_by_hand() -> None:
    words = np.array([[[0, 0], [48, 0], [48, 16], [0, 16]], [[200, 0], [248, 0], [248, 16], [200, 16]]], np.float32)
    # Added light is over 0.8 of the range within 0.325 of the half axes of a lamp of 1.0: (1 - r^2)^2 > 0.8.
    left_half = Highlight(0.0, 8.0, 24 / 0.325, 1e4, 0.0, 1.0)
    assert burnt_out(words, [left_half]).tolist() == [0.5, 0.0]
    assert burnt_out(words, []).tolist() == [0.0, 0.0]


def test_words_that_glare_hides_are_ignored(pool: PatchPool, backgrounds: Backgrounds) -> None:
    layout = SceneSource(pool, backgrounds).layout(np.random.default_rng(3), 256)
    sun = Highlight(128.0, 128.0, 1e4, 1e4, 0.0, 2.0)
    object.__setattr__(layout, "glare", Glare((sun,)))
    _, texts, ignore = labels(layout, pool)
    assert ignore.all()
    assert not any(texts)


@pytest.mark.parametrize(
    "glare",
    [
        Glare((LIGHT, Highlight(20.0, 70.0, 40.0, 3.0, 2.0, 0.8))),
        Glare((), Reflection(Background(0, 30, 20, 400, True), 24, 0.4)),
        Glare((LIGHT,), Reflection(Background(1, 10, 20, 90), 40, 0.3, PANE)),
    ],
)
def test_devices_agree_with_the_cpu(glare: Glare, pool: PatchPool, backgrounds: Backgrounds) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    canvas = torch.from_numpy(picture).float()[None].repeat(2, 1, 1, 1)
    DeviceComposer(pool, backgrounds, "cpu").apply_glare(canvas, [NO_GLARE, glare])
    np.testing.assert_array_equal(canvas[0].numpy(), picture)
    theirs = apply_glare(picture, glare, backgrounds.pictures).astype(float)
    assert np.abs(canvas[1].numpy() - theirs).max() <= 2
    assert np.abs(theirs - picture).mean() > 2


def test_it_comes_as_often_as_asked_and_never_on_pages(pool: PatchPool, backgrounds: Backgrounds) -> None:
    rng = np.random.default_rng(0)
    layout = SceneSource(pool, backgrounds).layout(rng, 256)
    drawn = [draw_glare(rng, layout, pool, backgrounds.pictures, 0.5, 0.25) for _ in range(400)]
    assert np.mean([bool(glare.highlights) for glare in drawn]) == pytest.approx(0.5, abs=0.08)
    assert np.mean([glare.reflection is not None for glare in drawn]) == pytest.approx(0.25, abs=0.07)
    assert {glare.reflection.pane is None for glare in drawn if glare.reflection} == {True, False}
    page = PageSource(pool, backgrounds).layout(rng, 256)
    assert page.glare is NO_GLARE


def test_difficulty_dims_it() -> None:
    whole = Glare((LIGHT,), Reflection(Background(), 16, 0.4))
    assert dim(whole, 1.0) is whole
    half = dim(whole, 0.5)
    assert half.reflection is not None
    assert (half.highlights[0].light, half.reflection.strength) == (0.75, 0.2)
    assert dim(NO_GLARE, 0.5).reflection is None
