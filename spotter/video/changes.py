"""Whether a frame shows anything that the last one that was read did not."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 480
"""Pixels of the long side at which frames are compared: letters of ten pixels in a frame of 1280 still cover four."""
LEAST = 16
"""Grey levels of 255 by which some pixel of a changed frame differs at that size. Noise and compression stay below, a
letter that comes or goes lies above: docs/video.md has the measurement."""


class Changes:
    """Compares frames with the last one that changed, so that slow fades add up."""

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None

    def changed(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether a frame, uint8 [H, W, 3] RGB, differs from the last one for which this was true; true at first."""
        small = shrunk(pixels)
        if self._last is not None and self._last.shape == small.shape and difference(small, self._last) < LEAST:
            return False
        self._last = small
        return True


def shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [h, w], grey, each pixel the mean of those of the frame that it covers; smaller frames keep their size."""
    height, width, _ = pixels.shape
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    """The largest difference of two pixels at one place, grey levels."""
    return int(cv2.absdiff(first, second).max())
