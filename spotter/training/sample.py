"""The interface of sources of training pictures."""

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
    ignore: bool [N], words that do not count.
    characters: for each word the quadrilaterals of its characters, float32 [C, 4, 2], corners as of `polygons`; empty
        where nothing is known of them, as on real pictures.
    """

    image: NDArray[np.uint8]
    polygons: NDArray[np.float32]
    texts: list[str]
    ignore: NDArray[np.bool_]
    characters: Sequence[NDArray[np.float32]] = field(default=(), kw_only=True)


class Source(Protocol):
    """Yields training pictures; the same generator state gives the same picture."""

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """Returns a picture of size x size pixels."""
        ...
