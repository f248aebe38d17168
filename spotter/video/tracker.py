"""Which words of a frame are those of the frames before.

The association is ByteTrack's (Zhang, Sun, Jiang, Yu, Weng, Yuan, Luo, Liu, Wang: ByteTrack, ECCV 2022): first the
words of high score are matched to all tracks, then those of low score, as blurred ones are, to the tracks that are
left; only words of high score begin tracks. The cost of the first match weighs place and looks against each other,
within a gate of Mahalanobis distance, as DeepSORT does (Wojke, Bewley, Paulus, ICIP 2017): half is the overlap, and how
alike two words look is how alike their texts are.
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
"""ByteTrack's least score of a box that may continue a track."""
_GATE = 7.815
"""The 95% quantile of chi-squared of three degrees of freedom: middle and height."""
_ALIKE = 0.5
"""Least similarity of the texts of one word: where another text takes its place, as subtitles do, a track begins."""
_OVERLAP = 0.5
"""ByteTrack's least IoU of its second match."""
_PATIENCE = 1.0
"""Seconds for which a track that is out of sight may come back: ByteTrack's 30 frames."""
_NEVER = 1e6


class Tracker:
    """Tracks of a video. step: seconds between sampled frames, in which velocities are counted. high: least score of
    words that begin a track."""

    def __init__(self, step: float, high: float) -> None:
        self._step, self._high = step, high
        self._tracks: list[Track] = []
        self._count = 0
        self._now = 0.0

    def update(self, words: Sequence[Word], time: float) -> list[Track]:
        """Takes the words of the frame at a time in seconds, all of at least LOW_SCORE. Returns the tracks that have
        ended."""
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
        """Takes a frame that shows what the one before did. Returns the tracks that have ended."""
        self._move_on(time)
        for track in self._tracks:
            if track.in_sight:
                track.motion.stay()
        return self._ended()

    def finish(self, time: float) -> list[Track]:
        """The video ends at a time in seconds. Returns the tracks that are left."""
        self._move_on(time)
        left, self._tracks = self._tracks, []
        return left

    def _move_on(self, time: float) -> None:
        """What was in sight was so until this time."""
        for track in self._tracks:
            track.end = time if track.in_sight else track.end
            if time > self._now:
                track.motion.predict((time - self._now) / self._step)
        self._now = time

    def _ended(self) -> list[Track]:
        """Removes and returns the tracks that have been out of sight for too long."""
        patience = max(_PATIENCE, 2 * self._step)
        ended = [track for track in self._tracks if not track.in_sight and self._now - track.end > patience]
        self._tracks = [track for track in self._tracks if track not in ended]
        return ended

    @staticmethod
    def _match(
        tracks: Sequence[Track], words: Sequence[Word], time: float, by_text: bool
    ) -> tuple[list[Track], list[Word]]:
        """Adds words to their tracks; returns those of both that are left."""
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
    """float64 [tracks, words]: from 0 to 1, or _NEVER. by_text: overlap and texts count half each, within the gate;
    else overlap alone, of some size."""
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
    """How alike two texts are, 0 to 1, whatever the case: the share of common runs (Ratcliff and Obershelp)."""
    return SequenceMatcher(None, first.casefold(), second.casefold(), autojunk=False).ratio()


def _shapes(polygons: Sequence[NDArray[np.float64]]) -> NDArray[Any]:
    return np.asarray(shapely.make_valid(np.array([shapely.Polygon(polygon) for polygon in polygons])))


def _overlaps(one: Any, others: NDArray[Any]) -> NDArray[np.float64]:
    """float64 [N]: intersection over union of a shape with each of the others."""
    common = shapely.area(shapely.intersection(one, others))
    return np.asarray(common / np.maximum(shapely.area(one) + shapely.area(others) - common, 1e-9), np.float64)
