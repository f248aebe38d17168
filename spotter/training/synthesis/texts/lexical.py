# ruff: noqa: RUF001, RUF002 -- signs that look like others are what this is about
"""Dictionary words, with their case, accents, punctuation and quotation marks, and compounds of them."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from spotter.training.synthesis.texts.draws import Odds, chance, listed, pick, some, whole
from spotter.training.synthesis.texts.languages import ACCENTED, GREEK

Word = Callable[[np.random.Generator], str]
"""Draws a word in some case."""

QUOTES = ("„“", "„”", "«»", "»«", "“”", "‘’", "‚‘", "‹›", '""', "''", "``", "””")
ENDINGS = Odds(
    {
        ".": 30.0,
        ",": 34.0,
        ":": 10.0,
        ";": 5.0,
        "!": 6.0,
        "?": 5.0,
        "…": 2.0,
        "...": 2.0,
        '."': 1.0,
        ".”": 1.0,
        ",”": 1.0,
        ").": 1.0,
        "),": 1.0,
    }
)
_DOTTED = ("tr", "az")  # languages in which the capital of i is İ
_WITHOUT_TONOS = str.maketrans("άέήίόύώΐΰΆΈΉΊΌΎΏ", "αεηιουωϊϋΑΕΗΙΟΥΩ")
_ENGLISH_SHORT = listed(
    """
    don't can't won't isn't it's that's I'm I've I'll you're we're they've he's she'd let's o'clock didn't wasn't
    doesn't couldn't ma'am y'all rock'n'roll 'tis who's what's there's we'll aren't haven't '90s ladies' boys'
    students'
    """
)
_ELIDED = ("l'", "d'", "qu'", "s'", "c'", "n'", "j'", "m'", "dell'", "un'", "all'", "O'", "D'", "nell'")
_JOINED = listed(
    """
    and/or w/o c/o 24/7 e-mail E-Mail T-Shirt COVID-19 Wi-Fi A/C N/A x-ray check-in mother-in-law state-of-the-art
    up-to-date Mo-Fr Mon-Fri
    """
)
_LATIN = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z])(?: WITH .+)?")
_EUROPEAN = 0x180  # letters before this code point are far more frequent than those after it


def upper(word: str, language: str = "") -> str:
    """Capitals as a language writes them: Turkish i becomes İ, Greek loses its accents; NFC."""
    if language in _DOTTED:
        word = word.replace("i", "İ").replace("ı", "I")
    return unicodedata.normalize("NFC", word.translate(_WITHOUT_TONOS).upper())


def capital(word: str, language: str = "") -> str:
    """The word with a capital as the first letter and small letters after it."""
    first = word[:1].replace("i", "İ") if language in _DOTTED else word[:1]
    return unicodedata.normalize("NFC", first.upper() + (word[1:].lower() if word.isupper() else word[1:]))


def cased(rng: np.random.Generator, word: str, case: str, language: str = "") -> str:
    """A word in one of the cases `lower` (as it is, if it has a language), `Capital`, `UPPER` and `mixed`."""
    if case == "lower":
        return word if language else word.lower()
    if case == "UPPER":
        return upper(word, language)
    if case == "Capital" or len(word) < 3 or language:
        return capital(word, language)
    if chance(rng, 0.5):  # two words joined, as in HarbourFront
        inside = whole(rng, 2, len(word) - 1)
        return word[:inside].capitalize() + word[inside:].capitalize()
    return word.capitalize().swapcase() if chance(rng, 0.5) else word[:2].upper() + word[2:].lower()


class Languages:
    """Draws words of many languages in Latin letters.

    lists: longer lists by language, as `word_lists` returns them; other languages use only their short list.
    """

    def __init__(self, lists: Mapping[str, Sequence[str]], cases: Odds[str]) -> None:
        self._lists, self._cases = lists, cases
        self._languages = Odds(
            {language: 1.0 if language in lists or len(ACCENTED[language]) > 60 else 0.5 for language in ACCENTED}
        )

    def word(self, rng: np.random.Generator) -> str:
        """A word in its language's own case, or in one of the given cases."""
        language = self._languages.draw(rng)
        words = self._lists.get(language, ())
        word = pick(rng, words if words and chance(rng, 0.75) else ACCENTED[language])
        return cased(rng, word, self._cases.draw(rng), language)


def greek(rng: np.random.Generator, cases: Odds[str]) -> str:
    """Greek words, in capitals without their accents."""
    return cased(rng, pick(rng, GREEK), cases.draw(rng), "el")


class Accents:
    """Words with letters replaced by accented ones of the charset, and sequences of the charset's other letters."""

    def __init__(self, characters: str) -> None:
        self._variants: dict[str, Odds[str]] = {}
        found: dict[str, dict[str, float]] = {}
        others = []
        for character in characters:
            known = _LATIN.fullmatch(unicodedata.name(character, ""))
            if known and not character.isascii():
                base = known[1] if character.isupper() else known[1].lower()
                found.setdefault(base, {})[character] = 4.0 if ord(character) < _EUROPEAN else 1.0
            elif character.isalpha() and not character.isascii() and "LATIN" in unicodedata.name(character):
                others.append(character)
        self._variants = {base: Odds(weights) for base, weights in found.items()}
        self._others = "".join(others)

    def word(self, rng: np.random.Generator, word: Word) -> str:
        """A made-up word; over many draws every accented letter occurs."""
        if self._others and chance(rng, 0.15):
            return some(rng, self._others + "aeiou", 2, 7)
        plain = word(rng)
        fixed = whole(rng, 0, len(plain) - 1)
        return "".join(
            self._variants[letter].draw(rng)
            if letter in self._variants and (n == fixed or chance(rng, 0.3))
            else letter
            for n, letter in enumerate(plain)
        )


def ended(rng: np.random.Generator, word: Word) -> str:
    """A word with punctuation after or before it: end. word, ¿Qué ¡Hola!"""
    text = word(rng)
    if chance(rng, 0.06):
        return pick(rng, "¿¡") + text + pick(rng, ("", "!", "?"))
    return text + ENDINGS.draw(rng)


def quoted(rng: np.random.Generator, word: Word) -> str:
    """A word in brackets or in quotation marks of several languages, or with only one of the pair: „Wort“ «mot»
    word)."""
    pair = pick(rng, QUOTES) if chance(rng, 0.7) else pick(rng, ("()", "()", "[]", "<>", "{}", "**", "__"))
    text, form = word(rng), rng.random()
    if form < 0.6:
        return pair[0] + text + pair[1]
    return pair[0] + text if form < 0.8 else text + pair[1] + pick(rng, ("", "", ",", "."))


def contraction(rng: np.random.Generator, word: Word) -> str:
    """Contractions, elisions and possessives with a straight or a curly apostrophe: don’t John's l'eau boys’."""
    form = rng.random()
    if form < 0.4:
        text = pick(rng, _ENGLISH_SHORT)
        text = text.upper() if chance(rng, 0.2) else text.capitalize() if chance(rng, 0.25) else text
    elif form < 0.75:
        text = word(rng) + ("'S" if chance(rng, 0.15) else "'s")
    else:
        text = pick(rng, _ELIDED) + word(rng)
    return text.replace("'", "’") if chance(rng, 0.5) else text


def compound(rng: np.random.Generator, word: Word) -> str:
    """Words and numbers joined by hyphens, slashes and other signs: well-known and/or 5-year Paris–Berlin A/B."""
    form = rng.random()
    if form < 0.12:
        return pick(rng, _JOINED)
    if form < 0.2:
        return f"{whole(rng, 1, 99)}-{word(rng)}"
    if form < 0.26:
        return f"{word(rng)}-{whole(rng, 1, 99)}"
    mark = Odds(
        {"-": 60.0, "/": 20.0, "–": 6.0, "&": 3.0, "+": 2.0, "_": 3.0, "·": 1.0, "~": 1.0, ".": 2.0, "—": 2.0}
    ).draw(rng)
    text = mark.join(word(rng) for _ in range(2 if chance(rng, 0.8) else 3))
    return text + "-" if chance(rng, 0.05) else text  # as at the end of a line
