import string

import numpy as np
import pytest

from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS, SIGNS, vocabulary
from spotter.training.synthesis.words import LONGEST, PRINTABLE, WordGenerator, rule

OWN = SIGNS + RECEIPTS + COMMON


def _words(count: int, page: bool = False, seed: int = 0) -> list[str]:
    generator, rng = WordGenerator(OWN), np.random.default_rng(seed)
    return [generator.word(rng, page) for _ in range(count)]


def test_printable_is_ascii_without_space() -> None:
    assert len(PRINTABLE) == 94
    assert set(PRINTABLE) == set(string.digits + string.ascii_letters + string.punctuation)


@pytest.mark.parametrize("page", [False, True])
def test_words_are_printable_and_of_bounded_length(page: bool) -> None:
    words = _words(5000, page)
    assert all(1 <= len(word) <= LONGEST and set(word) <= set(PRINTABLE) for word in words)


@pytest.mark.parametrize("page", [False, True])
def test_every_printable_character_occurs(page: bool) -> None:
    assert set("".join(_words(20000, page))) == set(PRINTABLE)


def test_the_seed_decides() -> None:
    assert _words(200, seed=3) == _words(200, seed=3)
    assert _words(200, seed=3) != _words(200, seed=4)


def test_cases_are_mixed_as_on_signs() -> None:
    letters = [word for word in _words(5000) if word.isalpha() and len(word) > 1]
    upper = sum(word.isupper() for word in letters) / len(letters)
    lower = sum(word.islower() for word in letters) / len(letters)
    assert 0.3 < upper < 0.6
    assert 0.15 < lower < 0.45
    assert sum(word.istitle() for word in letters) / len(letters) > 0.15


def test_receipts_hold_more_prices_than_scenes() -> None:
    def prices(words: list[str]) -> int:
        return sum(word.replace(",", "")[-3:-2] == "." and word[-2:].isdigit() for word in words)

    assert prices(_words(4000, page=True)) > 2 * prices(_words(4000, page=False)) > 0


def test_a_vocabulary_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        WordGenerator([])


def test_long_words_only_still_make_a_generator() -> None:
    rng = np.random.default_rng(0)
    assert any("extraordinary" in WordGenerator(["extraordinary"]).word(rng).lower() for _ in range(50))


def test_rules_repeat_one_sign() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        drawn = rule(rng)
        assert len(set(drawn)) == 1
        assert drawn[0] in string.punctuation
        assert 6 <= len(drawn) < 25


def test_the_built_in_words_are_lower_case_ascii() -> None:
    assert len(set(OWN)) > 400
    assert all(word.isascii() and word.isalpha() and word.islower() for word in OWN)


def test_the_vocabulary_can_always_be_used() -> None:
    words = vocabulary()
    assert len(words) >= len(OWN)
    assert all(word.isascii() and word.isalpha() for word in words)
