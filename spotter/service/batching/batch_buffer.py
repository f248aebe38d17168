"""Buffers for the pictures of a batch, which may be filled before the batch is final."""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spotter.reading.imaging import Prepared


class BatchBuffer:
    """Holds up to `pixels` padded pixels. Pictures that are already at their position are not copied again."""

    def __init__(self, pixels: int) -> None:
        self._bytes = np.empty(pixels * 3, np.uint8)
        self._placed: list[Prepared] = []
        self._lock = threading.Lock()
        self._open = False

    def open(self) -> None:
        """Allows preparing ahead, until `close_and_arrange`."""
        with self._lock:
            self._placed.clear()
            self._open = True

    def prepare_ahead(self, pictures: Sequence[Prepared]) -> None:
        """Copies pictures that will probably run next into the buffer; does nothing once the batch was taken."""
        with self._lock:
            if self._open:
                self._arrange(pictures)

    def close_and_arrange(self, pictures: Sequence[Prepared]) -> NDArray[np.uint8]:
        """uint8 [B, H, W, 3] of the pictures, which share one padded shape; valid until the next `open`."""
        with self._lock:
            self._open = False
            return self._arrange(pictures)

    def _arrange(self, pictures: Sequence[Prepared]) -> NDArray[np.uint8]:
        shape = (len(pictures), *pictures[0].padded.shape)
        array = self._bytes[: int(np.prod(shape))].reshape(shape)
        for place, picture in enumerate(pictures):
            if place >= len(self._placed) or self._placed[place] is not picture:
                array[place] = picture.padded
        self._placed = list(pictures)
        return array


class DoubleBuffer:
    """Two buffers: the front one holds the batch that runs, the back one is filled with the next. Not synchronised."""

    def __init__(self, pixels: int) -> None:
        """pixels: padded pixels of each buffer."""
        self.back, self.front = BatchBuffer(pixels), BatchBuffer(pixels)
        self.back.open()

    def swap(self) -> None:
        """Makes the filled buffer the front one, and opens the other one for the next batch."""
        self.back, self.front = self.front, self.back
        self.back.open()
