"""The background of the words: a square of a picture, or paper."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.layout import Background

Picture = NDArray[np.uint8]
TONES = 24  # side in pixels of the thumbnail by which the colours of words are chosen


def draw_background(rng: np.random.Generator, pictures: Sequence[Picture], size: int) -> Background:
    """A random square of a random picture."""
    index = int(rng.integers(len(pictures)))
    height, width = pictures[index].shape[:2]
    side = min(int(rng.uniform(0.4, 1.0) * min(height, width)), 2 * size)
    left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    return Background(index, left, top, side, bool(rng.random() < 0.5))


def tones(background: Background, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """float32 [24, 24, 3]: a thumbnail of the background, from which colours with enough contrast are chosen."""
    at = (np.arange(TONES) * background.side) // TONES
    columns = at[::-1] if background.mirrored else at
    thumbnail = pictures[background.picture][background.top + at[:, None], background.left + columns[None]]
    return np.asarray(thumbnail, np.float32)


def render_background(background: Background, size: int, pictures: Sequence[Picture]) -> Picture:
    """uint8 [size, size, 3]: the background's pixels."""
    if background.picture < 0:
        method = cv2.INTER_LINEAR if len(background.shading) < 3 else cv2.INTER_CUBIC
        shading = cv2.resize(background.shading, (size, size), interpolation=method)
        planes = [np.clip(shading + level, 0, 255).astype(np.uint8) for level in background.paper]
        return np.asarray(cv2.merge(planes), np.uint8)
    picture = pictures[background.picture]
    cut = picture[
        background.top : background.top + background.side, background.left : background.left + background.side
    ]
    if background.mirrored:
        cut = cut[:, ::-1]
    cut = np.rot90(cut, -background.quarters)
    method = cv2.INTER_AREA if background.side > size else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(cut, (size, size), interpolation=method), np.uint8)
