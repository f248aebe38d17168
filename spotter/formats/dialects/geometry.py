"""Positions in the forms of other services."""

from typing import NamedTuple

from spotter.reading.layout.frames import Polygon


class Extent(NamedTuple):
    """The smallest upright rectangle around a polygon, within its picture, pixels."""

    left: float
    top: float
    right: float
    bottom: float


def extent_of(polygon: Polygon, size: tuple[int, int]) -> Extent:
    """The extent of a polygon. size: (width, height) of the picture."""
    width, height = size
    xs, ys = [min(max(x, 0.0), width) for x, _ in polygon], [min(max(y, 0.0), height) for _, y in polygon]
    return Extent(min(xs), min(ys), max(xs), max(ys))


def corners(polygon: Polygon) -> Polygon:
    """The four ends of a polygon's top and bottom edge, from the text's own top-left clockwise."""
    half = len(polygon) // 2
    return [polygon[0], polygon[half - 1], polygon[half], polygon[-1]]


def relative(polygon: Polygon, size: tuple[int, int]) -> Polygon:
    """The polygon's points as shares of the picture's width and height, from 0 to 1."""
    width, height = size
    return [[min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0)] for x, y in polygon]
