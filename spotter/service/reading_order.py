"""The order in which a person would read the words of a picture, whichever way the picture is turned."""

import math
from collections.abc import Sequence

Polygon = list[list[float]]

_SIDEWAYS = math.pi / 4
_SAME_LINE = 0.5  # of the smaller height: how far a word may stand off the line of the one before it


_Box = tuple[float, float, int, float, float, float]
"""A word in a frame whose x axis is the reading direction: x, y, its index, its height, sine and cosine of its own
direction."""


def lines(polygons: Sequence[Polygon]) -> list[list[int]]:
    """Groups words into lines, and orders lines and words; returns indices into `polygons`.

    polygons: [x, y] pairs in pixels, an even number, with the top edge first (reading order) and the bottom edge
    back. Words that read within 45 degrees of the picture's main direction come first, then those at a quarter turn,
    half a turn and three quarters. Equal input gives equal output.
    """
    if not polygons:
        return []
    directions, heights, centres = [], [], []
    for polygon in polygons:
        half = len(polygon) // 2
        (a_x, a_y), (b_x, b_y), (c_x, c_y), (d_x, d_y) = polygon[0], polygon[half - 1], polygon[half], polygon[-1]
        directions.append(((b_x - a_x + c_x - d_x) / 2, (b_y - a_y + c_y - d_y) / 2))  # as long as the word is wide
        if half > 2:  # the middle of a bent word is not that of its ends
            a_x, a_y = b_x, b_y = _mean(polygon[:half])
            c_x, c_y = d_x, d_y = _mean(polygon[half:])
        heights.append(math.hypot(c_x + d_x - a_x - b_x, c_y + d_y - a_y - b_y) / 2)
        centres.append(((a_x + b_x + c_x + d_x) / 4, (a_y + b_y + c_y + d_y) / 4))
    angles = [_angle(direction) for direction in directions]
    main = _angle(_sum(directions))
    groups: dict[int, list[int]] = {}
    for index, own in enumerate(angles):
        turn = (own - main + _SIDEWAYS) % (2 * math.pi)
        groups.setdefault(min(3, int(turn // (math.pi / 2))), []).append(index)
    ordered: list[list[int]] = []
    for _, members in sorted(groups.items()):
        angle = _angle(_sum([directions[index] for index in members]))
        cosine, sine = math.cos(angle), math.sin(angle)
        boxes = []
        for index in members:
            x, y = centres[index]
            off = (angles[index] - angle + math.pi) % (2 * math.pi) - math.pi
            boxes.append(
                (
                    x * cosine + y * sine, y * cosine - x * sine, index, heights[index] + 1e-6,
                    math.sin(off), math.cos(off),
                )
            )  # fmt: skip
        ordered += _lines(boxes)
    return ordered


def _sum(points: Sequence[Sequence[float]]) -> tuple[float, float]:
    return sum([x for x, _ in points]), sum([y for _, y in points])


def _mean(points: Sequence[Sequence[float]]) -> tuple[float, float]:
    x, y = _sum(points)
    return x / len(points), y / len(points)


def _angle(direction: Sequence[float]) -> float:
    x, y = direction
    return math.atan2(y, x) if math.hypot(x, y) > 1e-9 else 0.0


def _lines(boxes: list[_Box]) -> list[list[int]]:
    """Left to right, each word joins the line whose last word, followed along its own slope, meets it best."""
    found: list[list[_Box]] = []
    for box in sorted(boxes):
        x, y, _, height, sine, cosine = box
        nearest, own = _SAME_LINE, None
        for line in found:
            last_x, last_y, _, last_height, last_sine, last_cosine = line[-1]
            slope = (last_sine + sine) / (last_cosine + cosine)  # the tangent of the mean of their directions
            distance = abs(y - last_y - slope * (x - last_x)) / (height if height < last_height else last_height)
            if distance <= nearest and (own is None or distance < nearest):
                nearest, own = distance, line
        if own is None:
            found.append([box])
        else:
            own.append(box)
    found.sort(key=lambda line: (sum([box[1] for box in line]) / len(line), line[0][0], line[0][2]))
    return [[box[2] for box in line] for line in found]
