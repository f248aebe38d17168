"""Detects whether a frame differs from the last one that was read."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 480
"""The long side in pixels at which frames are compared: letters of ten pixels in a frame of 1280 still have four."""
LEAST = 16
"""The difference in grey levels, of 255, that some pixel of a changed frame has at that size. Noise and compression
cause smaller differences, a letter that appears or disappears a larger one: docs/video.md has the measurement."""


class Changes:
    """Compares each frame with the last one that counted as changed, so that slow fades are detected."""

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
    """uint8 [h, w], grey, each pixel the mean of the frame's pixels that it covers; smaller frames keep their size."""
    height, width, _ = pixels.shape
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    """The largest difference, in grey levels, of two pixels at the same position."""
    return int(cv2.absdiff(first, second).max())
