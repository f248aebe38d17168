"""The order of rows on a page of any number of columns.

Rows with exactly one neighbour above or below are stacked. Stacks are sorted topologically by two rules (Breuel,
"High performance document layout analysis", 2003): of two stacks whose x ranges overlap, the upper one comes first; of
two whose ranges do not overlap, the left one, unless another stack lies vertically between them and spans both.
"""

from spotter.reading.layout.lines import Line

Row = list[Line]


class Stack:
    """Rows below one another."""

    __slots__ = ("bottom", "left", "right", "rows", "top")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.left = min([row[0].left for row in rows])
        self.right = max([row[-1].right for row in rows])
        self.top = min([line.top for line in rows[0]])
        self.bottom = max([line.bottom for line in rows[-1]])


def find_stacks(rows: list[Row]) -> list[Stack]:
    """The rows as stacks, in reading order."""
    return _sorted(_stacked(rows))


def _stacked(rows: list[Row]) -> list[Stack]:
    rows = sorted(rows, key=_middle)
    below = [_next(rows, n, 1) for n in range(len(rows))]
    above = [_next(rows, n, -1) for n in range(len(rows))]
    stacks: list[list[Row]] = []
    own: dict[int, list[Row]] = {}
    for n, row in enumerate(rows):
        upper = above[n]
        if upper is not None and below[upper] == n:
            own[n] = own[upper]
            own[n].append(row)
        else:
            own[n] = [row]
            stacks.append(own[n])
    return [Stack(stack) for stack in stacks]


def _middle(row: Row) -> float:
    return sum([line.middle for line in row]) / len(row)


def _next(rows: list[Row], n: int, step: int) -> int | None:
    """The index of the next row above or below row n; None where there is none, or where several are side by side."""
    left, right = rows[n][0].left, rows[n][-1].right
    found: int | None = None
    m = n + step
    while 0 <= m < len(rows):
        row = rows[m]
        if row[0].left < right and row[-1].right > left:
            if found is None:
                found = m
            else:
                first = rows[found]
                side_by_side = row[0].left >= first[-1].right or row[-1].right <= first[0].left
                return None if side_by_side else found
        m += step
    return found


def _sorted(stacks: list[Stack]) -> list[Stack]:
    left = sorted(stacks, key=lambda stack: (stack.top, stack.left))
    if len(left) < 2:
        return left
    before = [[first is not second and _before(first, second, left) for first in left] for second in left]
    done: list[Stack] = []
    waiting = list(range(len(left)))
    while waiting:
        free = next((n for n in waiting if not any(before[n][m] for m in waiting)), waiting[0])
        waiting.remove(free)
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
