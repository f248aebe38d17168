"""Scores by text height."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.matching import Matching, same_text
from spotter.training.prediction import Prediction

HEIGHTS = (0.0, 8.0, 12.0, 16.0, 24.0, 40.0, 80.0)  # lower bounds of the classes of text height, pixels


@dataclass(frozen=True)
class HeightClass:
    """Counts of words of one class of height: true words, those found, and those found and read.

    predictions: classified by the height of the true word that they are matched with, or else by their own.
    """

    truths: int = 0
    found: int = 0
    read: int = 0
    predictions: int = 0

    def __add__(self, other: "HeightClass") -> "HeightClass":
        return HeightClass(
            self.truths + other.truths,
            self.found + other.found,
            self.read + other.read,
            self.predictions + other.predictions,
        )

    @property
    def detection(self) -> Counts:
        return Counts(self.found, self.truths, self.predictions)

    @property
    def end_to_end(self) -> Counts:
        return Counts(self.read, self.truths, self.predictions)


def by_height(
    truths: Sequence[Annotation],
    predictions: Sequence[Prediction],
    texts: Sequence[str],
    matching: Matching,
) -> tuple[HeightClass, ...]:
    """One class for each of HEIGHTS; texts: of the predictions."""
    partner = dict(matching.pairs)
    matched = set(partner.values())
    classes = [HeightClass() for _ in HEIGHTS]
    for g in matching.truths:
        found = g in partner
        right = found and same_text(truths[g].text, texts[partner[g]])
        classes[_height_class(truths[g].polygon)] += HeightClass(1, int(found), int(right), int(found))
    for d in matching.predictions:
        if d not in matched:
            classes[_height_class(predictions[d].polygon)] += HeightClass(predictions=1)
    return tuple(classes)


def _height_class(polygon: NDArray[np.float32]) -> int:
    return int(np.searchsorted(HEIGHTS, text_height(polygon), side="right")) - 1


def text_height(polygon: NDArray[np.float32]) -> float:
    """Mean length in pixels of the left and the right side of a polygon [P, 2]: a word's top edge, then its bottom edge
    back."""
    half = len(polygon) // 2
    left = np.linalg.norm(polygon[-1] - polygon[0])
    right = np.linalg.norm(polygon[half] - polygon[half - 1])
    return float(left + right) / 2
