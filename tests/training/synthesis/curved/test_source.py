from dataclasses import replace

import numpy as np
import pytest
from shapely import Polygon

from spotter.training.sample import Sample
from spotter.training.synthesis import Backgrounds, CurvedSource, PatchPool
from spotter.training.synthesis.curved.emblems import KINDS
from spotter.training.synthesis.layout import SMALLEST

SIZE = 256


@pytest.fixture(scope="module")
def backgrounds() -> Backgrounds:
    return Backgrounds.load([], drawn=3, seed=1)


@pytest.fixture(scope="module")
def samples(pool: PatchPool, backgrounds: Backgrounds) -> list[Sample]:
    source, rng = CurvedSource(pool, backgrounds), np.random.default_rng(3)
    return [source.sample(rng, SIZE) for _ in range(20)]


def test_samples_keep_the_contract(samples: list[Sample]) -> None:
    for sample in samples:
        count = len(sample.texts)
        assert sample.image.shape == (SIZE, SIZE, 3)
        assert sample.image.dtype == np.uint8
        assert sample.polygons.shape == (count, 16, 2)
        assert sample.polygons.dtype == np.float32
        assert sample.ignore.shape == (count,)
        assert [text == "" for text in sample.texts] == sample.ignore.tolist()


def test_each_word_knows_its_characters(samples: list[Sample]) -> None:
    for sample in samples:
        assert len(sample.characters) == len(sample.texts)
        for text, quads, polygon in zip(sample.texts, sample.characters, sample.polygons, strict=True):
            assert quads.shape[1:] == (4, 2)
            assert len(quads) == len(text) or not text
            middle = quads.mean((0, 1))
            assert np.linalg.norm(middle - polygon.mean(0)) < 0.2 * np.ptp(polygon, axis=0).max() + 2


def test_words_to_read_are_inside_high_enough_and_simple_polygons_read_clockwise(samples: list[Sample]) -> None:
    polygons = np.concatenate([sample.polygons[~sample.ignore] for sample in samples])
    assert len(polygons) > 60
    x, y = polygons[..., 0], polygons[..., 1]
    area = (x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(1) / 2
    assert (area > 0).all()  # clockwise on screen
    for polygon in polygons:
        shape, hull = Polygon(polygon), Polygon(polygon).convex_hull
        assert shape.is_valid
        inside = hull.intersection(Polygon([(0, 0), (SIZE, 0), (SIZE, SIZE), (0, SIZE)])).area
        assert inside > 0.9 * hull.area - 1e-3
    across = np.linalg.norm(polygons[:, 8:][:, ::-1] - polygons[:, :8], axis=2).mean(1)
    assert across.min() >= SMALLEST


def test_many_words_are_bent_and_some_are_straight_or_upside_down(samples: list[Sample]) -> None:
    polygons = np.concatenate([sample.polygons for sample in samples])
    upper = polygons[:, :8]
    chord = np.linalg.norm(upper[:, -1] - upper[:, 0], axis=1)
    length = np.linalg.norm(np.diff(upper, axis=1), axis=2).sum(1)
    bent = length / chord - 1
    assert (bent > 0.02).mean() > 0.3
    assert (bent < 0.002).mean() > 0.15
    assert (upper[:, -1, 0] < upper[:, 0, 0]).mean() > 0.02


def test_the_same_generator_gives_the_same_picture(pool: PatchPool, backgrounds: Backgrounds) -> None:
    source = CurvedSource(pool, backgrounds)
    first, second = (source.sample(np.random.default_rng(5), SIZE) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.polygons, second.polygons)
    assert first.texts == second.texts


@pytest.mark.parametrize("look", list(KINDS))
def test_every_emblem_has_words_that_can_be_seen(pool: PatchPool, backgrounds: Backgrounds, look: str) -> None:
    only = {name: float(name == look) for name in KINDS}
    source, rng = CurvedSource(pool, backgrounds, looks=only).at(0.0), np.random.default_rng(0)
    contrast = []
    for _ in range(3):
        sample = source.sample(rng, SIZE)
        for polygon, ignore in zip(sample.polygons, sample.ignore.tolist(), strict=True):
            if not ignore:
                low, high = np.floor(polygon.min(0)).astype(int), np.ceil(polygon.max(0)).astype(int)
                window = sample.image[max(low[1], 0) : high[1], max(low[0], 0) : high[0]].mean(2)
                contrast.append(float(window.std()))
    assert len(contrast) >= 4
    assert np.median(contrast) > 12


def test_without_difficulty_pictures_are_not_degraded(pool: PatchPool, backgrounds: Backgrounds) -> None:
    source = CurvedSource(pool, backgrounds)
    easy = source.at(0.0)
    assert (source.difficulty, easy.difficulty) == (1.0, 0.0)
    pairs = [(source.sample(np.random.default_rng(n), 96), easy.sample(np.random.default_rng(n), 96)) for n in range(6)]
    assert any((hard.image != clean.image).any() for hard, clean in pairs)
    assert all(np.array_equal(hard.polygons, clean.polygons) for hard, clean in pairs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"looks": {"billboard": 1.0}}, "unknown looks: billboard"),
        ({"looks": dict.fromkeys(KINDS, 0.0)}, "not all 0"),
        ({"turned": 2.0}, "turned"),
        ({"heights": (20.0, 10.0)}, "heights"),
        ({"kinds": {"novel": 1.0}}, "novel"),
    ],
)
def test_impossible_options_are_refused(
    pool: PatchPool, backgrounds: Backgrounds, options: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        CurvedSource(pool, backgrounds, **options)  # type: ignore[arg-type]


def test_words_that_stand_on_arcs_already_are_left_out(pool: PatchPool, backgrounds: Backgrounds) -> None:
    with pytest.raises(ValueError, match="stand straight"):
        CurvedSource(replace(pool, arcs=np.ones_like(pool.arcs)), backgrounds)
