"""One of our own checkpoints as a teacher: self-training on pictures without labels (Xie et al. 2020,
arXiv:1911.04252)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spotter.families.build import load_spotter
from spotter.training.data.teacher import TeacherWord
from spotter.training.predict import predict


class SpotterReader:
    """Reads words with a checkpoint's averaged weights at a long side of `side` pixels, with a language model if one is
    given.

    Raises ValueError when a file is not what it should be.
    """

    def __init__(self, weights: Path, side: int, language: Path | None = None) -> None:
        self._model = load_spotter(weights, language).eval()
        self._side = side

    def words(self, image: NDArray[np.uint8]) -> list[TeacherWord]:
        """The words of a uint8 [H, W, 3] RGB picture, with any confidence."""
        return [
            TeacherWord(np.asarray(word.polygon, np.float32), word.text, float(word.score), False)
            for word in predict(self._model, image, self._side)
            if word.text
        ]
