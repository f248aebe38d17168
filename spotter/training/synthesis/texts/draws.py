"""Random choices used by all kinds of words."""

import string
from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Odds(Generic[T]):
    """Draws keys by their weights, which need not sum to 1."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._keys = tuple(weights)
        self._edges = tuple(accumulate(weights.values()))

    def draw(self, rng: np.random.Generator) -> T:
        """One of the keys."""
        return self._keys[min(bisect(self._edges, rng.random() * self._edges[-1]), len(self._keys) - 1)]


def pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of the choices; where these are a string, one of its characters."""
    return choices[int(rng.integers(len(choices)))]


def some(rng: np.random.Generator, alphabet: Sequence[str], low: int, high: int) -> str:
    """Between `low` and `high` characters of an alphabet, both included."""
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=int(rng.integers(low, high + 1))))


def digits(rng: np.random.Generator, low: int, high: int) -> str:
    """Between `low` and `high` digits, both included."""
    return some(rng, string.digits, low, high)


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def chance(rng: np.random.Generator, share: float) -> bool:
    """True with the probability `share`."""
    return bool(rng.random() < share)


def magnitude(rng: np.random.Generator, most: float) -> int:
    """A whole number of 1 to `most` digits; every number of digits is equally probable."""
    return int(10 ** rng.uniform(0, most))


def filled(rng: np.random.Generator, pattern: str) -> str:
    """A pattern's text: `0` becomes any digit, `n` one that is not zero, `A` a capital, `a` a small letter."""
    alphabets = {"0": string.digits, "n": string.digits[1:], "A": string.ascii_uppercase, "a": string.ascii_lowercase}
    return "".join(pick(rng, alphabets[mark]) if mark in alphabets else mark for mark in pattern)


def listed(text: str) -> tuple[str, ...]:
    """The words of a text, which may run over several lines."""
    return tuple(text.split())
