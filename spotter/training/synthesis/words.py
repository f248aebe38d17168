"""What synthetic words say: mostly words, then numbers, prices, dates, codes and whatever else stands on things."""

import string
from collections.abc import Callable, Sequence

import numpy as np

from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS, SIGNS, vocabulary

PRINTABLE = "".join(chr(code) for code in range(33, 127))
"""The 94 printable ASCII characters that are not space."""

LONGEST = 25
"""Characters in the longest word."""

_CURRENCIES = ("$", "$", "RM", "", "", "EUR", "USD", "S$", "Rs.")
_LONE = ("&", "-", "+", "@", "%", "#", "*", "/", "=", "x", "A", "B", "I", "a", ":", "|", "No.", "Tel:", "50%", "24H")
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


def _number(rng: np.random.Generator) -> str:
    number = _digits(rng, 1, 6)
    form = rng.random()
    if form < 0.08:
        return f"{int(rng.integers(1, 999))},{int(rng.integers(1000)):03d}"
    if form < 0.14:
        return number + _pick(rng, ("%", "st", "nd", "rd", "th", "m", "km", "kg", "g", "ml", "L", "cm", "pm", "AM"))
    if form < 0.18:
        return _pick(rng, ("#", "+", "-", "No.", "x")) + number
    return number


def _price(rng: np.random.Generator) -> str:
    whole = int(10 ** rng.uniform(0, 3.2))
    amount = f"{whole:,}" if rng.random() < 0.5 else str(whole)
    amount += f".{int(rng.integers(100)):02d}" if rng.random() < 0.9 else ""
    form = rng.random()
    if form < 0.05:
        return f"-{amount}"
    if form < 0.08:
        return f"({amount})"
    return _pick(rng, _CURRENCIES) + amount


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


_MIXED = (_number, _price, _date, _time, _code, _phone, _url, _address, _jumble)
# Shares of the words that are not dictionary words, in scenes and on receipts.
_SCENE_SHARES = (0.32, 0.09, 0.04, 0.05, 0.16, 0.08, 0.07, 0.07, 0.12)
_PAGE_SHARES = (0.26, 0.34, 0.08, 0.06, 0.09, 0.04, 0.03, 0.05, 0.05)


class WordGenerator:
    """Draws single words of at most `LONGEST` printable ASCII characters without spaces.

    words: what dictionary words are drawn from; the machine's list, or the built-in one, when None.
    Every printable character occurs: punctuation about words, and now and then a jumble of any characters.
    """

    def __init__(self, words: Sequence[str] | None = None) -> None:
        self._words = vocabulary() if words is None else words
        if not self._words:
            raise ValueError("WordGenerator wants at least one word")
        self._short = [word for word in self._words if len(word) < 8] or list(self._words)

    def word(self, rng: np.random.Generator, page: bool = False) -> str:
        """One word as scenes hold them, or, with `page`, as receipts and documents do."""
        if rng.random() < (0.55 if page else 0.70):
            return self._dictionary_word(rng, page)
        if rng.random() < 0.07:
            return _pick(rng, _LONE)
        kinds: Sequence[Callable[[np.random.Generator], str]] = _MIXED
        kind = int(rng.choice(len(kinds), p=_PAGE_SHARES if page else _SCENE_SHARES))
        return kinds[kind](rng)[:LONGEST]

    def _dictionary_word(self, rng: np.random.Generator, page: bool) -> str:
        source = rng.random()
        if source < 0.28:
            word = _pick(rng, RECEIPTS if page else SIGNS)
        elif source < 0.38:
            word = _pick(rng, COMMON)
        else:
            word = _pick(rng, self._short if source < 0.75 else self._words)
        case = rng.random()
        if case < 0.45:
            word = word.upper()
        elif case < 0.74:
            word = word.capitalize()
        elif case < 0.99:
            word = word.lower()
        else:
            word = word.swapcase()
        return self._punctuated(rng, word)

    def _punctuated(self, rng: np.random.Generator, word: str) -> str:
        form = rng.random()
        if form < 0.83:
            return word
        if form < 0.92:
            return word + _pick(rng, ",..:::;!!?")
        if form < 0.94:
            return word + _pick(rng, ("'s", "'S", "'", "s'", "-"))
        if form < 0.96:
            open_close = _pick(rng, ("()", "()", '""', "''", "[]", "<>", "{}", "**", "``"))
            return open_close[0] + word + open_close[1]
        if form < 0.98:
            return f"{word[:7]}{_pick(rng, '-&/-_+~')}{_pick(rng, self._short)[:7].title()}"
        return _pick(rng, "*-#@&$~^|\\") + word


def rule(rng: np.random.Generator) -> str:
    """A run of signs as receipts draw their lines: never a word."""
    return _pick(rng, "----==**_.~#") * int(rng.integers(6, 25))
