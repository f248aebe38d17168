"""Crops of pictures without labels, for learning from a teacher only."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import load_picture, picture_files
from spotter.training.data.photometry import photometric
from spotter.training.data.real import turn, warp
from spotter.training.sample import Sample

_BAND = 32  # pixels; taller ignored regions would count as text of another level, and so as background


class UnlabelledSource:
    """Random crops of the pictures of a folder, turned and in perspective, never mirrored; the whole crop is marked as
    ignored.

    scales: range of the factors by which pictures are scaled. max_side: pictures are kept decoded in memory, scaled
    down to this long side where they are larger. limit: reads only that many of them.
    Raises ValueError when the folder holds no picture or the scales are no range of positive numbers.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        scales: tuple[float, float] = (0.5, 1.6),
        max_side: int = 1280,
        strength: float = 1.0,
        limit: int | None = None,
    ) -> None:
        if not 0 < scales[0] <= scales[1]:
            raise ValueError(f"scales must be a range above 0, not {scales}")
        files = picture_files(Path(folder))[:limit]
        if not files:
            raise ValueError(f"{folder} holds no picture")
        self._scales, self._strength = scales, strength
        with ThreadPoolExecutor() as pool:
            self._pictures = list(pool.map(partial(_load, max_side=max_side), files))

    def __len__(self) -> int:
        return len(self._pictures)

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """A size x size crop without words, ignored all over; size is a multiple of 32."""
        picture = self._pictures[int(rng.integers(len(self._pictures)))]
        scale = float(np.exp(rng.uniform(*np.log(self._scales))))
        room = np.array([picture.shape[1], picture.shape[0]]) * scale - size
        origin = rng.uniform(0, 1, 2) * room
        affine = np.array([[scale, 0, -origin[0]], [0, scale, -origin[1]], [0, 0, 1]])
        image = warp(picture, turn(rng, size) @ affine, scale, size, rng)
        bands = unseen(size)
        return Sample(photometric(image, rng, self._strength), bands, [""] * len(bands), np.ones(len(bands), np.bool_))


def unseen(size: int) -> NDArray[np.float32]:
    """float32 [N, 4, 2]: ignored regions that together cover a size x size picture."""
    top = np.arange(0, size, _BAND, dtype=np.float32)
    bands = np.zeros((len(top), 4, 2), np.float32)
    bands[:, [1, 2], 0] = size
    bands[:, :2, 1] = top[:, None]
    bands[:, 2:, 1] = np.minimum(top + _BAND, size)[:, None]
    return bands


def _load(path: Path, max_side: int) -> NDArray[np.uint8]:
    image = load_picture(path)
    factor = max_side / max(image.shape[:2])
    if factor < 1:
        shape = (round(image.shape[1] * factor), round(image.shape[0] * factor))
        image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
    return image
