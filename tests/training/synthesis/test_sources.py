from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.sample import Sample
from spotter.training.synthesis import Backgrounds, PageSource, PatchPool, SceneSource, SheetSource
from spotter.training.synthesis.layout import SHADOW, SMALLEST, labels
from spotter.training.synthesis.pages import PAGE_LOOKS
from spotter.training.synthesis.sources import LayoutSource

SIZE = 320
Kind = type[SceneSource] | type[PageSource] | type[SheetSource]
KINDS: list[Kind] = [SceneSource, PageSource, SheetSource]


@pytest.fixture(scope="module")
def backgrounds() -> Backgrounds:
    return Backgrounds.load([], drawn=6, seed=1)


@pytest.fixture(scope="module")
def samples(pool: PatchPool, backgrounds: Backgrounds) -> dict[Kind, list[Sample]]:
    drawn: dict[Kind, list[Sample]] = {}
    for kind in KINDS:
        source, rng = kind(pool, backgrounds), np.random.default_rng(11)
        drawn[kind] = [source.sample(rng, SIZE) for _ in range(12)]
    return drawn


@pytest.mark.parametrize("kind", KINDS)
def test_samples_keep_the_contract(kind: Kind, samples: dict[Kind, list[Sample]]) -> None:
    for sample in samples[kind]:
        count = len(sample.texts)
        assert sample.image.shape == (SIZE, SIZE, 3)
        assert sample.image.dtype == np.uint8
        assert sample.polygons.shape == (count, 4, 2)
        assert sample.polygons.dtype == np.float32
        assert sample.ignore.shape == (count,)
        assert sample.ignore.dtype == np.bool_
        assert [text == "" for text in sample.texts] == sample.ignore.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_words_to_read_are_inside_convex_clockwise_and_high_enough(
    kind: Kind, samples: dict[Kind, list[Sample]]
) -> None:
    polygons = np.concatenate([sample.polygons[~sample.ignore] for sample in samples[kind]])
    assert len(polygons) > 12
    extent = polygons.max(1) - polygons.min(1)
    cut = np.maximum(-polygons.min(1), polygons.max(1) - SIZE)
    assert (cut <= 0.07 * extent + 1e-3).all()
    sides = np.roll(polygons, -1, 1) - polygons
    following = np.roll(sides, -1, 1)
    turns = sides[..., 0] * following[..., 1] - sides[..., 1] * following[..., 0]
    assert (turns > 0).all()  # clockwise on screen
    assert (np.linalg.norm(polygons[:, 3] - polygons[:, 0], axis=1) >= SMALLEST - 0.01).all()


@pytest.mark.parametrize("kind", KINDS)
def test_words_do_not_cover_one_another(kind: Kind, samples: dict[Kind, list[Sample]]) -> None:
    for sample in samples[kind]:
        cover = np.zeros((SIZE, SIZE), np.int32)
        for polygon in sample.polygons[~sample.ignore]:
            one = np.zeros((SIZE, SIZE), np.uint8)
            cv2.fillConvexPoly(one, np.round(polygon).astype(np.int32), 1)
            cover += one
        assert (cover > 1).sum() <= 0.03 * (cover > 0).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind: Kind, pool: PatchPool, backgrounds: Backgrounds) -> None:
    source, again = kind(pool, backgrounds), kind(pool, backgrounds)
    source.sample(np.random.default_rng(99), 128)  # what came before leaves no trace
    first, second = (s.sample(np.random.default_rng(7), 192) for s in (source, again))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.polygons, second.polygons)
    assert first.texts == second.texts
    assert (source.sample(np.random.default_rng(8), 192).image != first.image).any()


def _turned(source: LayoutSource, pictures: int) -> NDArray[np.float64]:
    """For each word of so many pictures, degrees from level."""
    rng, angles = np.random.default_rng(0), []
    for _ in range(pictures):
        polygons, _, _ = labels(source.layout(rng, SIZE), source.pool)
        across = polygons[:, 1] - polygons[:, 0]
        angles.extend(np.degrees(np.arctan2(across[:, 1], across[:, 0])).tolist())
    return np.array(angles)


def test_words_stand_mostly_level_and_now_and_then_otherwise(pool: PatchPool, backgrounds: Backgrounds) -> None:
    turned = np.abs(_turned(SceneSource(pool, backgrounds), 300)) > 45
    assert 0.01 < turned.mean() < 0.12


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_pictures_are_turned_as_asked(kind: Kind, pool: PatchPool, backgrounds: Backgrounds) -> None:
    angles = _turned(kind(pool, backgrounds, turned=1.0), 40)
    shares = [(np.abs((angles - quarter + 180) % 360 - 180) < 45).mean() for quarter in (0, 90, 180, -90)]
    assert shares[0] < 0.15
    assert min(shares[1:]) > 0.12


def test_words_of_a_kind_are_drawn_as_often_as_asked(pool: PatchPool, backgrounds: Backgrounds) -> None:
    def share(kinds: dict[str, float]) -> float:
        source, rng = SheetSource(pool, backgrounds, kinds), np.random.default_rng(0)
        kind = np.concatenate(
            [pool.kinds[(layout := source.layout(rng, SIZE)).patches[layout.words]] for _ in range(20)]
        )
        return float((kind == pool.kind_names.index("number")).mean())

    assert 0.5 > share({"number": 10.0}) > 3 * share({}) > 0
    assert share({"number": 0.0}) == 0
    assert share({name: float(name == "number") for name in pool.kind_names}) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"turned": 1.5}, "share"),
        ({"kinds": {"novel": 1.0}}, "novel"),
        ({"kinds": {"number": -1.0}}, "0 times"),
        ({"kinds": "ALL"}, "no words of the kinds"),
        ({"looks": {"novel": 0.5}}, "novel"),
        ({"looks": {"table": 1.5}}, "from 0 to 1"),
        ({"looks": dict.fromkeys(PAGE_LOOKS, 0.0)}, "all looks"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], message: str, pool: PatchPool, backgrounds: Backgrounds
) -> None:
    if options.get("kinds") == "ALL":
        options = {"kinds": dict.fromkeys(pool.kind_names, 0.0)}
    with pytest.raises(ValueError, match=message):
        PageSource(pool, backgrounds, **options)


def test_sheets_and_pages_hold_many_words(samples: dict[Kind, list[Sample]]) -> None:
    counts = {kind: np.mean([len(sample.texts) for sample in drawn]) for kind, drawn in samples.items()}
    assert counts[SceneSource] >= 2
    assert counts[SheetSource] > 2 * counts[SceneSource]
    assert counts[PageSource] > 2 * counts[SceneSource]


def test_words_stand_out_from_their_background(pool: PatchPool, backgrounds: Backgrounds) -> None:
    source, rng = PageSource(pool, backgrounds), np.random.default_rng(3)
    darker = []
    for _ in range(10):
        sample = source.sample(rng, SIZE)
        for polygon in sample.polygons[~sample.ignore]:
            left, top = np.maximum(polygon.min(0), 0).astype(int)
            right, bottom = np.ceil(polygon.max(0)).astype(int)
            window = sample.image[top:bottom, left:right].mean(2)
            darker.append(float(np.quantile(window, 0.95) - np.quantile(window, 0.05)))
    assert np.quantile(darker, 0.1) > 12


@pytest.mark.parametrize("look", PAGE_LOOKS)
def test_every_look_of_pages_has_words_that_can_be_read(look: str, pool: PatchPool, backgrounds: Backgrounds) -> None:
    source = PageSource(pool, backgrounds, looks={other: float(other == look) for other in PAGE_LOOKS})
    rng = np.random.default_rng(1)
    samples = [source.sample(rng, SIZE) for _ in range(8)]
    readable = [int((~sample.ignore).sum()) for sample in samples]
    assert np.median(readable) >= 3
    light = [float(np.median(sample.image)) for sample in samples]
    if look == "dark":
        assert np.median(light) < 90
    if look == "screen":
        assert np.median(light) > 150


def test_blocks_of_scenes_are_outlined_as_often_as_asked(pool: PatchPool, backgrounds: Backgrounds) -> None:
    def shadows(share: float) -> float:
        source, rng = SceneSource(pool, backgrounds, looks={"outlined": share}), np.random.default_rng(0)
        layouts = [source.layout(rng, SIZE) for _ in range(40)]
        behind = sum(int((layout.layers == SHADOW).sum()) for layout in layouts)
        return behind / sum(int(layout.words.sum()) for layout in layouts)

    assert shadows(1.0) == 8.0  # copies make an outline
    assert shadows(0.0) < 0.5
    assert 1.5 < shadows(0.4) < 5.0
