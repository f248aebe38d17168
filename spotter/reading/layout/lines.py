"""Groups words into lines.

A line consists of words with single spaces between them; wider gaps, and gaps that continue through several lines, end
it (whitespace as a separator: Breuel, "Two geometric algorithms for layout analysis", DAS 2002).
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from typing import TypeVar

from spotter.reading.layout.frames import Box

T = TypeVar("T")

_SAME_LINE = 0.5  # of the smaller height: largest offset of a word from the line of the word before it
_NEAR = 3.0  # of its height: chains that end farther above or below are not considered
_GAP = 1.0  # of the smaller height: a wider gap ends a line
WIDEST = 2.0  # the same for a line with wide spaces
_USUAL = 1.5  # times the line's median space, where it has enough spaces
_UNUSUAL = 1.3  # times the median space: a gap that may be between columns
_TELLING = 4
_NARROW_GAP = 0.7  # of the smaller height: a wider gap ends a line where it continues through other lines
_GUTTER_LINES = 3  # the least number of such lines, on each side of the gutter
_REACH = 3.0  # times the height: the farthest from the gutter that those lines end and begin
MARK = 0.8  # of the larger height: the least height assumed for a word, so that dashes and dots are no small words
_OVERLAP = 0.6  # of the smaller height: the largest overlap of boxes of one line


class Line:
    """Words of a line from left to right, and their bounds in the frame."""

    __slots__ = ("bottom", "boxes", "height", "left", "middle", "right", "slope", "top")

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        if len(boxes) == 1:
            self.left, self.right, middle, height, sine, cosine, _ = boxes[0]
            self.slope = sine / cosine if cosine > 0.1 else 0.0
            self.middle, self.height = middle, height
            self.top, self.bottom = middle - height / 2, middle + height / 2
        else:
            self.left, self.right = boxes[0].left, boxes[-1].right
            heights = sorted([box.height for box in boxes])
            self.height = heights[len(heights) // 2]
            self.middle = sum([box.middle for box in boxes]) / len(boxes)
            sine, cosine = (
                sum([b.sine * (b.right - b.left) for b in boxes]),
                sum([b.cosine * (b.right - b.left) for b in boxes]),
            )
            self.slope = sine / cosine if cosine > 1e-9 else 0.0
            self.top, self.bottom = self.middle - self.height / 2, self.middle + self.height / 2


def find_lines(boxes: list[Box]) -> list[Line]:
    """The lines of a frame's words, in no particular order."""
    return [Line(part) for part in _cut_at_gaps(_chains(boxes))]


def _chains(boxes: list[Box]) -> list[list[Box]]:
    """From left to right, each word joins the chain whose last word, extended along its slope, fits best."""
    chains: list[list[Box]] = []
    ends: list[tuple[float, float, list[Box]]] = []  # where chains end: right, middle
    for number, box in enumerate(sorted(boxes)):
        left, right, middle, height, sine, cosine, _ = box
        if number % 16 == 15:
            ends = [end for end in ends if end[0] + WIDEST * end[2][-1].height >= left]
        low, high = middle - _NEAR * height, middle + _NEAR * height
        nearest, own = _SAME_LINE, None
        for end in ends:
            if not low < end[1] < high:
                continue
            last = end[2][-1]
            limit = least(height, last.height)
            if not -_OVERLAP * limit <= left - last.right <= WIDEST * limit:
                continue
            slope = (last.sine + sine) / (last.cosine + cosine)  # the tangent of their mean direction
            reach = (left + right - last.left - last.right) / 2
            distance = abs(middle - last.middle - slope * reach) / limit
            if distance <= nearest and (own is None or distance < nearest):
                nearest, own = distance, end
        if own is None:
            chains.append([box])
            ends.append((right, middle, chains[-1]))
        else:
            own[2].append(box)
            ends[ends.index(own)] = (right, middle, own[2])
    return chains


def _cut_at_gaps(chains: list[list[Box]]) -> list[list[Box]]:
    """Chains cut where a gap is wider than the chain's spaces, or is part of a gutter between columns."""
    gaps: list[tuple[int, int, float, float]] = []
    places: dict[int, list[int]] = {}
    for number, chain in enumerate(chains):
        if len(chain) < 2:
            continue
        widths = [box.left - last.right for last, box in pairwise(chain)]
        usual = sorted(widths)[len(widths) // 2] if len(widths) >= _TELLING else 0.0
        height = sorted([box.height for box in chain])[len(chain) // 2]
        for place, width in enumerate(widths, 1):
            if width > max(_GAP * height, _USUAL * usual):
                places.setdefault(number, []).append(place)
            elif width > max(_NARROW_GAP * height, _UNUSUAL * usual):
                gaps.append((number, place, (chain[place].left + chain[place - 1].right) / 2, width))
    if gaps and len(chains) >= _GUTTER_LINES:
        gutters = _Gutters([box for chain in chains for box in chain])
        for number, place, x, width in gaps:
            if gutters.holds(x, width, chains[number][place]):
                places.setdefault(number, []).append(place)
    if not places:
        return chains
    return [part for number, chain in enumerate(chains) for part in cut(chain, sorted(places.get(number, ())))]


def cut(items: list[T], places: Iterable[int]) -> list[list[T]]:
    """The list in parts: each place, in increasing order, is the index of a part's first item."""
    return [items[start:end] for start, end in pairwise([0, *places, len(items)])]


def least(one: float, other: float) -> float:
    """The smaller of two heights, but at least MARK times the larger one: a dash or a dot is smaller than its line."""
    small, large = (one, other) if one < other else (other, one)
    return max(small, MARK * large)


class _Gutters:
    """Finds gutters: the vertical white space between columns."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._boxes = sorted([(box.middle, box.left, box.right) for box in boxes])

    def holds(self, x: float, width: float, box: Box) -> bool:
        """Whether the gap of `width` at x, before a word, is part of a gutter along enough lines on either side.

        Searches upwards and then downwards from the word, until a word blocks the gutter or there are enough lines.
        """
        start, low, high, reach = (
            bisect_left(self._boxes, (box.middle,)),
            x - width / 4,
            x + width / 4,
            _REACH * box.height,
        )
        before = after = 0
        for way in (islice(reversed(self._boxes), len(self._boxes) - start, None), islice(self._boxes, start, None)):
            level, so_far = box.middle, (before, after)
            for middle, left, right in way:
                if middle != level:
                    if before >= _GUTTER_LINES and after >= _GUTTER_LINES:
                        return True
                    level, so_far = middle, (before, after)
                if left < high and right > low and middle != box.middle:
                    before, after = so_far  # words of the same height as the blocking one do not count
                    break
                if x - reach < right < x:
                    before += 1
                elif x < left < x + reach:
                    after += 1
        return before >= _GUTTER_LINES and after >= _GUTTER_LINES
