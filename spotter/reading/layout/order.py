"""The order of rows on a page of any number of columns.

Rows with exactly one neighbour above or below are stacked. Stacks are sorted topologically by two rules (Breuel,
"High performance document layout analysis", 2003): of two stacks whose x ranges overlap, the upper one comes first; of
two whose ranges do not overlap, the left one, unless another stack lies vertically between them and spans both. White
space as wide as the page separates them, too: what is above it comes first, as in the tiers of a comic.
"""

from bisect import bisect_left
from itertools import groupby
from operator import attrgetter

from spotter.reading.layout.lines import Line

Row = list[Line]

_SPACE = 3.0  # times the usual height of the rows: the least height of white space that separates


class Stack:
    """Rows below one another."""

    __slots__ = ("bottom", "left", "right", "rows", "top")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        first, last = rows[0], rows[-1]
        if first is last:
            self.left, self.right = first[0].left, first[-1].right
        else:
            self.left = min([row[0].left for row in rows])
            self.right = max([row[-1].right for row in rows])
        self.top = first[0].top if len(first) == 1 else min([line.top for line in first])
        self.bottom = last[0].bottom if len(last) == 1 else max([line.bottom for line in last])


def find_stacks(rows: list[Row]) -> list[Stack]:
    """The rows as stacks, in reading order."""
    rows = sorted(rows, key=_middle)
    if max([row[0].left for row in rows]) < min([row[-1].right for row in rows]):
        return [Stack(rows)]  # every two share some x: each is the next one of the one above it
    return sort_tiers(stack_rows(rows))


def stack_rows(rows: list[Row]) -> list[Stack]:
    """Rows, sorted by their middles, as stacks in no particular order."""
    ends = [(row[0].left, row[-1].right) for row in rows]
    count = len(rows)
    below = [_next(rows, ends, n, range(n + 1, count)) for n in range(count)]
    stacks: list[list[Row]] = []
    own: dict[int, list[Row]] = {}
    for n, row in enumerate(rows):
        upper = _next(rows, ends, n, range(n - 1, -1, -1))
        if upper is not None and below[upper] == n:
            own[n] = own[upper]
            own[n].append(row)
        else:
            own[n] = [row]
            stacks.append(own[n])
    return [Stack(stack) for stack in stacks]


def _middle(row: Row) -> float:
    return row[0].middle if len(row) == 1 else sum([line.middle for line in row]) / len(row)


def _next(rows: list[Row], ends: list[tuple[float, float]], n: int, others: range) -> int | None:
    """The index of the next of the other rows, above or below row n; None where there is none, or where several are
    side by side. ends: where each row begins and ends, pixels."""
    left, right = ends[n]
    found: int | None = None
    for m in others:
        start, end = ends[m]
        if start < right and end > left:
            if found is not None:
                first = rows[found]
                side_by_side = start >= first[-1].right or end <= first[0].left
                return None if side_by_side else found
            found = m
    return found


def sort_tiers(stacks: list[Stack]) -> list[Stack]:
    """The stacks in reading order, tier by tier: what lies between white space as wide as the page. A stack of several
    tiers is divided, except between parts that follow each other."""
    middles = _white_space(stacks)
    if not middles:
        return sort_stacks(stacks)
    tiers: list[list[Stack]] = [[] for _ in range(len(middles) + 1)]
    whole: dict[Stack, Stack] = {}
    for stack in stacks:
        for tier, rows in groupby(stack.rows, lambda row: bisect_left(middles, _middle(row))):
            part = Stack(list(rows))
            tiers[tier].append(part)
            whole[part] = stack
    parts = [part for tier in tiers for part in sort_stacks(tier)]
    return [Stack([row for part in own for row in part.rows]) for _, own in groupby(parts, whole.__getitem__)]


def _white_space(stacks: list[Stack]) -> list[float]:
    """The middles of white space as wide as the page, from top to bottom, pixels."""
    if len(stacks) == 1:
        return []
    rows = sorted([Stack([row]) for stack in stacks for row in stack.rows], key=attrgetter("top", "bottom"))
    heights = sorted([row.bottom - row.top for row in rows])
    least = _SPACE * heights[len(heights) // 2]
    middles = []
    end = rows[0].bottom
    for row in rows:
        if row.top - end > least:
            middles.append((row.top + end) / 2)
        end = max(end, row.bottom)
    return middles


def sort_stacks(stacks: list[Stack]) -> list[Stack]:
    """The stacks in reading order."""
    left = sorted(stacks, key=lambda stack: (stack.top, stack.left))
    before = [
        [m for m, first in enumerate(left) if first is not second and _before(first, second, left)] for second in left
    ]
    done: list[Stack] = []
    waiting = dict.fromkeys(range(len(left)))
    while waiting:
        free = next((n for n in waiting if not any(m in waiting for m in before[n])), next(iter(waiting)))
        del waiting[free]
        done.append(left[free])
    return done


def _before(first: Stack, second: Stack, stacks: list[Stack]) -> bool:
    if first.left < second.right and second.left < first.right:
        return (first.top, first.left) < (second.top, second.left)
    if first.left > second.left:
        return False
    top, bottom = min(first.bottom, second.bottom), max(first.top, second.top)
    return not any(
        top <= stack.top and stack.bottom <= bottom and _shares(stack, first) and _shares(stack, second)
        for stack in stacks
        if stack is not first and stack is not second
    )


def _shares(first: Stack, second: Stack) -> bool:
    return first.left < second.right and second.left < first.right
