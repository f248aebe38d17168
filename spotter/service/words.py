"""The graph's rows to words in upload pixels and reading order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.service.imaging import Prepared
from spotter.service.reading_order import lines
from spotter.service.session import Rows
from spotter.service.sizing import to_upload
from spotter.service.text import decode


@dataclass(frozen=True)
class Word:
    """polygon: float32 [P, 2], upload pixels, from the text's own top-left clockwise; score: 0..1."""

    polygon: NDArray[np.float32]
    text: str
    score: float


def read_lines(rows: Rows, prepared: Prepared, charset: str, threshold: float) -> list[list[Word]]:
    """Words that score at least `threshold` and say something, as lines in reading order."""
    sure = np.flatnonzero(rows.scores >= threshold)
    texts = [decode(row, charset) for row in rows.characters[sure].tolist()]
    spoken = [n for n, text in enumerate(texts) if text]
    kept = sure[spoken]
    polygons = to_upload(rows.polygons[kept], prepared.working, prepared.upload)
    scores = rows.scores[kept].tolist()
    words = [Word(polygons[n], texts[at], scores[n]) for n, at in enumerate(spoken)]
    return [[words[index] for index in line] for line in lines(polygons)]


def read_words(rows: Rows, prepared: Prepared, charset: str, threshold: float) -> list[Word]:
    """As `read_lines`, without the lines."""
    return [word for line in read_lines(rows, prepared, charset, threshold) for word in line]
