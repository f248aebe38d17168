"""The blocks of a page: lines of one kind under each other, in reading order."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from spotter.reading.layout.frames import Frame, Polygon, frames
from spotter.reading.layout.lines import Line, find_lines
from spotter.reading.layout.order import Row, Stack, find_stacks
from spotter.reading.layout.rows import find_rows

_PITCH = 1.45  # times the usual line pitch: a larger distance between lines ends a block
_SPACE = 2.6  # times the height: the same limit where there are too few lines to know the usual pitch
_TELLING = 3  # lines from which the usual pitch is known
_KIND = 1.45  # ratio of the heights of two lines: with a larger one the second line starts a block


class TextLine(NamedTuple):
    """words: indices, in reading order; directions: degrees by which each is turned clockwise. row: number of the row
    in the block; lines side by side, such as the cells of a table's row, have the same number. degrees: by which the
    line is turned
    clockwise.
    """

    words: list[int]
    directions: list[float]
    row: int
    degrees: float


class TextBlock(NamedTuple):
    """Lines in reading order. degrees: by which the block is turned clockwise."""

    lines: list[TextLine]
    degrees: float


def find_blocks(polygons: Sequence[Polygon], others: Sequence[Polygon] = ()) -> list[TextBlock]:
    """Groups words into lines and blocks, in reading order: those within 45 degrees of the picture's main direction
    first, then those at a quarter turn, half a turn and three quarters. Every word is in one line.

    polygons: of the words, [x, y] pairs in pixels, an even number, with the top edge first (reading order) and the
    bottom edge back. others: of words that are not part of the result, because they could not be read or are not
    wanted, but that still connect the lines and blocks that they are in. The result is deterministic.
    """
    blocks = [block for frame in frames([*polygons, *others]) for block in _blocks(frame)]
    return _without(blocks, len(polygons)) if others else blocks


def _without(blocks: Sequence[TextBlock], count: int) -> list[TextBlock]:
    """The blocks with only the first `count` words; lines and blocks without any of them are removed."""
    kept = []
    for block in blocks:
        lines = []
        for line in block.lines:
            places = [place for place, word in enumerate(line.words) if word < count]
            if places:
                words, directions = (
                    [line.words[place] for place in places],
                    [line.directions[place] for place in places],
                )
                lines.append(line._replace(words=words, directions=directions))
        if lines:
            kept.append(block._replace(lines=lines))
    return kept


def outline(polygons: Iterable[Polygon], degrees: float) -> Polygon:
    """The four corners of the smallest rectangle, turned by `degrees`, that contains all polygons: pixels to a tenth,
    from the text's own top-left clockwise."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    points = [point for polygon in polygons for point in polygon]
    along = [x * cosine + y * sine for x, y in points]
    across = [y * cosine - x * sine for x, y in points]
    left, right, top, bottom = min(along), max(along), min(across), max(across)
    return [
        [round(x * cosine - y * sine, 1), round(x * sine + y * cosine, 1)]
        for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
    ]


def _blocks(frame: Frame) -> list[TextBlock]:
    turn = math.degrees(math.atan2(frame.sine, frame.cosine))
    return [
        TextBlock([_text_line(line, number, turn) for number, row in enumerate(rows) for line in row], turn)
        for stack in find_stacks(find_rows(find_lines(frame.boxes)))
        for rows in _parts(stack)
    ]


def _text_line(line: Line, row: int, turn: float) -> TextLine:
    """turn: degrees of the line's frame."""
    words, directions = [], []
    for _, _, _, _, sine, cosine, word in line.boxes:
        degrees = turn + math.degrees(math.atan2(sine, cosine))
        words.append(word)
        directions.append(degrees if -180 < degrees <= 180 else math.remainder(degrees, 360))
    return TextLine(words, directions, row, turn + math.degrees(math.atan(line.slope)))


def _parts(stack: Stack) -> list[list[Row]]:
    """The stack's rows, split where their distance is larger than usual, or their height changes."""
    rows = stack.rows
    if len(rows) == 1:
        return [rows]
    usual = math.inf
    if len(rows) > _TELLING:
        steps = sorted([below[0].middle - above[0].middle for above, below in pairwise(rows)])
        usual = _PITCH * steps[(len(steps) - 1) // 2]
    part = [rows[0]]
    parts, above = [part], rows[0][0]
    for row in rows[1:]:
        below = row[0]
        step, low, high = below.middle - above.middle, above.height, below.height
        if low > high:
            low, high = high, low
        if step > usual or step > _SPACE * high or high > _KIND * low:
            part = []
            parts.append(part)
        part.append(row)
        above = below
    return parts
