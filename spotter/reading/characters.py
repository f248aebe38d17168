"""Locates the characters of words by the columns in which the recogniser wrote them.

CTC writes each character in one column of a region's patch; in rendered text, the middle of that column lies in the
character for 99 of 100 characters. A character is taken to extend halfway to its neighbours' columns, and to the word's
ends. A region of several words is one patch, and each word has a part of its columns:

    | margin | first |     | second | margin |
             ^       ^     ^        ^
             the ends of the words' polygons
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spotter.reading.layout.frames import Polygon
from spotter.reading.session import Rows
from spotter.reading.text import UNKNOWN

_INWARDS = 0.25
"""A word begins and ends in the graph at this share of the way from a space's column to the next character's."""


class Character(NamedTuple):
    """polygon: corners [x, y], upload pixels to a tenth, from its own top-left clockwise, None where its position is
    not known; score: the recogniser's probability, 0..1, to four digits."""

    text: str
    polygon: Polygon | None
    score: float


def find_characters(
    rows: Rows, polygons: NDArray[np.float64], charset: str, margin: float | None
) -> list[list[Character]]:
    """The characters of each word.

    polygons: float64 [N, P, 2], of the words, in upload pixels. margin: as in the manifest's `decoding`; without it
    positions are not known.
    """
    found = []
    known = f"\0{charset}{UNKNOWN}"
    after = _columns_after(rows)
    for row, classes in enumerate(rows.characters):
        (columns,) = classes.nonzero()
        letters = [known[min(number, len(charset) + 1)] for number in classes[columns].view(np.uint32).tolist()]
        scores = [round(score, 4) for score in rows.character_scores[row, columns].tolist()]
        if margin is None or not len(columns):
            places: list[Polygon | None] = [None] * len(columns)
        else:
            span = _span(rows, row, columns, after[row], margin)
            places = list(_cut(polygons[row], columns, span))
        found.append(
            [
                Character(letter, place, score)
                for letter, place, score in zip(letters, places, scores, strict=True)
                if letter != " "
            ]
        )
    return found


def _columns_after(rows: Rows) -> NDArray[np.bool_]:
    """Which words [N] are followed by another word of the same region: that word's columns continue where theirs
    end."""
    shown = rows.character_scores > 0
    first, last = shown.argmax(1), shown.shape[1] - shown[:, ::-1].argmax(1)
    followed = np.zeros(len(shown), bool)
    followed[:-1] = (first[1:] == last[:-1]) & (first[1:] > 0)
    return followed


def _span(rows: Rows, row: int, columns: NDArray[np.intp], followed: bool, margin: float) -> tuple[float, float]:
    """Where a word's polygon begins and ends, in columns of its region's patch. Both follow from the length of the
    polygon, the margins at the region's ends, and the spaces between words."""
    (shown,) = ((rows.character_scores[row] > 0) | (rows.characters[row] > 0)).nonzero()
    first, end = float(shown[0]), float(shown[-1]) + 1
    length, height = _extent(rows.polygons[row].astype(np.float64))
    wide = margin * height
    start = first + _INWARDS * (columns[0] - first) + 0.5
    stop = end - _INWARDS * (end - columns[-1]) + 0.5
    alone = (not first) + (not followed)  # ends of the region that are also ends of the word
    pixels = (length + alone * wide) / max((stop if followed else end) - (start if first else 0.0), 1.0)
    return (start if first else wide / pixels), (stop if followed else end - wide / pixels)


def _extent(polygon: NDArray[np.float64]) -> tuple[float, float]:
    """Length and height of a polygon [P, 2] in pixels, each at least 0.001."""
    half = len(polygon) // 2
    middle = (polygon[:half] + polygon[half:][::-1]) / 2
    length = max(float(np.hypot(*np.diff(middle, axis=0).T).sum()), 1e-3)
    x, y = polygon.T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return length, max(area / length, 1e-3)


def _cut(polygon: NDArray[np.float64], columns: NDArray[np.intp], span: tuple[float, float]) -> list[Polygon]:
    """The characters' parts of a word's polygon [P, 2]; span: the columns at which the polygon begins and ends."""
    start, end = span
    middles = ((columns + 0.5 - start) / max(end - start, 1e-3)).clip(0.0, 1.0)
    cuts = np.concatenate(([0.0], (middles[1:] + middles[:-1]) / 2, [1.0]))
    half = len(polygon) // 2
    points = cuts * (half - 1)
    known = np.arange(half)
    edges = [
        np.stack([np.interp(points, known, edge[:, axis]) for axis in (0, 1)], 1).round(1).tolist()
        for edge in (polygon[:half], polygon[half:][::-1])
    ]
    top, bottom = edges
    return [[top[n], top[n + 1], bottom[n + 1], bottom[n]] for n in range(len(columns))]
