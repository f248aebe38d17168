"""Axis-aligned rectangles in whole pixels, for formats without polygons."""

import math
from typing import NamedTuple

from spotter.reading.layout.frames import Polygon


class Box(NamedTuple):
    """An axis-aligned rectangle in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Of the box."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Of the box."""
        return self.bottom - self.top


def box_of(polygon: Polygon, size: tuple[int, int]) -> Box:
    """The smallest rectangle that holds the polygon, within a picture of `size` = (width, height)."""
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    width, height = size
    return Box(
        min(max(math.floor(min(xs)), 0), width),
        min(max(math.floor(min(ys)), 0), height),
        max(min(math.ceil(max(xs)), width), 0),
        max(min(math.ceil(max(ys)), height), 0),
    )
