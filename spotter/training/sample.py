"""Samples, and the interface of the sources of training pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """A picture and its words.

    image: uint8 [H, W, 3], RGB.
    polygons: float32 [N, 2n, 2], (x, y) in pixels of `image`, the centre of the top-left pixel at (0.5, 0.5); the first
        point is the text's own top-left, the rest follow clockwise as the reader of that text sees it: n on its top
        edge, n back on its bottom edge, 2 for a quadrilateral.
    texts: N transcripts, "" where ignored.
    ignore: bool [N], words that count neither as text nor as background.
    characters: for each word the quadrilaterals of its characters, float32 [C, 4, 2], corners in the order of
        `polygons`; empty where they are not known, as in real pictures.
    """

    image: NDArray[np.uint8]
    polygons: NDArray[np.float32]
    texts: list[str]
    ignore: NDArray[np.bool_]
    characters: Sequence[NDArray[np.float32]] = field(default=(), kw_only=True)


class Source(Protocol):
    """A source of training pictures; the same generator state gives the same picture."""

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """Returns a picture of size x size pixels."""
        ...
