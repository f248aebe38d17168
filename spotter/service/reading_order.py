"""The order in which a person would read the words of a picture, whichever way the picture is turned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIDEWAYS = math.pi / 4
_SAME_LINE = 0.5  # of the smaller height: how far a word may stand off the line of the one before it


@dataclass(frozen=True, slots=True)
class _Box:
    """A word in a frame whose x axis is the reading direction."""

    index: int
    x: float
    y: float
    height: float
    angle: float


def lines(polygons: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> list[list[int]]:
    """Groups words into lines, and orders lines and words; returns indices into `polygons`.

    polygons: [N, P, 2], P the same for all, with the top edge first (reading order) and the bottom edge back, in
    pixels. Words that read within 45 degrees of the picture's main direction come first, then those at a quarter
    turn, half a turn and three quarters. Equal input gives equal output.
    """
    if not len(polygons):
        return []
    corners = np.asarray(polygons, np.float64)
    half = corners.shape[1] // 2
    directions = (corners[:, half - 1] - corners[:, 0] + corners[:, half] - corners[:, -1]) / 2  # length = width
    down = corners[:, half:].mean(1) - corners[:, :half].mean(1)
    heights = np.hypot(down[:, 0], down[:, 1]).tolist()
    centres: list[tuple[float, float]] = corners.mean(1).tolist()
    angles = [_angle(direction) for direction in directions.tolist()]
    main = _angle(directions.sum(axis=0).tolist())
    groups: dict[int, list[int]] = {}
    for index, own in enumerate(angles):
        turn = (own - main + _SIDEWAYS) % (2 * math.pi)
        groups.setdefault(min(3, int(turn // (math.pi / 2))), []).append(index)
    ordered: list[list[int]] = []
    for _, members in sorted(groups.items()):
        angle = _angle(directions[members].sum(axis=0).tolist())
        cosine, sine = math.cos(angle), math.sin(angle)
        boxes = []
        for index in members:
            x, y = centres[index]
            off = (angles[index] - angle + math.pi) % (2 * math.pi) - math.pi
            boxes.append(_Box(index, x * cosine + y * sine, y * cosine - x * sine, heights[index], off))
        ordered += _lines(boxes)
    return ordered


def _angle(direction: Sequence[float]) -> float:
    x, y = direction
    return math.atan2(y, x) if math.hypot(x, y) > 1e-9 else 0.0


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
