"""Converts sizes of pictures to the graph's and back, by an `InputSpec`."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotter.registry.manifest import InputSpec

_FEW_WORDS = 8  # fewer words do not show what size the picture's text has
MOST_WORDS = 1_400
"""Where a look finds more words than this, the detector may have dropped some, since the number of its candidates is
limited, and a closer look would drop more: such pictures are read in parts (`parts`)."""
SMALL = 12.0
"""Pixels: a closer look reads more words where their median height is below this; docs/service.md has the figures."""
VERY_SMALL = 11.0
"""Pixels: the same where the upload has hardly more pixels than were used, so that it has to be enlarged."""
ENLARGED = 1.5
"""The most that a closer look enlarges an upload."""
LEAST_HEIGHT = 9.0
"""Pixels at the working size: the height of the smallest letters that the network finds."""
_CLEAR = 20.0  # pixels: the median height of words to which a closer look scales, at most
_ROOM = 200_000.0
"""Square pixels: where the squared heights of the words add up to more than this, the detector drops words, since a
larger word takes more of its candidates. Of 1,300 words of 6-point print 99.5% were read at a long side of 1600 pixels,
92% at 2272."""
_WORTH = 1.2  # the least factor by which a closer look must enlarge


def at_side(spec: InputSpec, side: int) -> InputSpec:
    """The spec for reading pictures at a long side of at most `side` pixels; small ones are not enlarged further.

    Raises BundleError where the model cannot read at such a side.
    """
    return replace(spec, max_side=side, target_side=min(side, spec.target_side))


def enlarged_to(spec: InputSpec, side: int, most: float) -> InputSpec:
    """The spec for reading pictures at a long side of `side` pixels; small ones are enlarged, up to `most` times.

    Raises BundleError where the model cannot read at such a side.
    """
    return replace(spec, max_side=side, target_side=side, max_upscale=most)


def closer_side(
    polygons: NDArray[np.float32], working: tuple[int, int], upload: tuple[int, int], limit: int
) -> int | None:
    """The long side, in pixels, of a second look, where most words were too small to be read well. None where one look
    is enough.

    polygons: float32 [N, 4, 2], all candidates, in working pixels. working, upload: (width, height).
    limit: pixels of the longest side allowed.
    """
    longest = max(working)
    height = median_height(polygons)
    if len(polygons) > MOST_WORDS or height is None or height >= small(working, upload):
        return None
    most = min(round(ENLARGED * max(upload)), limit)
    side = min(most, round(longest * clear_height(len(polygons)) / max(height, 1.0)))
    return side if much_larger(side, longest) else None


def small(working: tuple[int, int], upload: tuple[int, int]) -> float:
    """Pixels of the working size: the median height below which words are worth a closer look."""
    return SMALL if much_larger(max(upload), max(working)) else VERY_SMALL


def clear_height(words: int) -> float:
    """The median height, pixels, to which a closer look scales this many words."""
    return min(_CLEAR, math.sqrt(_ROOM / words))


def much_larger(side: float, seen: float) -> bool:
    """Whether a long side of `side` pixels is enough larger than `seen` pixels to show more."""
    return side >= _WORTH * seen


def heights(polygons: NDArray[Any]) -> NDArray[Any]:
    """The heights [N] of words, polygons [N, P, 2], by their left ends, in the same pixels."""
    edges = polygons[:, -1] - polygons[:, 0]
    measured: NDArray[Any] = np.hypot(edges[:, 0], edges[:, 1])
    return measured


def median_height(polygons: NDArray[np.float32]) -> float | None:
    """The median height in pixels of words, polygons float32 [N, P, 2]; None where there are too few words."""
    if len(polygons) < _FEW_WORDS:
        return None
    return float(np.sort(heights(polygons))[len(polygons) // 2])


def working_size(width: int, height: int, spec: InputSpec) -> tuple[int, int]:
    """Width and height (pixels, each at least 1) at which a picture of width x height is read."""
    longest = max(width, height)
    scale = 1.0
    if longest > spec.max_side:
        scale = spec.max_side / longest
    elif longest < spec.target_side:
        scale = min(spec.max_upscale, spec.target_side / longest)
    return max(1, round(width * scale)), max(1, round(height * scale))


def bucket(width: int, height: int, spec: InputSpec) -> tuple[int, int]:
    """Padded (height, width), multiples of the stride, of a picture of working size width x height."""
    return _padded(height, spec), _padded(width, spec)


def cost(width: int, height: int, spec: InputSpec) -> int:
    """Padded pixels that reading a picture of width x height (as uploaded) will take."""
    rows, columns = bucket(*working_size(width, height, spec), spec)
    return rows * columns


def to_upload(polygons: NDArray[np.float32], working: tuple[int, int], upload: tuple[int, int]) -> NDArray[np.float64]:
    """Polygons [N, P, 2] from working-size pixels to upload pixels; both sizes are (width, height).

    Coordinates are continuous with pixel centres at halves, so the map is a plain multiplication.
    """
    factor = np.array([upload[0] / working[0], upload[1] / working[1]], np.float64)
    return polygons * factor


def _padded(side: int, spec: InputSpec) -> int:
    side = max(side, spec.min_side)
    step = next((step for limit, step in spec.bucket_steps if side <= limit), spec.bucket_steps[-1][1])
    return -(-side // step) * step
