"""The order in which a person would read the words of a picture, whichever way the picture is turned."""

import math
from collections.abc import Sequence

Polygon = list[list[float]]

_SAME_LINE = 0.5  # of the smaller height: how far a word may stand off the line of the one before it


_Word = tuple[float, float, float, float, float, int]
"""x, y of its middle, x, y of its direction, as long as the word is wide, its height, its index."""
_Box = tuple[float, float, int, float, float, float]
"""A word in a frame whose x axis is the reading direction: x, y, its index, its height, sine and cosine of its own
direction."""


def lines(polygons: Sequence[Polygon]) -> list[list[int]]:
    """Groups words into lines, and orders lines and words; returns indices into `polygons`.

    polygons: [x, y] pairs in pixels, an even number, with the top edge first (reading order) and the bottom edge
    back. Words that read within 45 degrees of the picture's main direction come first, then those at a quarter turn,
    half a turn and three quarters. Equal input gives equal output.
    """
    words = [_word(polygon, index) for index, polygon in enumerate(polygons)]
    cosine, sine = _direction(words)
    turned: tuple[list[_Word], ...] = ([], [], [], [])
    for word in words:
        along, across = word[2] * cosine + word[3] * sine, word[3] * cosine - word[2] * sine
        if along >= abs(across):
            turned[0].append(word)
        else:
            turned[2 if -along >= abs(across) else 1 if across > 0 else 3].append(word)
    return [line for members in turned if members for line in _lines(_boxes(members))]


def _word(polygon: Polygon, index: int) -> _Word:
    half = len(polygon) // 2
    (a_x, a_y), (b_x, b_y), (c_x, c_y), (d_x, d_y) = polygon[0], polygon[half - 1], polygon[half], polygon[-1]
    right, down = (b_x - a_x + c_x - d_x) / 2, (b_y - a_y + c_y - d_y) / 2
    if half > 2:  # the middle of a bent word is not that of its ends
        a_x, a_y = b_x, b_y = _mean(polygon[:half])
        c_x, c_y = d_x, d_y = _mean(polygon[half:])
    height = math.hypot(c_x + d_x - a_x - b_x, c_y + d_y - a_y - b_y) / 2
    return (a_x + b_x + c_x + d_x) / 4, (a_y + b_y + c_y + d_y) / 4, right, down, height, index


def _mean(points: Sequence[Sequence[float]]) -> tuple[float, float]:
    return sum([x for x, _ in points]) / len(points), sum([y for _, y in points]) / len(points)


def _direction(words: Sequence[_Word]) -> tuple[float, float]:
    """Cosine and sine of the direction in which words read together, wide ones counting more."""
    return _unit(sum([word[2] for word in words]), sum([word[3] for word in words]))


def _unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y)
    return (x / length, y / length) if length > 1e-9 else (1.0, 0.0)


def _boxes(words: Sequence[_Word]) -> list[_Box]:
    cosine, sine = _direction(words)
    boxes = []
    for x, y, right, down, height, index in words:
        own_cosine, own_sine = _unit(right * cosine + down * sine, down * cosine - right * sine)
        boxes.append((x * cosine + y * sine, y * cosine - x * sine, index, height + 1e-6, own_sine, own_cosine))
    return boxes


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
