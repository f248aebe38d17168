"""Reliability of scores: whether a score equals the share of right words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.training.evaluation.datasets import Preset
from spotter.training.evaluation.matching import same_text
from spotter.training.evaluation.recognition import regions_of
from spotter.training.evaluation.scores import Compared

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Words whose scores lie in one of BINS intervals of equal width: their number, the sum of their scores, and the
    number of right ones."""

    words: int = 0
    score: float = 0.0
    right: int = 0


@dataclass(frozen=True)
class Reliability:
    """Scores and the share of right words, one bin for each tenth of the scores' range from 0 to 1."""

    bins: tuple[Bin, ...]

    @property
    def words(self) -> int:
        return sum(part.words for part in self.bins)

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap between score and share of right words over the bins, weighted
        by their words (Guo et al. 2017, arXiv:1706.04599)."""
        return sum(abs(part.score - part.right) for part in self.bins) / self.words if self.words else 0.0


def reliability(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> Reliability:
    """The reliability of N words, from their scores [N], 0 to 1, and whether each was right [N]."""
    index = np.minimum((scores * BINS).astype(int), BINS - 1)
    words = np.bincount(index, minlength=BINS)
    sums, rights = np.bincount(index, scores, BINS), np.bincount(index, right, BINS)
    return Reliability(tuple(Bin(int(w), float(s), int(r)) for w, s, r in zip(words, sums, rights, strict=True)))


def expected_calibration_error(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """See `Reliability.error`."""
    return reliability(scores, right).error


def measure(pictures: Iterable[Compared], how: Preset) -> Reliability:
    """The reliability of all predictions, of any score, except those in ignored regions."""
    scores: list[float] = []
    rights: list[bool] = []
    for picture in pictures:
        counts, right = outcomes(picture, how)
        scores += [p.score for p, counted in zip(picture.read.predictions, counts, strict=True) if counted]
        rights += right[counts].tolist()
    return reliability(np.array(scores, np.float64), np.array(rights, np.bool_))


def outcomes(picture: Compared, how: Preset, threshold: float = 0.0) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(counts [D], right [D]) of a picture's predictions: those in ignored regions, and those whose score is below the
    threshold, do not count.

    A prediction is right when it is matched with a true word and has its text, ignoring case. Where boxes contain whole
    lines, it is right when it lies in a line that contains its text; where the line contains it fewer times than it was
    predicted, the predictions with the highest scores are right.
    """
    matching = picture.matching(threshold)
    counts = np.zeros(len(picture.texts), np.bool_)
    counts[matching.predictions] = True
    right = np.zeros_like(counts)
    if how.boxes == "words":
        for g, d in matching.pairs:
            right[d] = same_text(picture.read.truths[g].text, picture.texts[d])
        return counts, right
    left = {g: Counter(picture.read.truths[g].text.upper().split()) for g in matching.truths}
    regions = regions_of(picture.overlaps, matching)
    for d in sorted(regions, key=lambda d: -picture.read.predictions[d].score):
        said = Counter(picture.texts[d].upper().split())
        if said and said <= left[regions[d]]:
            right[d] = True
            left[regions[d]] -= said
    return counts, right
