"""Background pictures for synthetic words."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.hard_negatives import hard_negative, plain
from spotter.training.synthesis.held_out import Part, belongs

LONGEST_SIDE = 900
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_DRAWN_SIDE = 640


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """pictures: uint8 [H, W, 3] RGB, long sides of at most 900 pixels, without text; at least one.

    The last `drawn` pictures are generated: hard negatives and smooth fields.
    """

    pictures: list[NDArray[np.uint8]]
    drawn: int

    @classmethod
    def load(
        cls, folders: Sequence[str | os.PathLike[str]], drawn: int = 64, seed: int = 0, part: Part = "all"
    ) -> "Backgrounds":
        """Reads the pictures directly in `folders` that belong to a part, see `held_out`, and generates `drawn` more,
        at least 1 when none was read.

        Half of the generated ones are drawn over photographs where there are any. Raises ValueError on a negative
        `drawn`.
        """
        if drawn < 0:
            raise ValueError(f"drawn must not be negative, but is {drawn}")
        files = [file for folder in folders for file in sorted(Path(folder).iterdir())]
        read = (_read(file) for file in files if file.suffix.lower() in _SUFFIXES and belongs(file.name, part))
        photographs = [picture for picture in read if picture is not None]
        count = drawn if photographs else max(drawn, 1)
        rng = np.random.default_rng(seed)
        return cls(photographs + [_draw(rng, photographs, n) for n in range(count)], count)


def _read(file: Path) -> NDArray[np.uint8] | None:
    """A picture, scaled down to LONGEST_SIDE where it is larger; None when it cannot be read or is too small."""
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None or min(image.shape[:2]) < 64:
        return None
    scale = LONGEST_SIDE / max(image.shape[:2])
    if scale < 1:
        width, height = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _draw(rng: np.random.Generator, photographs: Sequence[NDArray[np.uint8]], number: int) -> NDArray[np.uint8]:
    background = plain(rng, _DRAWN_SIDE)
    if photographs and number % 2:
        picture = photographs[int(rng.integers(len(photographs)))]
        side = min(picture.shape[:2])
        background = np.asarray(cv2.resize(picture[:side, :side], (_DRAWN_SIDE, _DRAWN_SIDE)), np.uint8)
    return background if number % 8 == 0 else hard_negative(rng, background)
