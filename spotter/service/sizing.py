"""From the picture's size to the graph's and back: pure arithmetic on an `InputSpec`."""

import numpy as np
from numpy.typing import NDArray

from spotter.registry.manifest import InputSpec


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
    """Padded (height, width), multiples of the stride, of a picture that is width x height when read."""
    return _padded(height, spec), _padded(width, spec)


def cost(width: int, height: int, spec: InputSpec) -> int:
    """Padded pixels that reading a picture of width x height (as uploaded) will take."""
    rows, columns = bucket(*working_size(width, height, spec), spec)
    return rows * columns


def to_upload(polygons: NDArray[np.float32], working: tuple[int, int], upload: tuple[int, int]) -> NDArray[np.float32]:
    """Polygons [N, P, 2] from working-size pixels to upload pixels; both sizes are (width, height).

    Coordinates are continuous with pixel centres at halves, so the map is a plain multiplication.
    """
    factor = np.array([upload[0] / working[0], upload[1] / working[1]], np.float32)
    return polygons * factor


def _padded(side: int, spec: InputSpec) -> int:
    side = max(side, spec.min_side)
    step = next((step for limit, step in spec.bucket_steps if side <= limit), spec.bucket_steps[-1][1])
    return -(-side // step) * step
