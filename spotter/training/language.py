"""Trains the tables of a character n-gram language model on words."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spotter.model.language import STEP, LanguageTables

SYMBOLS = "".join(chr(code) for code in range(0x20, 0x7F) if not "A" <= chr(code) <= "Z")
"""The 69 printable ASCII characters, ignoring case."""

_SIZE = len(SYMBOLS) + 1  # the last symbol is the end of the word
_BASE = _SIZE + 1
_BEGINNING = 1
_LONGEST = 10  # the most characters of an n-gram whose number fits into 64 bits


def train_language(
    counts: Mapping[str, float], order: int = 6, least: float = 10.0, states: int = 60_000
) -> LanguageTables:
    """An interpolated n-gram model of the characters of words in lower case.

    counts: the weight of each word, positive; words with other characters than `SYMBOLS` are left out.
    order: characters of an n-gram, of which the last is predicted from the others, its context; 2 to 10.
    least: the smallest count of a context that becomes a state; the empty context and the word's beginning always do.
    states: the most states, 2 to 65,536; those with the highest counts are kept, of equal ones the shorter, then the
        alphabetically first.

    A symbol that follows a context c times has the probability (c + T p) / (N + T), where N symbols of T kinds follow
    the context in all, and p is the symbol's probability after the context without its first character, or 1 / A after
    the empty context (Witten and Bell 1991, "The zero-frequency problem", method C; interpolated as in Chen and Goodman
    1999, "An empirical study of smoothing techniques for language modeling").
    Raises ValueError when no word is left, or order or states is out of range.
    """
    if not 2 <= order <= _LONGEST or not 2 <= states <= 1 << 16:
        raise ValueError(f"order must be 2 to {_LONGEST}, states 2 to 65,536")
    contexts, pairs, weights = _count(counts, order, least, states)
    chances = np.zeros((len(contexts), _SIZE))
    chances[np.searchsorted(contexts, pairs // _SIZE), pairs % _SIZE] = weights
    kinds, total = (chances > 0).sum(1, keepdims=True), chances.sum(1, keepdims=True)
    following = np.zeros((len(contexts), _SIZE), np.uint16)
    bounds = [0, *np.searchsorted(contexts, [_BASE**length for length in range(order)])]
    for length in range(order):
        rows = slice(bounds[length], bounds[length + 1])
        shorter_chances: NDArray[np.float64] | float = 1 / _SIZE
        if length:
            shorter = np.searchsorted(contexts, contexts[rows] % _BASE ** (length - 1))
            shorter_chances, following[rows] = chances[shorter], following[shorter]
        chances[rows] = (chances[rows] + kinds[rows] * shorter_chances) / (total[rows] + kinds[rows])
        if length + 1 < order:
            # A context without its last character is always a context as well, since its count is not smaller. The
            # transition from the empty context to the word's beginning is written to column -1, the end of the word,
            # where the next word begins.
            longer = np.arange(bounds[length + 1], bounds[length + 2])
            following[np.searchsorted(contexts, contexts[longer] // _BASE), contexts[longer] % _BASE - 2] = longer
    place = np.arange(len(contexts), dtype=np.uint16)
    place[:2] = 1, 0  # the empty context is the first by number, the beginning the second
    costs = np.clip(np.round(-np.log(chances) / STEP), 0, 255).astype(np.uint8)
    return LanguageTables(costs[place], place[following[place]], SYMBOLS)


def _count(
    counts: Mapping[str, float], order: int, least: float, states: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The contexts that become states, [S] ascending; every pair of a context and a symbol that follows it, as context
    * A + symbol, ascending; and the counts of these pairs.

    A context is a number of one digit a character, 1 for the beginning and 2 + n for symbol n, so that numbers are
    sorted by length, then text, and a remainder is the context without its first characters.
    """
    words = sorted(word for word in counts if word and set(word) <= set(SYMBOLS))
    if not words:
        raise ValueError("no word is left to learn a language from")
    digit_of = np.full(256, _BEGINNING, np.int64)
    digit_of[np.frombuffer(SYMBOLS.encode(), np.uint8)] = np.arange(len(SYMBOLS)) + 2
    # A line break is the end of one word and the beginning of the next.
    digits = digit_of[np.frombuffer("\n".join(("", *words, "")).encode(), np.uint8)]
    sizes = np.array([len(word) + 1 for word in words])
    weights = np.repeat([float(counts[word]) for word in words], sizes)
    symbols = (digits[1:] - 2) % _SIZE
    before = np.arange(len(symbols)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1  # digits of the word so far
    at, numbers = np.arange(len(symbols)), np.zeros(len(symbols), np.int64)
    found: list[NDArray[np.int64]] = []
    totals: list[NDArray[np.float64]] = []
    pairs: list[NDArray[np.int64]] = []
    seen: list[NDArray[np.float64]] = []
    for length in range(order):
        if length:
            inside = before[at] >= length
            at = at[inside]
            numbers = numbers[inside] + digits[at + 1 - length] * _BASE ** (length - 1)
        for values, unique, sums in ((numbers, found, totals), (numbers * _SIZE + symbols[at], pairs, seen)):
            single, which = np.unique(values, return_inverse=True)
            unique.append(single)
            sums.append(np.bincount(which, weights[at]).astype(np.float64))
    contexts, total = np.concatenate(found), np.concatenate(totals)
    total[contexts <= _BEGINNING] = np.inf
    heaviest = np.argsort(-total, kind="stable")[:states]
    contexts = np.sort(contexts[heaviest[total[heaviest] >= least]])
    every, sums_of = np.concatenate(pairs), np.concatenate(seen)
    kept = np.isin(every // _SIZE, contexts)
    return contexts, every[kept], sums_of[kept]


def perplexity(tables: LanguageTables, counts: Mapping[str, float]) -> float:
    """The perplexity of a symbol, ends of words included, over the words that consist of the tables' symbols."""
    column = {symbol: n for n, symbol in enumerate(tables.symbols)}
    nats = symbols = 0.0
    for word, count in counts.items():
        if not set(word) <= column.keys():
            continue
        state = cost = 0
        for symbol in (*(column[character] for character in word), len(column)):
            cost += int(tables.costs[state, symbol])
            state = int(tables.following[state, symbol])
        nats += count * cost * STEP
        symbols += count * (len(word) + 1)
    return float(np.exp(nats / symbols))
