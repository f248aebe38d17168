"""Coordinate frames along the reading direction, so that layout analysis works with left, right, up and down."""

import math
from collections.abc import Sequence
from typing import NamedTuple

Polygon = list[list[float]]


class Box(NamedTuple):
    """A word in a frame whose x axis is the reading direction of the words around it, in pixels.

    left, right: its ends. middle: y of its centre. height: above 0. sine, cosine: its own direction in the frame.
    word: its index.
    """

    left: float
    right: float
    middle: float
    height: float
    sine: float
    cosine: float
    word: int


class Frame(NamedTuple):
    """Words that read within 45 degrees of each other, and the direction of the frame in the picture."""

    boxes: list[Box]
    cosine: float
    sine: float


_Word = tuple[float, float, float, float, float, int]
"""x and y of the middle, x and y of the direction (as long as the word is wide), the height, the index."""


def frames(polygons: Sequence[Polygon]) -> list[Frame]:
    """Words within 45 degrees of the picture's main direction, then those at a quarter turn, half a turn and three
    quarters; groups without words are left out.

    polygons: [x, y] pairs in pixels, an even number, with the top edge first (reading order) and the bottom edge back.
    """
    words = [_word(polygon, index) for index, polygon in enumerate(polygons)]
    direction = cosine, sine = _direction(words)
    turned: tuple[list[_Word], ...] = ([], [], [], [])
    upright = turned[0]
    for word in words:
        _, _, right, down, _, _ = word
        along, across = right * cosine + down * sine, down * cosine - right * sine
        if along >= abs(across):
            upright.append(word)
        else:
            turned[2 if -along >= abs(across) else 1 if across > 0 else 3].append(word)
    if len(upright) == len(words):
        return [_frame(words, direction)] if words else []
    return [_frame(members, _direction(members)) for members in turned if members]


def _word(polygon: Polygon, index: int) -> _Word:
    half = len(polygon) // 2
    corners = polygon if half == 2 else (polygon[0], polygon[half - 1], polygon[half], polygon[-1])
    (a_x, a_y), (b_x, b_y), (c_x, c_y), (d_x, d_y) = corners
    right, down = (b_x - a_x + c_x - d_x) / 2, (b_y - a_y + c_y - d_y) / 2
    if half > 2:  # the middle of a curved word is not the middle between its ends
        a_x, a_y = b_x, b_y = _mean(polygon[:half])
        c_x, c_y = d_x, d_y = _mean(polygon[half:])
    height = math.hypot(c_x + d_x - a_x - b_x, c_y + d_y - a_y - b_y) / 2
    return (a_x + b_x + c_x + d_x) / 4, (a_y + b_y + c_y + d_y) / 4, right, down, height, index


def _mean(points: Sequence[Sequence[float]]) -> tuple[float, float]:
    return sum([x for x, _ in points]) / len(points), sum([y for _, y in points]) / len(points)


def _direction(words: Sequence[_Word]) -> tuple[float, float]:
    """Cosine and sine of the mean reading direction of words, weighted by their widths."""
    return _unit(sum([word[2] for word in words]), sum([word[3] for word in words]))


def _unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y)
    return (x / length, y / length) if length > 1e-9 else (1.0, 0.0)


def _frame(words: Sequence[_Word], direction: tuple[float, float]) -> Frame:
    cosine, sine = direction
    boxes = []
    new, hypot = tuple.__new__, math.hypot  # half of the time of Box(...), which every answer takes once a word
    for x, y, right, down, height, index in words:
        along, across = right * cosine + down * sine, down * cosine - right * sine
        length = hypot(along, across) or 1e-9
        middle = x * cosine + y * sine
        half = along / 2 if along > 0 else -along / 2
        box = (
            middle - half,
            middle + half,
            y * cosine - x * sine,
            height + 1e-6,
            across / length,
            along / length if along else 1.0,
            index,
        )
        boxes.append(new(Box, box))
    return Frame(boxes, cosine, sine)
