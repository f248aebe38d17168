"""Reading a picture in parts, where it has more words than one run of the graph finds.

The graph proposes a limited number of words for each picture. A page that reaches it, such as a newspaper's or one of
very small print, is cut into parts from top to bottom, which are read one by one. Parts overlap, so that each word is
whole in one of them, and end between two lines where possible.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spotter.reading.prepared import Prepared, pad
from spotter.reading.session import Rows
from spotter.reading.sizing import MOST_WORDS, at_side, clear_height, median_height
from spotter.registry.manifest import InputSpec

_WORDS = 600
"""The most words in a part, by those found so far: there may be half as many again that were not found."""
_SLACK = 0.2  # of a part: how far its end may be moved to lie between two lines


@dataclass(frozen=True)
class Part:
    """A part of a picture. prepared: the graph's input. top: the row of the whole picture at which it begins, in pixels
    at the working size. first, last: the part answers for words whose centres lie between these rows."""

    prepared: Prepared
    top: int
    first: float
    last: float


@dataclass(frozen=True)
class Partition:
    """How to read a picture in parts. spec: for preparing the whole picture, which is then cut. borders: where parts
    end, as shares of the height, ascending. overlap: by how much they overlap on either side, likewise."""

    spec: InputSpec
    borders: tuple[float, ...]
    overlap: float

    def parts(self, whole: Prepared) -> list[Part]:
        """The parts of the picture, prepared for `spec` and turned as before."""
        width, height = whole.working
        ends = [0.0, *(share * height for share in self.borders), float(height)]
        parts = []
        for number, (first, last) in enumerate(pairwise(ends)):
            top = max(0, math.floor(first - self.overlap * height))
            bottom = min(height, math.ceil(last + self.overlap * height))
            pixels = whole.padded[top:bottom, :width]
            low = -math.inf if not number else first
            high = math.inf if number == len(self.borders) else last
            parts.append(Part(pad(pixels, whole.upload, self.spec), top, low, high))
        return parts


def partition(rows: Rows, seen: Prepared, spec: InputSpec, limit: int) -> Partition | None:
    """How to read a picture in parts; None where the look that was taken has found all words, as far as is known.

    rows, seen: of that look. spec: the model's. limit: pixels of the longest side of the whole picture, 0 if it may
    not be read again.
    """
    words = len(rows.scores)
    if words <= MOST_WORDS or not limit:
        return None
    count = math.ceil(words / _WORDS)
    height = median_height(rows.polygons)
    assert height is not None  # there are many words
    longest = max(seen.working)
    most = max(longest, min(limit, max(seen.shown)))
    side = min(most, max(longest, round(longest * clear_height(words // count) / max(height, 1.0))))
    tops, bottoms = rows.polygons[..., 1].min(1), rows.polygons[..., 1].max(1)
    centres, total = np.sort((tops + bottoms) / 2), seen.working[1]
    length = total / count
    borders = [_between(centres, number * length, length) for number in range(1, count)]
    reach = max(_reach(tops, bottoms, border) for border in borders)
    overlap = min(reach + height, length / 2)
    return Partition(at_side(spec, side), tuple(border / total for border in borders), overlap / total)


def _between(centres: NDArray[np.float32], border: float, length: float) -> float:
    """The middle of the widest gap between words' centres, ascending, that is near a border of parts of this length."""
    near = centres[np.abs(centres - border) <= _SLACK * length]
    if len(near) < 2:
        return border
    widest = int(np.diff(near).argmax())
    return float(near[widest] + near[widest + 1]) / 2


def _reach(tops: NDArray[np.float32], bottoms: NDArray[np.float32], border: float) -> float:
    """How far the words that cross a border extend beyond it."""
    crossing = (tops < border) & (bottoms > border)
    return float(np.maximum(border - tops, bottoms - border)[crossing].max(initial=0.0))


def joined(parts: Sequence[Part], looks: Sequence[Rows]) -> Rows:
    """The rows of the whole picture, in its pixels at the working size, from those of its parts."""
    longest = max(rows.characters.shape[1] for rows in looks)
    kept = []
    for part, rows in zip(parts, looks, strict=True):
        polygons = rows.polygons + np.array([0, part.top], np.float32)
        centres = (polygons[..., 1].min(1) + polygons[..., 1].max(1)) / 2
        own = (centres >= part.first) & (centres < part.last)
        more = ((0, 0), (0, longest - rows.characters.shape[1]))
        characters, scores = (np.pad(values[own], more) for values in (rows.characters, rows.character_scores))
        kept.append((polygons[own], rows.scores[own], characters, scores))
    polygons, scores, characters, character_scores = (np.concatenate(each) for each in zip(*kept, strict=True))
    return Rows(polygons, scores, characters, character_scores)
