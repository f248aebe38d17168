import string

import numpy as np
import pytest

from spotter.training.synthesis.fonts import FontFace
from spotter.training.synthesis.supply import WordSupply
from spotter.training.synthesis.vocabulary import SIGNS
from spotter.training.synthesis.words import KINDS, WordGenerator

ASCII = frozenset(string.ascii_letters + string.digits + string.punctuation)


def _face(characters: frozenset[str], writes: str = "text") -> FontFace:
    face = FontFace(None, "Made", "", mono=False, display=False, writes=writes)
    face.__dict__["characters"] = characters  # as if found by drawing
    return face


def _supply(**shares: float) -> WordSupply:
    return WordSupply(WordGenerator(SIGNS, lists={}, shares=dict.fromkeys(KINDS, 0.0) | shares))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_face_gets_what_it_writes_and_the_others_wait(rng: np.random.Generator) -> None:
    supply = _supply(word=1.0, greek=1.0)
    assert {word.kind for word in supply.take(rng, _face(ASCII), False, 40)} == {"word"}
    greek = frozenset(map(chr, range(0x386, 0x3CF)))
    later = list(supply.take(rng, _face(ASCII | greek), False, 20))
    assert [word.kind for word in later[:10]] == ["greek"] * 10  # half of them had waited


def test_what_waits_for_pages_is_not_given_to_scenes(rng: np.random.Generator) -> None:
    supply = _supply(word=1.0, mrz=1.0)
    assert all(
        len(word.text) < 30 for word in supply.take(rng, _face(ASCII), True, 40, fits=lambda text: len(text) < 30)
    )
    assert sum(word.kind == "mrz" for word in supply.take(rng, _face(ASCII), False, 20)) < 18
    assert [word.kind for word in supply.take(rng, _face(ASCII), True, 20)][:10] == ["mrz"] * 10


def test_faces_of_capitals_write_words_in_capitals(rng: np.random.Generator) -> None:
    capitals = ASCII - frozenset(string.ascii_lowercase)
    words = list(_supply(word=1.0, url=1.0).take(rng, _face(capitals, "capitals"), False, 60))
    assert len(words) == 60
    assert all(set(word.text) <= capitals for word in words)
    assert {word.kind for word in words} == {"word", "url"}


def test_faces_of_digits_write_numbers(rng: np.random.Generator) -> None:
    words = list(
        _supply(word=8.0, number=1.0, clock=1.0).take(rng, _face(frozenset("0123456789.:-"), "digits"), False, 30)
    )
    assert len(words) == 30
    assert all(set(word.text) <= set("0123456789.:-") for word in words)


def test_widely_spaced_words_are_mostly_capitals(rng: np.random.Generator) -> None:
    words = list(_supply(word=1.0, url=1.0).take(rng, _face(ASCII), False, 400, spaced=True))
    plain = [word.text for word in words if word.kind == "word" and word.text.isalpha()]
    assert np.mean([text.isupper() for text in plain]) > 0.8
    assert np.mean([word.text.islower() for word in words if word.kind == "url"]) > 0.8


def test_a_face_that_writes_nothing_ends_it(rng: np.random.Generator) -> None:
    assert list(_supply(word=1.0).take(rng, _face(frozenset("~")), False, 5)) == []
