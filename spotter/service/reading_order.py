"""The order in which a person would read the words of a picture, whichever way the picture is turned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIDEWAYS = math.pi / 4
_SAME_LINE = 0.5  # of the smaller height: how far a word may stand off the line of the one before it


@dataclass(frozen=True)
class _Box:
    """A word in a frame whose x axis is the reading direction."""

    index: int
    x: float
    y: float
    height: float
    angle: float


def lines(polygons: Sequence[NDArray[np.float32]]) -> list[list[int]]:
    """Groups words into lines, and orders lines and words; returns indices into `polygons`.

    polygons: each [P, 2] with the top edge first (reading order) and the bottom edge back, in pixels. Words
    that read within 45 degrees of the picture's main direction come first, then those at a quarter turn, half
    a turn and three quarters. Equal input gives equal output.
    """
    if not polygons:
        return []
    directions = np.array([_direction(polygon) for polygon in polygons], np.float64)  # [N, 2], length = width
    main = _angle(directions.sum(axis=0))
    groups: dict[int, list[int]] = {}
    for index, direction in enumerate(directions):
        turn = (_angle(direction) - main + _SIDEWAYS) % (2 * math.pi)
        groups.setdefault(min(3, int(turn // (math.pi / 2))), []).append(index)
    ordered: list[list[int]] = []
    for _, members in sorted(groups.items()):
        angle = _angle(directions[members].sum(axis=0))
        ordered += _lines([_box(index, polygons[index], directions[index], angle) for index in members])
    return ordered


def _direction(polygon: NDArray[np.float32]) -> NDArray[np.float64]:
    half = len(polygon) // 2
    top, bottom = polygon[half - 1] - polygon[0], polygon[half] - polygon[-1]
    return np.asarray(top + bottom, np.float64) / 2


def _angle(direction: NDArray[np.float64]) -> float:
    x, y = float(direction[0]), float(direction[1])
    return math.atan2(y, x) if math.hypot(x, y) > 1e-9 else 0.0


def _box(index: int, polygon: NDArray[np.float32], direction: NDArray[np.float64], angle: float) -> _Box:
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = (float(value) for value in polygon.mean(axis=0, dtype=np.float64))
    half = len(polygon) // 2
    down = polygon[half:][::-1].mean(axis=0, dtype=np.float64) - polygon[:half].mean(axis=0, dtype=np.float64)
    own = (_angle(direction) - angle + math.pi) % (2 * math.pi) - math.pi
    return _Box(index, x * cosine + y * sine, y * cosine - x * sine, float(np.hypot(*down)), own)


def _lines(boxes: list[_Box]) -> list[list[int]]:
    """Left to right, each word joins the line whose last word, followed along its own slope, meets it best."""
    found: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda box: (box.x, box.y, box.index)):
        best: tuple[float, int] | None = None
        for number, line in enumerate(found):
            last = line[-1]
            slope = math.tan((last.angle + box.angle) / 2)
            distance = abs(box.y - last.y - slope * (box.x - last.x)) / max(min(last.height, box.height), 1e-6)
            if distance <= _SAME_LINE and (best is None or (distance, number) < best):
                best = (distance, number)
        if best is None:
            found.append([box])
        else:
            found[best[1]].append(box)
    found.sort(key=lambda line: (sum(box.y for box in line) / len(line), line[0].x, line[0].index))
    return [[box.index for box in line] for line in found]
