"""Reads the frames of a video and tracks their words."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from spotter.reading.imaging import Region
from spotter.reading.reader import Reader
from spotter.reading.words import Word
from spotter.video.changes import Changes
from spotter.video.frames import Frame
from spotter.video.tracker import LOW_SCORE, Tracker
from spotter.video.tracks import Track


@dataclass
class Account:
    """Statistics of reading a video. sampled: sampled frames. read: frames that the model read; the others were
    unchanged. read_seconds: the time that reading these took. tracks: ended tracks."""

    sampled: int = 0
    read: int = 0
    read_seconds: float = 0.0
    tracks: int = 0

    @property
    def unchanged(self) -> int:
        """Sampled frames that were not read."""
        return self.sampled - self.read

    @property
    def saved_seconds(self) -> float:
        """The time that reading the unchanged frames would have taken."""
        return self.unchanged * self.read_seconds / self.read if self.read else 0.0


class Follower:
    """Reads frames and tracks their words.

    step: seconds between sampled frames. min_score: least score of words that begin a track, None for the model's.
    closest: longest side of a second look in pixels, 0 for none. region: the part of the frames that is read, None for
    the whole.
    """

    def __init__(
        self,
        reader: Reader,
        step: float,
        min_score: float | None = None,
        closest: int = 0,
        region: Region | None = None,
    ) -> None:
        self.account = Account()
        self._reader, self._step, self._closest, self._region = reader, step, closest, region
        high = reader.manifest.score_threshold if min_score is None else min_score
        self._low = min(high, LOW_SCORE)
        self._tracker = Tracker(step, high)
        self._changes = Changes()
        self._now = 0.0

    def follow(self, frames: Iterable[Frame]) -> Iterator[Track]:
        """Yields each track when it has ended; `finish` returns the last ones. Raises what the frames raise, and
        RegionOffPictureError."""
        for frame in frames:
            self._now = frame.time
            self.account.sampled += 1
            height, width, _ = frame.pixels.shape
            region = (self._region or Region(0, 0, width, height)).within((width, height))
            part = frame.pixels[region.top : region.top + region.height, region.left : region.left + region.width]
            if self._changes.changed(part):
                began = time.monotonic()
                words = self._reader.read(np.ascontiguousarray(part), self._low, self._closest)
                self.account.read_seconds += time.monotonic() - began
                self.account.read += 1
                yield from self._ended(self._tracker.update([_moved(word, region) for word in words], frame.time))
            else:
                yield from self._ended(self._tracker.hold(frame.time))

    def finish(self) -> list[Track]:
        """The tracks that have not ended when the frames end."""
        return self._ended(self._tracker.finish(round(self._now + self._step, 3)))

    def _ended(self, tracks: list[Track]) -> list[Track]:
        self.account.tracks += len(tracks)
        return tracks


def _moved(word: Word, region: Region) -> Word:
    """A word read in the region, with its polygon in pixels of the frame."""
    return word._replace(polygon=[[round(x + region.left, 1), round(y + region.top, 1)] for x, y in word.polygon])
