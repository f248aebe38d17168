"""The graph's rows to words in upload pixels and reading order.

Their order is found on plain numbers: a picture has tens of words, and for so few an array's operations cost more than
they save.
"""

from typing import Any, NamedTuple

from spotter.reading.imaging import Prepared
from spotter.reading.reading_order import Polygon, lines
from spotter.reading.session import Rows
from spotter.reading.text import texts


class Word(NamedTuple):
    """polygon: [x, y] pairs, upload pixels to a tenth, from the text's own top-left clockwise; score: 0..1, to four
    digits."""

    polygon: Polygon
    text: str
    score: float


def read_lines(rows: Rows, prepared: Prepared, charset: str, threshold: float) -> list[list[Word]]:
    """Words that score at least `threshold` and say something, as lines in reading order."""
    polygons = prepared.to_upload(rows.polygons).round(1).tolist()
    words = [
        Word(polygon, text, round(score, 4))
        for polygon, text, score in zip(polygons, texts(rows.characters, charset), rows.scores.tolist(), strict=True)
        if score >= threshold and text
    ]
    return [[words[index] for index in line] for line in lines([word.polygon for word in words])]


def read_words(rows: Rows, prepared: Prepared, charset: str, threshold: float) -> list[Word]:
    """As `read_lines`, without the lines."""
    return [word for line in read_lines(rows, prepared, charset, threshold) for word in line]


def render(word: Word) -> dict[str, Any]:
    """A word as the answer shows it."""
    return {"polygon": word.polygon, "text": word.text, "score": word.score}
