"""The embedded text of a PDF's page, in the form of a page that was read."""

import numpy as np

from spotter.reading.hints import Hints
from spotter.reading.pages import Text
from spotter.reading.prepared import Size
from spotter.reading.reader import Read
from spotter.reading.words import Word, arrange_fitting


def read_carried(size: Size, text: Text, hints: Hints) -> Read:
    """The page of a PDF's embedded words, each with the score 1, and its account. Raises RegionOffPictureError."""
    region = None if hints.region is None else hints.region.within(size)
    words = []
    for word, polygon in text:
        placed = np.array([polygon], np.float64)
        if hints.wanted(placed)[0] and (region is None or region.holds(placed.mean(axis=1))[0]):
            words.append(Word([[round(x, 1), round(y, 1)] for x, y in polygon], word, 1.0))
    page = arrange_fitting(size, words, hints.wording, exact=True)
    return Read(page, {"reading": None, "warnings": hints.warnings(page.left_out)})
