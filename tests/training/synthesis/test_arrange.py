import numpy as np
import pytest

from spotter.training.synthesis import PatchPool
from spotter.training.synthesis.arrange import Styles, text_block
from spotter.training.synthesis.layout import corners, transform


def test_words_of_spaced_letters_stand_further_apart_than_the_letters(pool: PatchPool) -> None:
    styles = Styles(pool)
    style = next(iter(styles.words))
    styles.capital[style], styles.advance[style] = 30.0, 21.0
    assert styles.space(style, 0.5) == pytest.approx(10.5)  # half a letter
    styles.advance[style] = 44.0
    assert styles.space(style, 0.5) == pytest.approx(
        0.5 * 24 + 1.5 * 20
    )  # 0.8 capitals are the letter, 20 pixels spacing


def test_words_of_a_row_never_touch(pool: PatchPool) -> None:
    styles, rng = Styles(pool), np.random.default_rng(0)
    for style in list(styles.words)[:10]:
        block = text_block(rng, pool, styles, style, 20.0, [3])
        quads = transform(block.frames, corners(pool.quads[block.patches]))
        assert (quads[1:, 0, 0] - quads[:-1, 1, 0] >= 0.2 * 20 - 1e-3).all()


def test_words_are_drawn_by_their_kind(pool: PatchPool) -> None:
    number = pool.kind_names.index("number")
    style = next(
        style for style, words in pool.groups.items() if 0 < (pool.kinds[words] == number).sum() < len(words) // 2
    )
    before = (pool.kinds[pool.groups[style]] == number).mean()
    drawn = Styles(pool, {"number": 3.0}).draw(np.random.default_rng(0), style, 6000)
    assert (pool.kinds[drawn] == number).mean() == pytest.approx(3 * before / (1 + 2 * before), abs=0.03)
    drawn = Styles(pool).draw(np.random.default_rng(0), style, 6000)
    assert (pool.kinds[drawn] == number).mean() == pytest.approx(before, abs=0.03)
    assert set(drawn.tolist()) == set(pool.groups[style].tolist())
