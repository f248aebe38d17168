"""The graph's rows to words in upload pixels and reading order.

On plain numbers: a picture has tens of words, and for so few an array's operations cost more than they save.
"""

from dataclasses import dataclass

from spotter.service.imaging import Prepared
from spotter.service.reading_order import Polygon, lines
from spotter.service.session import Rows
from spotter.service.sizing import to_upload
from spotter.service.text import decode


@dataclass(frozen=True, slots=True)
class Word:
    """polygon: [x, y] pairs, upload pixels, from the text's own top-left clockwise; score: 0..1."""

    polygon: Polygon
    text: str
    score: float


def read_lines(rows: Rows, prepared: Prepared, charset: str, threshold: float) -> list[list[Word]]:
    """Words that score at least `threshold` and say something, as lines in reading order."""
    polygons: list[Polygon] = to_upload(rows.polygons, prepared.working, prepared.upload).tolist()
    words = [
        Word(polygon, text, score)
        for polygon, score, classes in zip(polygons, rows.scores.tolist(), rows.characters.tolist(), strict=True)
        if score >= threshold and (text := decode(classes, charset))
    ]
    return [[words[index] for index in line] for line in lines([word.polygon for word in words])]


def read_words(rows: Rows, prepared: Prepared, charset: str, threshold: float) -> list[Word]:
    """As `read_lines`, without the lines."""
    return [word for line in read_lines(rows, prepared, charset, threshold) for word in line]
