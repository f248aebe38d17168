"""The interface of a reader under evaluation: a function from a picture to its words."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """A word that was read. polygon: float32 [P, 2] in the picture's pixels, P at least 3. score: its confidence, 0 to
    1."""

    polygon: NDArray[np.float32]
    text: str
    score: float


Predictor = Callable[[NDArray[np.uint8]], list[Prediction]]
"""Reads a uint8 [H, W, 3] RGB picture."""
