"""Polygons of 2n points: a word's top edge in reading order, then its bottom edge back; n is 2 for a quadrilateral."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Polygons = NDArray[np.float32]


def heights(polygons: Polygons) -> NDArray[np.float32]:
    """float32 [N]: mean distance between opposite points of the upper and lower edges of polygons [N, 2n, 2]."""
    half = polygons.shape[1] // 2
    across = np.linalg.norm(polygons[:, half:][:, ::-1] - polygons[:, :half], axis=2)
    return np.asarray(across.mean(1), np.float32)


def lengths(polygons: Polygons) -> NDArray[np.float32]:
    """float32 [N]: mean length of the upper and lower edges of polygons [N, 2n, 2]."""
    half = polygons.shape[1] // 2
    edges = [np.linalg.norm(np.diff(edge, axis=1), axis=2) for edge in (polygons[:, :half], polygons[:, half:])]
    return np.asarray(sum(edge.sum(1) for edge in edges) / 2, np.float32)


def with_points(polygon: Polygons, points: int) -> Polygons:
    """The polygon [2n, 2] with `points` points, an even number, evenly spaced along both edges; the edges' ends
    stay."""
    if len(polygon) == points:
        return polygon
    half = len(polygon) // 2
    return np.concatenate([_evenly(edge, points // 2) for edge in (polygon[:half], polygon[half:])])


def _evenly(line: Polygons, points: int) -> Polygons:
    way = np.concatenate(([0.0], np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()))
    wanted = np.linspace(0, way[-1], points)
    if not way[-1]:
        return np.repeat(line[:1], points, 0)
    return np.stack([np.interp(wanted, way, line[:, axis]) for axis in (0, 1)], 1).astype(np.float32)


def together(polygons: Sequence[Polygons], least: int = 4) -> Polygons:
    """Polygons of any even numbers of points as one array [N, P, 2]; P is the largest of these numbers, at least
    `least`."""
    points = max([least, *(len(polygon) for polygon in polygons)])
    made = [with_points(np.asarray(polygon, np.float32), points) for polygon in polygons]
    return np.stack(made).astype(np.float32) if made else np.zeros((0, points, 2), np.float32)
