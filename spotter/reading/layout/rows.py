"""Decides which lines side by side form one row, as in a table, and which belong to separate columns or bubbles."""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from spotter.reading.layout.lines import WIDEST, Line, cut, least

_NEAR = 3.0  # times the height: rows that end farther above or below are not considered
_SAME_ROW = 0.5  # of the smaller height: largest offset of a line from the line before it
_NEXT = 30.0  # times the height: largest vertical distance of gaps between the same columns
_EDGE = 2.0  # times the height: largest distance of their ends
_SHARED = 0.7  # of the wider gap: least overlap where the ends do not agree
_OFF = 0.25  # of the height: lines in a table row are aligned better, lines of separate columns often worse
_MISALIGNED = 0.3  # the share of misaligned rows from which the sides are separate columns
_WORDS = 3  # words: least number in a line of running text
_COVER = 0.6  # of a line's width: least share that words cover in running text
_ACROSS = 0.3  # the largest share of lines that may cross a gutter
_FEW = 40  # lines: fewer form columns only where some of them have several words
_ROWS = 3  # least number of rows side by side that form columns
_PROSE_ROWS = 2  # the same where all of them are running text
_PITCH = 1.8  # times the height: largest distance of the lines of a speech bubble
_CENTRE = 0.4  # of the height: largest distance of their centres
_RAGGED = 0.6  # times the height: least distance by which their left ends differ, and their right ends
_BUBBLE_WORDS = 1.5  # least mean number of words a line


class _Gap(NamedTuple):
    """A gap between two lines of a row. prose: whether there is running text on both sides; off: the vertical offset of
    the two lines, in multiples of the height."""

    row: int
    place: int
    left: float
    right: float
    middle: float
    height: float
    prose: bool
    off: float


def find_rows(lines: list[Line]) -> list[list[Line]]:
    """Rows of lines from left to right: single lines, and lines of one table row."""
    rows = _part_bubbles(_join(lines))
    if len(lines) < _FEW and sum([len(line.boxes) >= _WORDS for line in lines]) < 2 * (_ROWS - 1):
        return rows  # no columns of text: a sign, a label
    gaps = [gap for number, row in enumerate(rows) if len(row) > 1 for gap in _gaps(number, row)]
    if len(gaps) < _PROSE_ROWS:
        return rows
    gaps.sort(key=lambda gap: gap.middle)
    lines = sorted(lines, key=lambda line: line.middle)
    heights = [line.middle for line in lines]
    middles = [gap.middle for gap in gaps]
    cuts: dict[int, list[int]] = {}
    for number, gap in enumerate(gaps):
        peers = _peers(gaps, middles, number)
        if _parts_columns(peers):
            x = min(other.right for other in peers) - 0.3 * gap.height
            across = lines[bisect_left(heights, peers[0].middle) : bisect_right(heights, peers[-1].middle)]
            narrow = gap.right - gap.left < WIDEST * gap.height
            if narrow and sum([line.left < x < line.right for line in across]) > _ACROSS * len(peers):
                continue
            cuts.setdefault(gap.row, []).append(gap.place)
    return [part for number, row in enumerate(rows) for part in cut(row, sorted(cuts.get(number, ())))]


def _part_bubbles(rows: list[list[Line]]) -> list[list[Line]]:
    """The rows, cut beside speech bubbles whose lines are level with others only by chance: some have no neighbour on
    that side, or a misaligned one."""
    places = {line: (row, place) for row in rows if len(row) > 1 for place, line in enumerate(row)}
    if not places:
        return rows
    first_of_part: set[Line] = set()
    for bubble in _bubbles([line for row in rows for line in row]):
        level = [places[line] for line in bubble if line in places]
        for side in (0, 1):
            pairs = [(row[place + side - 1], row[place + side]) for row, place in level if 0 < place + side < len(row)]
            if len(pairs) < len(bubble) or any(abs(_off(*pair)) > _OFF for pair in pairs):
                first_of_part.update(right for _, right in pairs)
    return [part for row in rows for part in cut(row, [n for n, line in enumerate(row) if line in first_of_part])]


def _bubbles(lines: list[Line]) -> list[list[Line]]:
    """Groups of lines that are set as in a speech bubble: several words on at least two lines, one closely below the
    other, of one centre, ragged on the left and on the right."""
    groups: list[list[Line]] = []
    near: list[list[Line]] = []
    for line in sorted(lines, key=attrgetter("middle")):
        near = [group for group in near if line.middle - group[-1].middle < _NEAR * group[-1].height]
        own = next((group for group in near if _is_centred_below(group[-1], line)), None)
        if own is None:
            groups.append([line])
            near.append(groups[-1])
        else:
            own.append(line)
    return [group for group in groups if len(group) > 1 and _is_ragged(group)]


def _is_centred_below(above: Line, line: Line) -> bool:
    height = least(above.height, line.height)
    return (
        _SAME_ROW * height < line.middle - above.middle < _PITCH * height
        and abs(line.left + line.right - above.left - above.right) < 2 * _CENTRE * height
    )


def _is_ragged(group: list[Line]) -> bool:
    limit = _RAGGED * group[0].height
    lefts, rights = [line.left for line in group], [line.right for line in group]
    words = sum(len(line.boxes) for line in group)
    return max(lefts) - min(lefts) > limit < max(rights) - min(rights) and words >= _BUBBLE_WORDS * len(group)


def _gaps(number: int, row: list[Line]) -> list[_Gap]:
    widths = [b.left - a.right for a, b in pairwise(row)]
    found = []
    for place, (a, b) in enumerate(pairwise(row), 1):
        width = widths[place - 1]
        # A side reaches to the next gap of the same width, past a line number or a bullet.
        start = next((n for n in range(place - 1, 0, -1) if widths[n - 1] >= width), 0)
        end = next((n for n in range(place, len(widths)) if widths[n] >= width), len(widths)) + 1
        found.append(
            _Gap(
                number,
                place,
                a.right,
                b.left,
                (a.middle + b.middle) / 2,
                least(a.height, b.height),
                _is_prose(row[start:place]) and _is_prose(row[place:end]),
                _off(a, b),
            )
        )
    return found


def _is_prose(side: list[Line]) -> bool:
    """Whether lines look like running text: words close to each other."""
    words = [box for line in side for box in line.boxes]
    return len(words) >= _WORDS and sum([box.right - box.left for box in words]) > _COVER * (
        side[-1].right - side[0].left
    )


def _join(lines: list[Line]) -> list[list[Line]]:
    """From left to right, each line joins the row whose last line, extended along its slope, fits best."""
    rows: list[list[Line]] = []
    ends: list[tuple[float, float]] = []  # of each row: right, middle
    for line in sorted(lines, key=attrgetter("left")):
        height, at = line.height, line.middle
        limit, low, high = line.left + height, at - _NEAR * height, at + _NEAR * height
        nearest, own = _SAME_ROW, None
        for number, (right, middle) in enumerate(ends):
            if not low < middle < high or right > limit:
                continue
            distance = abs(_off(rows[number][-1], line))
            if distance <= nearest and (own is None or distance < nearest):
                nearest, own = distance, number
        if own is None:
            rows.append([line])
            ends.append((line.right, line.middle))
        else:
            rows[own].append(line)
            ends[own] = (line.right, line.middle)
    return rows


def _off(a: Line, b: Line) -> float:
    """The distance of b below a, measured along their slope, in multiples of the height."""
    slope = (a.slope * (a.right - a.left) + b.slope * (b.right - b.left)) / (a.right - a.left + b.right - b.left + 1e-9)
    reach = (b.left + b.right - a.left - a.right) / 2
    return (b.middle - a.middle - slope * reach) / least(a.height, b.height)


def _peers(gaps: list[_Gap], middles: list[float], number: int) -> list[_Gap]:
    """The gap, with the gaps above and below it that are between the same columns."""
    gap = gaps[number]
    left, right, reach = gap.left, gap.right, _NEXT * gap.height
    near = gaps[bisect_left(middles, gap.middle - reach) : bisect_right(middles, gap.middle + reach)]
    return [other for other in near if other.left < right and other.right > left and _continues(gap, other)]


def _continues(gap: _Gap, other: _Gap) -> bool:
    """Whether two gaps, one above the other, are between the same columns. The gap of an empty cell spans two gaps of
    other rows, so gaps must agree in most of their width, or in one edge."""
    left, right, other_left, other_right = gap.left, gap.right, other.left, other.right
    width, wider = right - left, other_right - other_left
    if width > wider:
        width, wider = wider, width
    shared = (right if right < other_right else other_right) - (left if left > other_left else other_left)
    if shared > _SHARED * wider:
        return True
    edge = _EDGE * gap.height
    return shared > width / 2 and (
        abs(right - other_right) < edge
        or abs(left - other_left) < edge
        or abs(left + right - other_left - other_right) < 2 * edge
    )


def _parts_columns(gaps: list[_Gap]) -> bool:
    """Whether the gaps separate columns: there is running text on both sides, or the lines are side by side by
    chance."""
    rows = len({gap.row for gap in gaps})
    if rows < _ROWS:
        return rows >= _PROSE_ROWS and all(gap.prose for gap in gaps)
    if 2 * sum(gap.prose for gap in gaps) > len(gaps):
        return True
    return sum([abs(gap.off) > _OFF for gap in gaps]) > _MISALIGNED * len(gaps)
