"""Takes a word's score apart: how sure the detector is of the word, and the recogniser of its text."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spotter.reading.session import Rows
from spotter.registry.manifest import Decoding

_LEAST = 1e-6  # as in the graph


class Apart(NamedTuple):
    """Probabilities, 0..1, of N words.

    detection: float64 [N], by the detector, that there is the word; None where that is not known. reading: float64 [N],
    by the recogniser, of the whole text: the product over all columns of the word, those between its characters too.
    """

    detection: NDArray[np.float64] | None
    reading: NDArray[np.float64]


def take_apart(rows: Rows, decoding: Decoding | None) -> Apart:
    """The parts of the words' scores. The graph gives neither, but scores that are computed from both, and the
    characters' probabilities; decoding: how, None where it is not known."""
    shown = rows.character_scores > 0
    text = np.log(rows.character_scores, where=shown, out=np.zeros(shown.shape)).sum(1)
    reading = np.exp(text)
    if decoding is None or not decoding.detection:
        return Apart(None, reading)
    emitted = rows.characters > 0
    first = shown.argmax(1)
    (split,) = first.nonzero()  # behind a space, which counts as one of their characters
    emitted[split, first[split]] = True
    least = rows.character_scores.min(1, initial=1.0, where=emitted)
    score = rows.scores.astype(np.float64).clip(_LEAST, 1 - _LEAST)
    logit = np.log(score / (1 - score)) - decoding.bias
    logit -= decoding.character * np.log(least.clip(_LEAST)) + decoding.text * text
    return Apart(1 / (1 + np.exp(-logit / decoding.detection)), reading)
