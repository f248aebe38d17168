from pathlib import Path

import numpy as np
import pytest

from spotter.training.synthesis.fonts import FontSet, find_fonts
from spotter.training.synthesis.pool import LEVELS, PatchPool, PoolError, _grouped
from spotter.training.synthesis.vocabulary import SIGNS
from spotter.training.synthesis.words import KINDS, WordGenerator
from tests.training.synthesis.made_fonts import made_font


def test_every_word_has_its_ink_in_its_quad(pool: PatchPool) -> None:
    words = np.concatenate(list(pool.groups.values()))
    assert len(words) == 400
    for index in words.tolist():
        alpha = pool.patch(index)
        left, top, right, bottom = pool.quads[index]
        inside = alpha[int(top) : int(bottom) + 1, int(left) : int(right) + 1].sum(dtype=int)
        assert inside > 0.98 * alpha.sum(dtype=int)
        boundaries = pool.boundaries[index]
        assert len(boundaries) == len(pool.texts[index]) + 1
        assert (np.diff(boundaries) > -0.5 * (bottom - top)).all()
        assert boundaries[-1] > boundaries[0]


def test_levels_halve_and_keep_their_mean(pool: PatchPool) -> None:
    for index in range(0, len(pool), 17):
        full = pool.patch(index)
        for level in range(1, LEVELS):
            small = pool.patch(index, level)
            assert small.shape == (full.shape[0] >> level, full.shape[1] >> level)
            assert small.mean() == pytest.approx(full.mean(), abs=1.0)


def test_plates_and_rules_say_nothing(pool: PatchPool) -> None:
    assert len(pool.plates) == 5
    rules = np.concatenate(list(pool.rules.values()))
    for index in [*pool.plates.tolist(), *rules.tolist()]:
        assert pool.texts[index] == ""
    spoken = set(np.concatenate(list(pool.groups.values())).tolist())
    assert not spoken & set(rules.tolist())
    assert len(pool) == len(spoken) + len(rules) + len(pool.plates)


def test_a_style_has_one_font(pool: PatchPool) -> None:
    for group in pool.groups.values():
        assert len(set(pool.fonts[group].tolist())) == 1
        assert len(set(pool.capitals[group].tolist())) == 1
        assert len(set(pool.page[group].tolist())) == 1


def test_the_seed_decides(own_font: FontSet, own_words: WordGenerator) -> None:
    first, again, other = (PatchPool.build(40, seed=seed, fonts=own_font, words=own_words) for seed in (1, 1, 2))
    assert first.texts == again.texts
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.texts != other.texts


def test_saving_and_loading_keeps_everything(pool: PatchPool, tmp_path: Path) -> None:
    pool.save(tmp_path / "deep" / "pool")
    loaded = PatchPool.load(tmp_path / "deep" / "pool")
    assert loaded.texts == pool.texts
    assert loaded.font_names == pool.font_names
    assert loaded.kind_names == pool.kind_names
    for name in (
        "pixels",
        "offsets",
        "shapes",
        "quads",
        "baselines",
        "capitals",
        "styles",
        "mono",
        "page",
        "arcs",
        "kinds",
    ):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(pool, name))
    for ours, theirs in zip(loaded.boundaries, pool.boundaries, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_folder_without_a_pool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no pool of rendered words"):
        PatchPool.load(tmp_path)


def test_a_pool_of_another_format_is_refused(pool: PatchPool, tmp_path: Path) -> None:
    pool.save(tmp_path)
    meta = tmp_path / "pool.json"
    meta.write_text(meta.read_text().replace('"format": 2', '"format": 99'))
    with pytest.raises(PoolError, match="format 99"):
        PatchPool.load(tmp_path)


def test_an_empty_pool_is_refused(own_font: FontSet) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        PatchPool.build(0, fonts=own_font)


def test_words_keep_their_kinds(pool: PatchPool) -> None:
    assert pool.kind_names == KINDS
    spoken = np.array([bool(text) for text in pool.texts])
    assert (pool.kinds[spoken] >= 0).all()
    assert (pool.kinds[~spoken] == -1).all()
    assert len(set(pool.kinds[spoken].tolist())) > 20


def test_words_of_other_letters_are_drawn_in_the_face_that_writes_them_and_kept(tmp_path: Path) -> None:
    made_font(tmp_path / "latin.ttf", "".join(map(chr, range(33, 127))), family="Latin")
    greek = "".join(map(chr, range(0x386, 0x3CF)))
    made_font(tmp_path / "greek.ttf", "".join(map(chr, range(33, 127))) + greek, family="Greek")
    fonts = find_fonts([tmp_path], usual=False)
    shares = dict.fromkeys(KINDS, 0.0) | {"word": 1.0, "greek": 1.0}
    built = PatchPool.build(600, fonts=fonts, words=WordGenerator(SIGNS, lists={}, shares=shares))
    faces = {name: n for n, name in enumerate(built.font_names)}
    is_greek = built.kinds == KINDS.index("greek")
    assert set(built.fonts[is_greek].tolist()) == {faces["Greek Regular"]}
    assert is_greek.sum() / (built.kinds >= 0).sum() == pytest.approx(0.5, abs=0.17)
    built.save(tmp_path / "pool")
    assert PatchPool.load(tmp_path / "pool").texts == built.texts


def test_long_words_are_drawn(own_font: FontSet) -> None:
    shares = dict.fromkeys(KINDS, 0.0) | {"mrz": 1.0, "guid": 1.0}
    built = PatchPool.build(96, fonts=own_font, words=WordGenerator(SIGNS, lists={}, shares=shares))
    assert sum(len(text) == 44 for text in built.texts) > 10
    assert max(built.shapes[:, 0, 1]) <= 2600


def test_words_that_no_font_writes_are_an_error(tmp_path: Path) -> None:
    made_font(tmp_path / "latin.ttf", "".join(map(chr, range(33, 127))))
    shares = dict.fromkeys(KINDS, 0.0) | {"greek": 1.0}
    words = WordGenerator(SIGNS, lists={}, shares=shares)
    with pytest.raises(ValueError, match="no font writes"):
        PatchPool.build(1, fonts=find_fonts([tmp_path], usual=False), words=words)


def test_a_pool_may_have_no_rules() -> None:
    """As one of a few words in a face without dashes."""
    styles = np.array([0, 1, 0], np.int32)
    assert _grouped(styles, np.zeros(3, bool)) == {}
    assert {style: index.tolist() for style, index in _grouped(styles, np.ones(3, bool)).items()} == {0: [0, 2], 1: [1]}
