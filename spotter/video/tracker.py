"""Associates the words of a frame with those of the frames before.

The association is ByteTrack's (Zhang, Sun, Jiang, Yu, Weng, Yuan, Luo, Liu, Wang: ByteTrack, ECCV 2022): first the
words with high scores are matched to all tracks, then those with low scores, such as blurred ones, to the tracks that
are left; only words with high scores begin tracks. The cost of the first match combines position and appearance, within
a gate of Mahalanobis distance, as in DeepSORT (Wojke, Bewley, Paulus, ICIP 2017): half of it is the overlap, and half
the similarity of the texts, which takes the place of the appearance.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spotter.reading.words import Word
from spotter.video.motion import placed
from spotter.video.tracks import Track

LOW_SCORE = 0.1
"""The least score of a word that may continue a track, as in ByteTrack."""
_GATE = 7.815
"""The 95% quantile of the chi-squared distribution with three degrees of freedom: x and y of the centre, and the
height."""
_ALIKE = 0.5
"""The least similarity of two texts of one word: where another text appears at the same position, as with subtitles, a
new track begins."""
_OVERLAP = 0.5
"""The least IoU in the second match, as in ByteTrack."""
_PATIENCE = 1.0
"""Seconds for which a lost track may be found again: 30 frames in ByteTrack."""
_NEVER = 1e6


class Tracker:
    """The tracks of a video. step: seconds between sampled frames, the unit of velocities. high: least score of words
    that begin a track."""

    def __init__(self, step: float, high: float) -> None:
        self._step, self._high = step, high
        self._tracks: list[Track] = []
        self._count = 0
        self._now = 0.0

    def update(self, words: Sequence[Word], time: float) -> list[Track]:
        """Processes the words of the frame at a time in seconds, all with a score of at least LOW_SCORE. Returns the
        tracks that have ended."""
        self._move_on(time)
        for track in self._tracks:
            track.in_sight = False
        high = [word for word in words if word.score >= self._high]
        low = [word for word in words if word.score < self._high]
        left, new = self._match(self._tracks, high, time, by_text=True)
        self._match(left, low, time, by_text=False)
        for word in new:
            self._count += 1
            self._tracks.append(Track(self._count, word, time))
        return self._ended()

    def hold(self, time: float) -> list[Track]:
        """Processes an unchanged frame. Returns the tracks that have ended."""
        self._move_on(time)
        for track in self._tracks:
            if track.in_sight:
                track.motion.stay()
        return self._ended()

    def finish(self, time: float) -> list[Track]:
        """Ends the video at a time in seconds. Returns the remaining tracks."""
        self._move_on(time)
        left, self._tracks = self._tracks, []
        return left

    def _move_on(self, time: float) -> None:
        """Extends the visible tracks to this time."""
        for track in self._tracks:
            track.end = time if track.in_sight else track.end
            if time > self._now:
                track.motion.predict((time - self._now) / self._step)
        self._now = time

    def _ended(self) -> list[Track]:
        """Removes and returns the tracks that have been lost for too long."""
        patience = max(_PATIENCE, 2 * self._step)
        ended = [track for track in self._tracks if not track.in_sight and self._now - track.end > patience]
        self._tracks = [track for track in self._tracks if track not in ended]
        return ended

    @staticmethod
    def _match(
        tracks: Sequence[Track], words: Sequence[Word], time: float, by_text: bool
    ) -> tuple[list[Track], list[Word]]:
        """Adds words to their tracks; returns the tracks and the words that are not matched."""
        costs = _costs(tracks, words, by_text)
        pairs = [
            (row, column)
            for row, column in zip(*linear_sum_assignment(costs), strict=True)
            if costs[row, column] < _NEVER
        ]
        for row, column in pairs:
            tracks[row].add(words[column], time)
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [track for index, track in enumerate(tracks) if index not in rows],
            [word for index, word in enumerate(words) if index not in columns],
        )


def _costs(tracks: Sequence[Track], words: Sequence[Word], by_text: bool) -> NDArray[np.float64]:
    """The matching costs float64 [tracks, words], from 0 to 1, or _NEVER. by_text: overlap and similarity of texts
    count half each, within the gate; else only the overlap counts, which must be at least _OVERLAP."""
    costs = np.full((len(tracks), len(words)), _NEVER)
    if not tracks or not words:
        return costs
    polygons = [np.array(word.polygon, np.float64) for word in words]
    expected = _shapes([track.motion.polygon for track in tracks])
    found = _shapes(polygons)
    places = np.array([[*middle, height] for middle, height in map(placed, polygons)])
    for row, track in enumerate(tracks):
        near = np.flatnonzero(track.motion.distances(places) <= _GATE)
        overlaps = _overlaps(expected[row], found[near])
        for column, overlap in zip(near.tolist(), overlaps.tolist(), strict=True):
            if by_text:
                alike = similarity(track.text, words[column].text)
                if alike >= _ALIKE:
                    costs[row, column] = 1 - (overlap + alike) / 2
            elif overlap >= _OVERLAP:
                costs[row, column] = 1 - overlap
    return costs


def similarity(first: str, second: str) -> float:
    """The similarity of two texts, 0 to 1, ignoring case: the share of common runs (Ratcliff and Obershelp)."""
    return SequenceMatcher(None, first.casefold(), second.casefold(), autojunk=False).ratio()


def _shapes(polygons: Sequence[NDArray[np.float64]]) -> NDArray[Any]:
    return np.asarray(shapely.make_valid(np.array([shapely.Polygon(polygon) for polygon in polygons])))


def _overlaps(one: Any, others: NDArray[Any]) -> NDArray[np.float64]:
    """float64 [N]: intersection over union of a shape with each of the others."""
    common = shapely.area(shapely.intersection(one, others))
    return np.asarray(common / np.maximum(shapely.area(one) + shapely.area(others) - common, 1e-9), np.float64)
