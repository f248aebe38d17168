"""Draws the texts of synthetic words: mostly plain words, also numbers, dates, codes and other kinds."""

import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spotter.model.charset import LATIN_AND_GREEK, PRINTABLE_ASCII, Charset
from spotter.training.synthesis.texts import dates, identifiers, lexical, networks, notation, numbers
from spotter.training.synthesis.texts.draws import Odds, chance, digits, pick, whole
from spotter.training.synthesis.texts.languages import word_lists
from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS, SIGNS, vocabulary

PRINTABLE = PRINTABLE_ASCII.replace(" ", "")
"""The 94 printable ASCII characters that are not space."""

LONGEST = 60
"""Characters in the longest word."""

SHARES: Mapping[str, tuple[float, float]] = {
    # Kind: percent of the words in scenes, and on pages.
    "word": (57.5, 37.1),
    "language": (9.0, 9.0),
    "greek": (1.2, 1.2),
    "accented": (1.6, 1.6),
    "ended": (1.6, 3.0),
    "quoted": (0.6, 0.9),
    "contraction": (0.8, 0.8),
    "compound": (1.2, 1.6),
    "number": (3.2, 5.0),
    "grouped": (1.6, 2.6),
    "decimal": (1.1, 2.4),
    "fraction": (0.5, 0.6),
    "percentage": (0.8, 1.3),
    "unit": (1.3, 1.8),
    "price": (1.8, 4.2),
    "ordinal": (0.4, 0.4),
    "date": (1.2, 2.2),
    "month": (0.3, 0.5),
    "clock": (0.8, 1.0),
    "timestamp": (0.2, 0.4),
    "code": (1.2, 1.8),
    "serial": (1.4, 1.8),
    "plate": (0.6, 0.3),
    "mrz": (0.2, 0.4),
    "guid": (0.2, 0.4),
    "digest": (0.2, 0.4),
    "key": (0.2, 0.4),
    "iban": (0.15, 0.4),
    "isbn": (0.15, 0.3),
    "joined": (0.3, 0.9),
    "captioned": (0.2, 1.0),
    "url": (1.0, 1.2),
    "mail": (0.5, 0.8),
    "tag": (0.4, 0.3),
    "path": (0.3, 0.7),
    "network": (0.2, 0.4),
    "version": (0.2, 0.3),
    "phone": (0.8, 1.2),
    "street": (0.6, 0.9),
    "source": (0.4, 0.9),
    "chemical": (0.3, 0.3),
    "maths": (0.4, 0.6),
    "roman": (0.3, 0.3),
    "marker": (0.3, 0.9),
    "single": (1.5, 2.2),
    "sign": (0.4, 1.8),
    "symbol": (0.5, 0.5),
    "jumble": (2.2, 2.2),
}
"""The default shares of the kinds of words; `WordGenerator` accepts others."""

KINDS = tuple(SHARES)
_ATTEMPTS = 200  # consecutive draws of words with characters outside the charset after which drawing fails


@dataclass(frozen=True)
class Fit:
    """Distributions of the properties of plain words and numbers.

    letters: of words, by length from 1. digits: of numbers, by length from 1. currency, cents: shares, 0..1, of the
    prices with a currency sign and with cents. cases: of words of two letters and more. edges: marks before and after
    words, numbers and codes.
    """

    letters: Odds[int]
    digits: Odds[int]
    currency: float
    cents: float
    cases: Odds[str]
    edges: Odds[tuple[str, str]]


def _by_length(*weights: float) -> Odds[int]:
    return Odds(dict(enumerate(weights, 1)))


# Lengths and edges as `spotter synth statistics` counts them: 6,905 words of ICDAR 2015, ICDAR 2003 and IIIT 5K, and
# 54,140 of SROIE, from the training parts only. Cases on pages are between those of receipts (55% capitals) and of
# other documents.
_SCENES = Fit(
    _by_length(2.3, 4.3, 16.5, 22.4, 15.1, 13.1, 11.3, 6.2, 4.2, 2.2, 1.3, 0.7, 0.3, 0.1),
    _by_length(13, 36, 26, 18, 4, 2, 0.5, 0.5),
    0.85,
    0.5,
    Odds({"lower": 19.0, "Capital": 27.0, "UPPER": 52.0, "mixed": 2.0}),
    Odds(
        {("", ""): 95.0, ("", "."): 1.7, ("", "!"): 1.0, ("", ","): 0.5, ("", "?"): 0.3, ("", ":"): 0.3}
        | {('"', '"'): 0.2, ("(", ")"): 0.2, ("", "'s"): 0.4, ("any", ""): 0.2, ("", "any"): 0.2}
    ),
)
_PAGES = Fit(
    _by_length(3.7, 12.8, 22.8, 14.6, 17.0, 8.4, 8.1, 6.4, 4.0, 3.0, 2.0, 1.0, 0.6, 0.3),
    _by_length(40, 18, 10, 11, 11, 5, 2, 1, 1, 0.5, 0.5, 0.7),
    0.35,
    0.9,
    Odds({"lower": 34.0, "Capital": 30.0, "UPPER": 34.0, "mixed": 2.0}),
    Odds(
        {("", ""): 81.0, ("", ":"): 4.5, ("", ","): 4.2, ("", "."): 3.6, ("(", ")"): 2.3, ("", ")"): 1.3}
        | {("(", ""): 0.9, ("", "-"): 0.4, ("", "*"): 0.3, ("*", ""): 0.5, ("-", ""): 0.3, ("", "!"): 0.2}
        | {(":", ""): 0.2, ("any", ""): 0.2, ("", "any"): 0.2}
    ),
)
_LISTED, _COMMON_SHARE = 0.28, 0.10  # shares of the words from the lists of signs or receipts, and of common words
_OWN_CASE = Odds({"lower": 55.0, "Capital": 20.0, "UPPER": 25.0})


@dataclass(frozen=True)
class Word:
    """A word's text, and its kind, one of `KINDS`."""

    text: str
    kind: str


class WordGenerator:
    """Draws single words of at most `LONGEST` characters of a charset, without spaces, in NFC.

    words: the English words to draw from; the machine's list, or else the built-in one, when None.
    lists: words by language; the machine's lists when None. Short lists of thirty languages are built in.
    shares: percent of the words by kind, instead of those in `SHARES`, for scenes and pages alike.
    charset: each of its characters is drawn, rare ones only in words of random characters.
    Raises ValueError for an unknown kind, a negative share, shares that are all 0, or where there is no word.
    """

    def __init__(
        self,
        words: Sequence[str] | None = None,
        lists: Mapping[str, Sequence[str]] | None = None,
        shares: Mapping[str, float] | None = None,
        charset: Charset | None = None,
    ) -> None:
        self.charset = Charset(LATIN_AND_GREEK) if charset is None else charset
        self._known = frozenset(self.charset.characters) - {" "}
        self._words = _Lengths(vocabulary() if words is None else words)
        self._signs, self._receipts, self._common = _Lengths(SIGNS), _Lengths(RECEIPTS), _Lengths(COMMON)
        self._odds = tuple(Odds(_shares(shares or {}, page)) for page in (0, 1))
        self._languages = lexical.Languages(word_lists() if lists is None else lists, _OWN_CASE)
        self._functions = self._bound()

    def word(self, rng: np.random.Generator, page: bool = False) -> str:
        """A word as in scenes or, with `page`, as on pages."""
        return self.draw(rng, page).text

    def draw(self, rng: np.random.Generator, page: bool = False) -> Word:
        """A word with its kind. Raises ValueError when the kinds need characters that the charset lacks."""
        fit = _PAGES if page else _SCENES
        kind = self._odds[page].draw(rng)
        for _ in range(_ATTEMPTS):
            text = unicodedata.normalize("NFC", self._functions[kind](rng, fit, page))
            if kind in ("word", "language", "number", "code"):
                text = _edged(rng, text, fit)
            if 0 < len(text) <= LONGEST and self._known.issuperset(text):
                return Word(text, kind)
            kind = self._odds[page].draw(rng)
        raise ValueError(f"no words of these shares are written in the charset's {len(self._known)} characters")

    def _bound(self) -> Mapping[str, Callable[[np.random.Generator, Fit, bool], str]]:
        """The function that draws each kind."""

        def plain(function: Callable[[np.random.Generator], str]) -> Callable[[np.random.Generator, Fit, bool], str]:
            return lambda rng, fit, page: function(rng)

        def of_words(
            function: Callable[[np.random.Generator, lexical.Word], str],
        ) -> Callable[[np.random.Generator, Fit, bool], str]:
            return lambda rng, fit, page: function(rng, partial(self._any_word, fit=fit, page=page))

        characters = "".join(sorted(self._known))
        symbols = [c for c in characters if not c.isascii() and not c.isalnum()] or list(characters)
        accents = lexical.Accents(characters)
        alone: dict[str, Callable[[np.random.Generator], str]] = {
            "grouped": numbers.grouped,
            "decimal": numbers.decimal,
            "fraction": numbers.fraction,
            "percentage": numbers.percentage,
            "unit": numbers.unit,
            "ordinal": numbers.ordinal,
            "date": dates.date,
            "month": dates.month,
            "clock": dates.clock,
            "timestamp": dates.timestamp,
            "code": identifiers.code,
            "serial": identifiers.serial,
            "plate": identifiers.plate,
            "mrz": identifiers.mrz,
            "guid": identifiers.guid,
            "digest": identifiers.digest,
            "key": identifiers.key,
            "iban": identifiers.iban,
            "isbn": identifiers.isbn,
            "joined": identifiers.joined,
            "captioned": identifiers.captioned,
            "url": networks.url,
            "mail": networks.mail,
            "tag": networks.tag,
            "path": networks.path,
            "network": networks.network,
            "version": networks.version,
            "phone": networks.phone,
            "street": networks.street,
            "source": notation.source,
            "chemical": notation.chemical,
            "maths": notation.maths,
            "roman": notation.roman,
            "marker": notation.marker,
            "single": notation.single,
            "sign": notation.sign,
            "language": self._languages.word,
            "greek": partial(lexical.greek, cases=_OWN_CASE),
            "symbol": partial(notation.symbol, symbols=symbols),
            "jumble": partial(notation.jumble, characters=characters, ascii_characters=PRINTABLE),
        }
        of_others = {
            "accented": accents.word,
            "ended": lexical.ended,
            "quoted": lexical.quoted,
            "contraction": lexical.contraction,
            "compound": lexical.compound,
        }
        return {
            "word": self._dictionary_word,
            "number": lambda rng, fit, page: _number(rng, fit.digits.draw(rng)),
            "price": lambda rng, fit, page: numbers.amount(rng, fit.currency, fit.cents),
            **{kind: plain(function) for kind, function in alone.items()},
            **{kind: of_words(function) for kind, function in of_others.items()},
        }

    def _dictionary_word(self, rng: np.random.Generator, fit: Fit, page: bool) -> str:
        length = fit.letters.draw(rng)
        if length == 1:
            return notation.single(rng)
        source = rng.random()
        if source < _LISTED:
            words = self._receipts if page else self._signs
        else:
            words = self._common if source < _LISTED + _COMMON_SHARE else self._words
        return lexical.cased(rng, words.pick(rng, length), fit.cases.draw(rng))

    def _any_word(self, rng: np.random.Generator, fit: Fit, page: bool) -> str:
        return self._languages.word(rng) if chance(rng, 0.2) else self._dictionary_word(rng, fit, page)


def _shares(changed: Mapping[str, float], page: int) -> dict[str, float]:
    if unknown := changed.keys() - SHARES.keys():
        raise ValueError(f"unknown kinds of words: {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
    if any(share < 0 for share in changed.values()):
        raise ValueError("shares of words must not be negative")
    shares = {kind: both[page] for kind, both in SHARES.items()} | dict(changed)
    if not any(shares.values()):
        raise ValueError("all shares of words are 0")
    return shares


class _Lengths:
    """Words by their length."""

    def __init__(self, words: Sequence[str]) -> None:
        if not words:
            raise ValueError("WordGenerator wants at least one word")
        self._words: dict[int, list[str]] = {}
        for word in words:
            self._words.setdefault(len(word), []).append(word)

    def pick(self, rng: np.random.Generator, length: int) -> str:
        """A word of this length, or of the nearest length of which there are words."""
        nearest = min(self._words, key=lambda known: (abs(known - length), known))
        return pick(rng, self._words[nearest])


def _number(rng: np.random.Generator, length: int) -> str:
    number = digits(rng, length, length)
    if chance(rng, 0.05):
        return pick(rng, ("#", "+", "-", "No.", "x", "x", "(")) + number
    return number


def _edged(rng: np.random.Generator, text: str, fit: Fit) -> str:
    before, after = (pick(rng, string.punctuation) if mark == "any" else mark for mark in fit.edges.draw(rng))
    return before + text + after


def rule(rng: np.random.Generator) -> str:
    """A run of signs, such as dashes, that receipts use as a rule; it is never a word."""
    return pick(rng, "----==**_.~#") * whole(rng, 6, 24)
