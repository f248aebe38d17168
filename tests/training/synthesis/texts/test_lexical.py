# ruff: noqa: RUF001
import re
import unicodedata
from functools import partial

import numpy as np
import pytest

from spotter.model.charset import LATIN_AND_GREEK
from spotter.training.synthesis.texts import lexical
from spotter.training.synthesis.texts.draws import Odds, pick
from tests.training.synthesis.texts.drawing import drawn

CASES = Odds({"lower": 1.0, "Capital": 1.0, "UPPER": 1.0})


def _word(rng: np.random.Generator) -> str:
    return pick(rng, ("exit", "Sale", "CAFÉ", "river"))


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("été", "fr", "ÉTÉ"),
        ("Straße", "de", "STRASSE"),
        ("giriş", "tr", "GİRİŞ"),
        ("çıkış", "tr", "ÇIKIŞ"),
        ("είσοδος", "el", "ΕΙΣΟΔΟΣ"),
        ("προϊόν", "el", "ΠΡΟΪΟΝ"),
        ("exit", "", "EXIT"),
    ],
)
def test_capitals_are_those_of_the_language(word: str, language: str, expected: str) -> None:
    assert lexical.upper(word, language) == expected


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [("été", "fr", "Été"), ("izmir", "tr", "İzmir"), ("ÖL", "sv", "Öl"), ("iPhone", "", "IPhone")],
)
def test_first_letters_are_capitals(word: str, language: str, expected: str) -> None:
    assert lexical.capital(word, language) == expected


def test_cases() -> None:
    rng = np.random.default_rng(0)
    assert lexical.cased(rng, "Straße", "lower", "de") == "Straße"  # a noun stays one
    assert lexical.cased(rng, "Exit", "lower") == "exit"
    assert lexical.cased(rng, "exit", "UPPER") == "EXIT"
    mixed = {lexical.cased(rng, "harbour", "mixed") for _ in range(60)}
    assert all(not text.islower() and not text.isupper() and text.lower() == "harbour" for text in mixed)
    assert len(mixed) > 3


def test_words_of_languages_come_from_lists_and_from_here() -> None:
    languages = lexical.Languages({"fr": ["zzyzx"]}, CASES)
    texts = drawn(languages.word, 8000)
    assert any(text.lower() == "zzyzx" for text in texts)
    assert {"Straße", "ŁÓDŹ", "kůň", "árvíztűrő", "țară", "İSTANBUL", "smørrebrød"} <= set(texts)
    assert not any(re.search(r"\d", text) for text in texts)


def test_greek_words_are_greek() -> None:
    texts = drawn(partial(lexical.greek, cases=CASES), 2000)
    assert all(re.fullmatch(r"[Ά-ώ]+", text) for text in texts)
    capitals = [text for text in texts if text.isupper()]
    assert len(capitals) > 400
    assert not any(set(text) & set("ΆΈΉΊΌΎΏ") for text in capitals)
    assert any(text.endswith("ς") for text in texts)


def test_accents_reach_every_latin_letter_of_the_charset() -> None:
    accents = lexical.Accents(LATIN_AND_GREEK)
    texts = drawn(
        partial(
            accents.word,
            word=lambda rng: pick(rng, ("abcdefghi", "jklmnopqrs", "tuvwxyz", "ABCDEFGHI", "JKLMNOPQRS", "TUVWXYZ")),
        ),
        20000,
    )
    wanted = {
        character
        for character in LATIN_AND_GREEK
        if not character.isascii() and "LATIN" in unicodedata.name(character) and character.isalpha()
    }
    assert len(wanted) > 450
    assert wanted - set("".join(texts)) == set()
    assert sum(not text.isascii() for text in texts) > 0.9 * len(texts)


def test_words_end_with_punctuation() -> None:
    texts = drawn(partial(lexical.ended, word=_word), 2000)
    assert all(re.fullmatch(r"[¿¡]?[^\W\d]+[.,:;!?…)”\"]*", text) and re.search(r"[^\w]", text) for text in texts)
    assert {"exit.", "Sale,", "CAFÉ:", "river?", "exit!", "exit…"} <= set(texts)
    assert any(text[0] in "¿¡" for text in texts)


def test_quotation_marks_of_several_languages() -> None:
    texts = drawn(partial(lexical.quoted, word=_word), 3000)
    assert all(re.fullmatch(r"\W?_{0,2}[^\W_]+_?\W{0,2}", text) for text in texts)
    for pair in ("„“", "«»", "“”", "‘’", '""', "()", "[]"):
        assert any(text.startswith(pair[0]) and text.endswith(pair[1]) for text in texts), pair


def test_apostrophes_are_straight_or_curly_alike() -> None:
    texts = drawn(partial(lexical.contraction, word=_word), 3000)
    assert all(re.fullmatch(r"[^\W\d]*(?:['’](?:[^\W\d]+|90[sS])?)+", text) for text in texts)
    assert sum("’" in text for text in texts) / 3000 == pytest.approx(0.5, abs=0.05)
    assert {"don't", "it’s", "Sale's", "l'exit"} <= set(texts)


def test_words_are_joined() -> None:
    texts = drawn(partial(lexical.compound, word=_word), 3000)
    form = re.compile(r"\w+(?:[-/–&+_·~.—]\w+)*-?")
    assert all(form.fullmatch(text) and not text.isalnum() for text in texts)
    assert any(re.fullmatch(r"[^\W\d]+-[^\W\d]+", text) for text in texts)
    assert any(re.fullmatch(r"[^\W\d]+/[^\W\d]+", text) for text in texts)
    assert any(re.fullmatch(r"\d+-[^\W\d]+", text) for text in texts)
    assert {"and/or", "w/o"} <= set(texts)
