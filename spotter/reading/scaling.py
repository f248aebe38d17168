"""Scaling pictures to the size at which they are read, by a triangle filter as wide as the scale (Pillow's BILINEAR).

`cykooz_resizer` computes the same, up to one level in 256 for each direction, with SIMD in a third of the time. Where
it has no wheel, Pillow is used.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    import cykooz_resizer
except ImportError:
    cykooz_resizer = None

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

_COPIED = 4_000_000
"""Pictures of up to this many pixels are passed as a copy; making it blocks other threads."""
_BANDS = {"L": 1, "RGB": 3}


class _Resizers(threading.local):
    """A resizer keeps a buffer, so each thread has its own."""

    def __init__(self) -> None:
        self.own = cykooz_resizer.Resizer()


_resizers = None if cykooz_resizer is None else _Resizers()


def scaled(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Pixels:
    """The picture's bands at `size` (width, height), uint8 [H, W, bands], without the axis of bands where there is only
    one. Pixels of an RGBA picture are weighted by alpha. box: the part of the picture, in its pixels; all of it if
    None."""
    if image.size == size:
        return np.asarray(image)
    if _resizers is None or image.mode not in _BANDS or image.width * image.height > _COPIED:
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))
    return _by_simd(_resizers.own, image, size, box or (0, 0, *image.size))


def _by_simd(resizer: Any, image: Image.Image, size: tuple[int, int], box: Box) -> Pixels:
    c, bands = cykooz_resizer, _BANDS[image.mode]
    kind = c.PixelType.U8 if bands == 1 else c.PixelType.U8x3
    options = c.ResizeOptions(
        c.ResizeAlg.convolution(c.FilterType.bilinear),
        crop_box=c.CropBox(box[0], box[1], box[2] - box[0], box[3] - box[1]),
    )
    result = c.ImageData(*size, kind)
    resizer.resize(c.ImageData(*image.size, kind, image.tobytes()), result, options)
    pixels = np.frombuffer(result.get_buffer(), np.uint8)
    return pixels.reshape(size[1], size[0], *([bands] if bands > 1 else []))
