"""Edit distance, and correction of readings by a list of words."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_EDGES = "!?.:,*\"()[]/'"


def edit_distance(first: str, second: str) -> int:
    """Fewest insertions, deletions and substitutions of a character that turn one into the other (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


class Lexicon:
    """Replaces readings by the nearest of a list of words, as the contests' "generic lexicon" allows.

    A reading is compared without the punctuation at its ends, ignoring case. It is unchanged where it has a digit or
    fewer than three letters (such lists contain only words), or where even the nearest word is further than `farthest`
    edits for each character. Of equally near words the first in the list is taken.
    """

    def __init__(self, words: Iterable[str], farthest: float = 0.34) -> None:
        by_length: dict[int, list[str]] = defaultdict(list)
        self._order: dict[str, int] = {}
        for word in words:
            upper = word.strip().upper()
            if upper and upper.isascii() and upper not in self._order:
                self._order[upper] = len(self._order)
                by_length[len(upper)].append(upper)
        self._words = dict(by_length)
        self._codes = {
            length: np.frombuffer("".join(group).encode(), np.uint8).reshape(-1, length).T.copy()
            for length, group in by_length.items()
        }  # [length, words]
        self._farthest = farthest
        self._known: dict[str, str | None] = {}

    @classmethod
    def load(cls, path: Path, farthest: float = 0.34) -> "Lexicon":
        """Reads a file of one word a line."""
        return cls(path.read_text(encoding="utf-8-sig").splitlines(), farthest)

    def __len__(self) -> int:
        return len(self._order)

    def correct(self, reading: str) -> str:
        """The nearest word in capitals, with the reading's own punctuation at the ends; or the reading unchanged."""
        core = reading.strip(_EDGES)
        if len(core) < 3 or not core.isascii() or any(character.isdigit() for character in core):
            return reading
        upper = core.upper()
        if upper in self._order:
            return reading
        if upper not in self._known:
            self._known[upper] = self._nearest(upper)
        nearest = self._known[upper]
        return reading if nearest is None else reading.replace(core, nearest, 1)

    def _nearest(self, word: str) -> str | None:
        reach = int(self._farthest * len(word))
        best: tuple[int, int] = (reach + 1, 0)
        found: str | None = None
        for length in range(max(1, len(word) - reach), len(word) + reach + 1):
            if length not in self._codes or abs(length - len(word)) > best[0]:
                continue
            distances = _distances(word, self._codes[length])
            for n in np.flatnonzero(distances == distances.min()).tolist():
                candidate = self._words[length][n]
                rank = (int(distances[n]), self._order[candidate])
                if rank[0] <= reach and rank < best:
                    best, found = rank, candidate
        return found


def _distances(word: str, codes: NDArray[np.uint8]) -> NDArray[np.int32]:
    """int32 [W]: edit distances from a word to W words of one length, codes [length, W].

    The table of Levenshtein's recurrence is filled for all words at once.
    """
    length, count = codes.shape
    row = np.repeat(np.arange(length + 1, dtype=np.int32)[:, None], count, 1)
    for i, character in enumerate(word.encode(), 1):
        different = codes != character
        diagonal = row[0].copy()
        row[0] = i
        for j in range(1, length + 1):
            above = row[j].copy()
            np.minimum(np.minimum(above, row[j - 1]) + 1, diagonal + different[j - 1], out=row[j])
            diagonal = above
    return np.asarray(row[length], np.int32)
