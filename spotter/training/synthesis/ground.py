"""What words stand on: a square of a picture, or paper."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.layout import Ground

Picture = NDArray[np.uint8]
TONES = 24  # a ground is looked at in so many cells a side


def draw_ground(rng: np.random.Generator, pictures: Sequence[Picture], size: int) -> Ground:
    """A random square of a random picture."""
    index = int(rng.integers(len(pictures)))
    height, width = pictures[index].shape[:2]
    side = min(int(rng.uniform(0.4, 1.0) * min(height, width)), 2 * size)
    left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    return Ground(index, left, top, side, bool(rng.random() < 0.5))


def tones(ground: Ground, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """float32 [24, 24, 3]: a coarse look at the ground, so that words can be told from it."""
    at = (np.arange(TONES) * ground.side) // TONES
    columns = at[::-1] if ground.mirrored else at
    cells = pictures[ground.picture][ground.top + at[:, None], ground.left + columns[None]]
    return np.asarray(cells, np.float32)


def lay_ground(ground: Ground, size: int, pictures: Sequence[Picture]) -> Picture:
    """uint8 [size, size, 3]: what the words will stand on."""
    if ground.picture < 0:
        method = cv2.INTER_LINEAR if len(ground.shading) < 3 else cv2.INTER_CUBIC
        shading = cv2.resize(ground.shading, (size, size), interpolation=method)
        planes = [np.clip(shading + level, 0, 255).astype(np.uint8) for level in ground.paper]
        return np.asarray(cv2.merge(planes), np.uint8)
    picture = pictures[ground.picture]
    cut = picture[ground.top : ground.top + ground.side, ground.left : ground.left + ground.side]
    if ground.mirrored:
        cut = cut[:, ::-1]
    cut = np.rot90(cut, -ground.quarters)
    method = cv2.INTER_AREA if ground.side > size else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(cut, (size, size), interpolation=method), np.uint8)
