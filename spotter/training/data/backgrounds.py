"""A source of pictures without words, from which the detector learns not to find text in clutter."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.photometry import photometric
from spotter.training.sample import Sample


def random_crop(image: NDArray[np.uint8], rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """uint8 [size, size, 3]: a random square of a picture, at a random scale, mirrored half of the time."""
    height, width = image.shape[:2]
    side = int(rng.uniform(0.35, 1.0) * min(height, width))
    side = max(8, min(side, 2 * size, height, width))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = image[top : top + side, left : left + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (size, size), interpolation=method), np.uint8)


class TextFreeSource:
    """Random squares of pictures without text: samples of zero words.

    backgrounds: uint8 [H, W, 3] RGB pictures.
    """

    def __init__(self, backgrounds: Sequence[NDArray[np.uint8]], strength: float = 1.0) -> None:
        if not len(backgrounds):
            raise ValueError("TextFreeSource wants at least one picture")
        self._backgrounds = backgrounds
        self._strength = strength

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size picture with no words."""
        image = random_crop(self._backgrounds[int(rng.integers(len(self._backgrounds)))], rng, size)
        return Sample(
            photometric(image, rng, self._strength),
            np.zeros((0, 4, 2), np.float32),
            [],
            np.zeros(0, np.bool_),
        )
