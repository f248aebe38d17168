"""Splits a word's score into the detector's probability of the word and the recogniser's probability of its text."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spotter.reading.session import Rows
from spotter.registry.manifest import Decoding

_LEAST, _LEAST_LENGTH = 1e-6, 2  # as in the graph


class Apart(NamedTuple):
    """Probabilities, 0..1, of N words.

    detection: float64 [N], the detector's probability that there is a word; None where it is not known. reading:
    float64 [N], the recogniser's probability of the whole text: the product over all columns of the word, including
    those between its characters.
    """

    detection: NDArray[np.float64] | None
    reading: NDArray[np.float64]


def take_apart(rows: Rows, decoding: Decoding | None) -> Apart:
    """The parts of the words' scores. The graph outputs neither part, but the scores that are computed from both, and
    the characters' probabilities. decoding: how the scores are computed, None where it is not known."""
    shown = rows.character_scores > 0
    text = np.log(rows.character_scores, where=shown, out=np.zeros(shown.shape)).sum(1)
    reading = np.exp(text)
    if decoding is None or not decoding.detection:
        return Apart(None, reading)
    emitted = rows.characters > 0
    first = shown.argmax(1)
    (split,) = first.nonzero()  # words after a space, which counts as one of their characters
    emitted[split, first[split]] = True
    least = rows.character_scores.min(1, initial=1.0, where=emitted)
    score = rows.scores.astype(np.float64).clip(_LEAST, 1 - _LEAST)
    logit = np.log(score / (1 - score)) - decoding.bias
    logit -= decoding.character * np.log(least.clip(_LEAST)) + decoding.text * text
    logit -= decoding.length * np.log((rows.characters > 0).sum(1).clip(_LEAST_LENGTH))
    return Apart(1 / (1 + np.exp(-logit / decoding.detection)), reading)
