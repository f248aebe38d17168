import re

import numpy as np
import pytest

from spotter.training.synthesis.texts.draws import Odds, chance, digits, filled, listed, magnitude, pick, some, whole


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_odds_draw_by_weight(rng: np.random.Generator) -> None:
    odds = Odds({"rare": 1.0, "never": 0.0, "often": 3.0})
    drawn = [odds.draw(rng) for _ in range(4000)]
    assert drawn.count("often") / 4000 == pytest.approx(0.75, abs=0.03)
    assert "never" not in drawn


def test_both_ends_are_included(rng: np.random.Generator) -> None:
    assert {pick(rng, "ab") for _ in range(50)} == {"a", "b"}
    assert {len(some(rng, "xy", 2, 4)) for _ in range(100)} == {2, 3, 4}
    assert {whole(rng, 3, 5) for _ in range(100)} == {3, 4, 5}
    assert all(text.isdecimal() for text in (digits(rng, 1, 5) for _ in range(50)))


def test_chance_is_a_share(rng: np.random.Generator) -> None:
    assert np.mean([chance(rng, 0.2) for _ in range(4000)]) == pytest.approx(0.2, abs=0.03)


def test_magnitudes_spread_over_the_digits(rng: np.random.Generator) -> None:
    lengths = [len(str(magnitude(rng, 3))) for _ in range(3000)]
    assert [lengths.count(n) / 3000 for n in (1, 2, 3)] == pytest.approx([1 / 3] * 3, abs=0.04)


def test_patterns_are_filled(rng: np.random.Generator) -> None:
    for _ in range(100):
        assert re.fullmatch(r"[A-Z][a-z]-[1-9]\d\(x\)", filled(rng, "Aa-n0(x)"))


def test_texts_are_listed() -> None:
    assert listed("one two\n   three\n") == ("one", "two", "three")
