"""What synthetic words say: mostly words, then numbers, prices, dates, codes and whatever else stands on things."""

import string
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np

from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS, SIGNS, vocabulary

PRINTABLE = "".join(chr(code) for code in range(33, 127))
"""The 94 printable ASCII characters that are not space."""

LONGEST = 25
"""Characters in the longest word."""

_CURRENCIES = ("$", "$", "RM", "", "", "EUR", "USD", "S$", "Rs.")
_LONE = (
    ":",
    ":",
    ":",
    ":",
    "-",
    "-",
    "-",
    "&",
    "&",
    "&",
    "=",
    "/",
    "%",
    "*",
    "*",
    "#",
    "+",
    "@",
    "|",
    ".",
    "**",
    "...",
    "!",
)
_ROADS = ("St", "St.", "Rd", "Rd.", "Ave", "Ave.", "Blvd", "Lane", "Jalan", "Street", "Road", "Drive", "#")
_DOMAINS = (".com", ".com", ".org", ".net", ".co.uk", ".com.sg", ".my", ".de", ".fr", ".io")
_HEXADECIMAL = "0123456789ABCDEF"


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _some(rng: np.random.Generator, alphabet: str, low: int, high: int) -> str:
    """Between `low` and `high` characters, both included."""
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=int(rng.integers(low, high + 1))))


def _digits(rng: np.random.Generator, low: int, high: int) -> str:
    return _some(rng, string.digits, low, high)


def _number(rng: np.random.Generator, digits: int) -> str:
    number = _digits(rng, digits, digits)
    form = rng.random()
    if form < 0.08:
        return f"{int(rng.integers(1, 999))},{int(rng.integers(1000)):03d}"
    if form < 0.14:
        return number + _pick(rng, ("%", "st", "nd", "rd", "th", "m", "km", "kg", "g", "ml", "L", "cm", "pm", "AM"))
    if form < 0.18:
        return _pick(rng, ("#", "+", "-", "No.", "x")) + number
    return number


def _price(rng: np.random.Generator, currency: float, cents: float) -> str:
    whole = int(10 ** rng.uniform(0, 2.7 if rng.random() < 0.9 else 4))
    amount = f"{whole:,}" if rng.random() < 0.5 else str(whole)
    amount += f".{int(rng.integers(100)):02d}" if rng.random() < cents else ""
    form = rng.random()
    if form < 0.04:
        return f"-{amount}"
    if form < 0.06:
        return f"({amount})"
    return (_pick(rng, _CURRENCIES) if rng.random() < currency else "") + amount


def _date(rng: np.random.Generator) -> str:
    day, month = int(rng.integers(1, 32)), int(rng.integers(1, 13))
    year, mark = int(rng.integers(1985, 2030)), _pick(rng, ("/", "/", "-", "."))
    form = rng.random()
    if form < 0.5:
        return f"{day:02d}{mark}{month:02d}{mark}{year}"
    if form < 0.75:
        return f"{day:02d}{mark}{month:02d}{mark}{year % 100:02d}"
    return f"{year}-{month:02d}-{day:02d}" if form < 0.9 else f"{day}-{_pick(rng, ('Jan', 'MAY', 'Aug', 'OCT'))}-{year}"


def _time(rng: np.random.Generator) -> str:
    clock = f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}"
    form = rng.random()
    if form < 0.3:
        return f"{clock}:{int(rng.integers(60)):02d}"
    return clock + _pick(rng, ("am", "pm", "AM", "PM")) if form < 0.45 else clock


def _code(rng: np.random.Generator) -> str:
    form = rng.random()
    if form < 0.4:
        return _some(rng, string.ascii_uppercase + string.digits, 2, 9)
    if form < 0.6:
        return _some(rng, string.ascii_uppercase, 1, 3) + _digits(rng, 1, 6)
    if form < 0.75:
        return f"{_some(rng, string.ascii_uppercase, 1, 3)}{_pick(rng, '-/_')}{_digits(rng, 2, 6)}"
    if form < 0.85:
        return "0x" + _some(rng, _HEXADECIMAL, 2, 6)
    return _some(rng, string.ascii_letters + string.digits, 3, 9)


def _phone(rng: np.random.Generator) -> str:
    form = rng.random()
    if form < 0.4:
        return f"{_digits(rng, 2, 4)}-{_digits(rng, 3, 4)}{_digits(rng, 3, 4)}"
    if form < 0.6:
        return f"({_digits(rng, 2, 4)})"
    return f"+{_digits(rng, 1, 2)}{_digits(rng, 6, 9)}" if form < 0.75 else _digits(rng, 4, 10)


def _url(rng: np.random.Generator) -> str:
    name = _pick(rng, SIGNS).lower()
    form = rng.random()
    if form < 0.4:
        return f"www.{name}{_pick(rng, _DOMAINS)}"
    if form < 0.6:
        return f"{name}@{_pick(rng, SIGNS)}{_pick(rng, _DOMAINS)}"
    if form < 0.75:
        return f"http://{name[:8]}{_pick(rng, _DOMAINS)}"
    return f"@{name}_{_digits(rng, 1, 2)}" if form < 0.85 else f"/{name}?{_pick(rng, 'abcxyz')}={_digits(rng, 1, 3)}&"


def _address(rng: np.random.Generator) -> str:
    form = rng.random()
    if form < 0.3:
        return f"{int(rng.integers(1, 400))}{_pick(rng, ('', '', 'A', 'B', '-1', '/2', ','))}"
    if form < 0.6:
        return _pick(rng, _ROADS)
    return f"#{int(rng.integers(1, 30)):02d}-{int(rng.integers(1, 200)):02d}" if form < 0.8 else _digits(rng, 5, 6)


def _jumble(rng: np.random.Generator) -> str:
    return _some(rng, PRINTABLE, 1, 8)


T = TypeVar("T")


class Odds(Generic[T]):
    """Draws keys by their weights, which need not sum to 1."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._keys = tuple(weights)
        self._edges = tuple(accumulate(weights.values()))

    def draw(self, rng: np.random.Generator) -> T:
        """One of the keys."""
        return self._keys[min(bisect(self._edges, rng.random() * self._edges[-1]), len(self._keys) - 1)]


@dataclass(frozen=True)
class Fit:
    """How often what is said. kinds: by name. letters: of words, by length from 1. digits: of numbers, by length from
    1. currency, cents: shares, 0..1, of the prices with either. cases: of words of two letters and more. edges: what
    stands before and after words, numbers and codes."""

    kinds: Odds[str]
    letters: Odds[int]
    digits: Odds[int]
    currency: float
    cents: float
    cases: Odds[str]
    edges: Odds[tuple[str, str]]


def _by_length(*weights: float) -> Odds[int]:
    return Odds(dict(enumerate(weights, 1)))


# Shares in percent as `spotter synth statistics` counts them: 6,905 words of ICDAR 2015, ICDAR 2003 and IIIT 5K, and
# 54,140 of SROIE, all of the training parts. Kinds rarer than half a percent are raised to about that, and jumbles, of
# which there are none, keep all characters in view.
_SCENES = Fit(
    Odds(
        {"word": 87.5, "number": 5.2, "code": 1.6, "price": 1.0, "address": 0.8, "phone": 0.6, "url": 0.5}
        | {"date": 0.4, "time": 0.4, "sign": 0.3, "jumble": 1.7}
    ),
    _by_length(2.3, 4.3, 16.5, 22.4, 15.1, 13.1, 11.3, 6.2, 4.2, 2.2, 1.3, 0.7, 0.3, 0.1),
    _by_length(13, 36, 26, 18, 4, 2, 0.5, 0.5),
    0.8,
    0.5,
    Odds({"lower": 17.2, "Capital": 27.6, "UPPER": 53.8, "mixed": 1.4}),
    Odds(
        {("", ""): 95.0, ("", "."): 1.7, ("", "!"): 1.0, ("", ","): 0.5, ("", "?"): 0.3, ("", ":"): 0.3}
        | {('"', '"'): 0.2, ("(", ")"): 0.2, ("", "'s"): 0.4, ("any", ""): 0.2, ("", "any"): 0.2}
    ),
)
_PAGES = Fit(
    Odds(
        {"word": 58.5, "price": 10.8, "number": 9.5, "sign": 5.5, "code": 5.0, "phone": 2.6, "address": 2.5}
        | {"date": 1.2, "url": 1.2, "time": 1.1, "jumble": 2.1}
    ),
    _by_length(3.7, 12.8, 22.8, 14.6, 17.0, 8.4, 8.1, 6.4, 2.8, 1.9, 0.9, 0.1, 0.4, 0.1),
    _by_length(58, 13, 4.4, 10.3, 10.8, 2.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.7),
    0.12,
    0.98,
    Odds({"lower": 9.0, "Capital": 33.5, "UPPER": 56.0, "mixed": 1.5}),
    Odds(
        {("", ""): 81.0, ("", ":"): 4.5, ("", ","): 4.2, ("", "."): 3.6, ("(", ")"): 2.3, ("", ")"): 1.3}
        | {("(", ""): 0.9, ("", "-"): 0.4, ("", "*"): 0.3, ("*", ""): 0.5, ("-", ""): 0.3, ("", "!"): 0.2}
        | {(":", ""): 0.2, ("any", ""): 0.2, ("", "any"): 0.2}
    ),
)
_LISTED, _COMMON_SHARE = 0.28, 0.10  # of the words are from the lists of signs or receipts, and of common words
_COMPOUND = 0.01  # of the words are two in one


class WordGenerator:
    """Draws single words of at most `LONGEST` printable ASCII characters without spaces.

    words: what dictionary words are drawn from; the machine's list, or the built-in one, when None.
    Every printable character occurs: punctuation about words, and now and then a jumble of any characters.
    """

    def __init__(self, words: Sequence[str] | None = None) -> None:
        self._words = _Lengths(vocabulary() if words is None else words)
        self._signs, self._receipts, self._common = _Lengths(SIGNS), _Lengths(RECEIPTS), _Lengths(COMMON)
        self._kinds: Mapping[str, Callable[[np.random.Generator], str]] = {
            "date": _date,
            "time": _time,
            "code": _code,
            "phone": _phone,
            "url": _url,
            "address": _address,
            "sign": lambda rng: _pick(rng, _LONE),
            "jumble": _jumble,
        }

    def word(self, rng: np.random.Generator, page: bool = False) -> str:
        """One word as scenes hold them, or, with `page`, as receipts and documents do."""
        fit = _PAGES if page else _SCENES
        kind = fit.kinds.draw(rng)
        if kind == "word":
            text = self._dictionary_word(rng, fit, page)
        elif kind == "number":
            text = _number(rng, fit.digits.draw(rng))
        elif kind == "price":
            text = _price(rng, fit.currency, fit.cents)
        else:
            text = self._kinds[kind](rng)
        if kind in ("word", "number", "code"):
            text = _edged(rng, text, fit)
        return text[:LONGEST]

    def _dictionary_word(self, rng: np.random.Generator, fit: Fit, page: bool) -> str:
        length = fit.letters.draw(rng)
        if length == 1:
            return _pick(rng, string.ascii_letters)
        source = rng.random()
        if source < _LISTED:
            words = self._receipts if page else self._signs
        else:
            words = self._common if source < _LISTED + _COMMON_SHARE else self._words
        word = _cased(rng, words.pick(rng, length), fit.cases.draw(rng))
        if rng.random() < _COMPOUND:
            return f"{word[:7]}{_pick(rng, '-&/-_+~')}{self._words.pick(rng, fit.letters.draw(rng))[:7].title()}"
        return word


class _Lengths:
    """Words by their length."""

    def __init__(self, words: Sequence[str]) -> None:
        if not words:
            raise ValueError("WordGenerator wants at least one word")
        self._words: dict[int, list[str]] = {}
        for word in words:
            self._words.setdefault(len(word), []).append(word)

    def pick(self, rng: np.random.Generator, length: int) -> str:
        """A word of that length, or of the nearest that there is."""
        nearest = min(self._words, key=lambda known: (abs(known - length), known))
        return _pick(rng, self._words[nearest])


def _cased(rng: np.random.Generator, word: str, case: str) -> str:
    if case == "lower":
        return word.lower()
    if case == "UPPER":
        return word.upper()
    if case == "Capital" or len(word) < 3:
        return word.capitalize()
    if rng.random() < 0.5:  # two words in one, as HarbourFront
        inside = int(rng.integers(2, len(word)))
        return word[:inside].capitalize() + word[inside:].capitalize()
    return word.capitalize().swapcase() if rng.random() < 0.5 else word[:2].upper() + word[2:].lower()


def _edged(rng: np.random.Generator, text: str, fit: Fit) -> str:
    before, after = (_pick(rng, string.punctuation) if mark == "any" else mark for mark in fit.edges.draw(rng))
    return before + text + after


def rule(rng: np.random.Generator) -> str:
    """A run of signs as receipts draw their lines: never a word."""
    return _pick(rng, "----==**_.~#") * int(rng.integers(6, 25))
