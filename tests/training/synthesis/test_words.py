import string
import unicodedata
from collections import Counter

import numpy as np
import pytest

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS, SIGNS, vocabulary
from spotter.training.synthesis.words import KINDS, LONGEST, PRINTABLE, SHARES, WordGenerator, rule

OWN = SIGNS + RECEIPTS + COMMON


def _words(count: int, page: bool = False, seed: int = 0) -> list[str]:
    generator, rng = WordGenerator(OWN, lists={}), np.random.default_rng(seed)
    return [generator.word(rng, page) for _ in range(count)]


def test_printable_is_ascii_without_space() -> None:
    assert len(PRINTABLE) == 94
    assert set(PRINTABLE) == set(string.digits + string.ascii_letters + string.punctuation)


@pytest.mark.parametrize("page", [False, True])
def test_words_are_written_in_the_charset_and_of_bounded_length(page: bool) -> None:
    words = _words(8000, page)
    known = set(LATIN_AND_GREEK) - {" "}
    assert all(1 <= len(word) <= LONGEST and known.issuperset(word) for word in words)
    assert all(unicodedata.is_normalized("NFC", word) for word in words)
    assert max(map(len, words)) > 44


def test_every_character_of_the_charset_occurs() -> None:
    generator, rng = WordGenerator(OWN, lists={}, shares={"accented": 40, "jumble": 40}), np.random.default_rng(0)
    assert set("".join(generator.word(rng) for _ in range(10000))) == set(LATIN_AND_GREEK) - {" "}


@pytest.mark.parametrize("page", [False, True])
def test_a_smaller_charset_is_kept_to(page: bool) -> None:
    generator, rng = WordGenerator(OWN, lists={"fr": ["déjà", "rouge"]}, charset=Charset()), np.random.default_rng(0)
    assert set("".join(generator.word(rng, page) for _ in range(20000))) == set(PRINTABLE)


def test_a_charset_that_no_kind_can_be_written_in_is_refused() -> None:
    generator = WordGenerator(
        OWN, lists={}, shares={kind: float(kind == "guid") for kind in KINDS}, charset=Charset("xyz")
    )
    with pytest.raises(ValueError, match="3 characters"):
        generator.word(np.random.default_rng(0))


@pytest.mark.parametrize("page", [False, True])
def test_kinds_come_in_their_shares(page: bool) -> None:
    generator, rng = WordGenerator(OWN, lists={}), np.random.default_rng(0)
    counts = Counter(generator.draw(rng, page).kind for _ in range(20000))
    total = sum(both[page] for both in SHARES.values())
    for kind, both in SHARES.items():
        share = both[page] / total
        assert counts[kind] / 20000 == pytest.approx(share, abs=0.004 + 0.12 * share), kind


def test_shares_are_near_to_percents() -> None:
    for page in (0, 1):
        assert sum(both[page] for both in SHARES.values()) == pytest.approx(100, abs=4)


def test_a_share_can_be_changed() -> None:
    generator = WordGenerator(OWN, lists={}, shares=dict.fromkeys(KINDS, 0.0) | {"mrz": 1.0, "guid": 3.0})
    rng = np.random.default_rng(0)
    counts = Counter(generator.draw(rng).kind for _ in range(4000))
    assert counts.keys() == {"mrz", "guid"}
    assert counts["guid"] / 4000 == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("shares", "message"),
    [({"novel": 1.0}, "novel"), ({"mrz": -1.0}, "negative"), (dict.fromkeys(KINDS, 0.0), "all shares")],
)
def test_shares_that_make_no_sense_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordGenerator(OWN, lists={}, shares=shares)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_drawn_alone(kind: str) -> None:
    generator = WordGenerator(OWN, lists={}, shares={other: float(other == kind) for other in KINDS})
    rng = np.random.default_rng(0)
    words = {generator.draw(rng, page) for page in (False, True) for _ in range(200)}
    assert {word.kind for word in words} == {kind}
    assert len(words) > 15


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


def test_pages_hold_more_prices_than_scenes() -> None:
    def prices(words: list[str]) -> int:
        return sum(word[-3:-2] in (".", ",") and word[-2:].isdigit() for word in words)

    assert prices(_words(6000, page=True)) > 1.5 * prices(_words(6000, page=False)) > 0


def test_a_vocabulary_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        WordGenerator([], lists={})


def test_long_words_only_still_make_a_generator() -> None:
    rng = np.random.default_rng(0)
    assert any("extraordinary" in WordGenerator(["extraordinary"], lists={}).word(rng).lower() for _ in range(50))


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
