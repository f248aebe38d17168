"""Phrases of several words along a path."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from spotter.training.synthesis.arrange import Styles
from spotter.training.synthesis.curved.lettering import Lettering
from spotter.training.synthesis.curved.paths import line
from spotter.training.synthesis.curved.phrases import Writer
from spotter.training.synthesis.pool import PatchPool

CAPITAL = 20.0


def phrases(pool: PatchPool, room: float, count: int = 60) -> list[list[Lettering]]:
    writer, rng = Writer(pool, Styles(pool)), np.random.default_rng(7)
    return [writer.phrase(rng, writer.style(rng, CAPITAL), CAPITAL, line(room, 0), 6, room) for _ in range(count)]


def spaces(words: list[Lettering]) -> list[tuple[str, str, float]]:
    """Texts of neighbouring words and the gap between them, in capitals' heights."""
    return [
        (left.pool.texts[left.patch], right.pool.texts[right.patch], (right.left - left.left - left.width) / CAPITAL)
        for left, right in pairwise(words)
    ]


def test_words_fit_on_the_path_and_stand_in_its_middle(pool: PatchPool) -> None:
    for words in phrases(pool, 300):
        if words:
            start, end = words[0].left, words[-1].left + words[-1].width
            assert end - start <= 300 + 1e-6
            assert start + end == pytest.approx(0, abs=1e-6)


def test_no_gap_is_so_narrow_that_two_words_are_read_as_one(pool: PatchPool) -> None:
    gaps = [gap for words in phrases(pool, 600) for gap in spaces(words)]
    single = [space for left, right, space in gaps if min(len(left), len(right)) == 1]
    assert len(gaps) > 60
    assert len(single) > 5
    assert min(space for *_, space in gaps) >= 0.3 - 1e-6
    assert min(single) >= 0.55 - 1e-6


def test_short_words_are_not_preferred_where_there_is_little_room(pool: PatchPool) -> None:
    """A phrase ends with the first word that does not fit, instead of being filled with single characters."""
    usual = np.mean([len(text) == 1 for text, kind in zip(pool.texts, pool.kinds, strict=True) if kind >= 0])
    texts = [word.pool.texts[word.patch] for words in phrases(pool, 160, 300) for word in words[1:]]
    assert len(texts) > 60
    assert np.mean([len(text) == 1 for text in texts]) < 2 * usual + 0.05


def test_styles_of_digits_alone_are_not_used(pool: PatchPool) -> None:
    digits = tuple("8" * len(text) for text in pool.texts)
    with pytest.raises(ValueError, match="words with letters"):
        Writer(replace(pool, texts=digits), Styles(replace(pool, texts=digits)))
