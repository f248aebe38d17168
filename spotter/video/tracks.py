"""Tracks: a word over time, with the best of its readings."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Word
from spotter.video.motion import Motion

_MOST_PLACES = 1_000
"""The most positions in a path; of a longer path every second position is dropped, so that memory does not grow with
the length of a stream."""
_MOST_TEXTS, _SHOWN = 100, 5
"""The most different readings that are kept, and that are shown."""


class Track:
    """One word, as it was read in several frames.

    The best reading is the one with the largest sum of scores: a vote weighted by confidence, as ROVER does for whole
    words (Fiscus: A post-processing system to yield reduced word error rates, ASRU 1997).

    number: from 1, in order of appearance. start, end: seconds; the word is visible from `start` and no longer at
    `end`. frames: the number of frames in which it was read.
    """

    def __init__(self, number: int, word: Word, time: float) -> None:
        self.number = number
        self.start = self.end = time
        self.frames = 0
        self.in_sight = True
        self.motion = Motion(_points(word))
        self._sums: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._path: list[tuple[float, Polygon]] = []
        self._vote(word, time)

    def add(self, word: Word, time: float) -> None:
        """Adds another reading of the word, at a later time than the last."""
        self.motion.correct(_points(word))
        self.in_sight = True
        self._vote(word, time)

    @property
    def text(self) -> str:
        """The best reading; of equal ones the first."""
        return max(self._sums, key=lambda text: self._sums[text])

    @property
    def score(self) -> float:
        """The mean score of the best reading, 0 to 1."""
        return self._sums[self.text] / self._counts[self.text]

    @property
    def agreement(self) -> float:
        """The best reading's share of the sum of all scores, 0 to 1."""
        return self._sums[self.text] / self._sums.total()

    def at(self, time: float) -> Polygon:
        """The polygon of the last detection up to `time`, which is not before the start."""
        return next(polygon for seen, polygon in reversed(self._path) if seen <= time)

    def render(self) -> dict[str, Any]:
        """The track as an object of the output's JSON."""
        shown = sorted(self._sums, key=lambda text: -self._sums[text])[:_SHOWN]
        return {
            "track": self.number,
            "text": self.text,
            "score": round(self.score, 4),
            "agreement": round(self.agreement, 4),
            "start": self.start,
            "end": self.end,
            "frames": self.frames,
            "readings": [
                {"text": text, "count": self._counts[text], "score": round(self._sums[text], 4)} for text in shown
            ],
            "path": [{"time": time, "polygon": polygon} for time, polygon in self._path],
        }

    def _vote(self, word: Word, time: float) -> None:
        self.frames += 1
        self._sums[word.text] += word.score  # type: ignore[assignment]  # a counter of numbers, not of integers alone
        self._counts[word.text] += 1
        if len(self._sums) > _MOST_TEXTS:
            for text, _ in self._sums.most_common()[_MOST_TEXTS // 2 :]:
                del self._sums[text], self._counts[text]
        self._path.append((time, word.polygon))
        if len(self._path) > _MOST_PLACES:
            self._path = self._path[::2]


def _points(word: Word) -> NDArray[np.float64]:
    return np.array(word.polygon, np.float64)
