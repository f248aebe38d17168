"""Scores layout analysis: lines and reading order of a picture's true words, and of the words that a reader found."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spotter.reading.layout.blocks import find_blocks
from spotter.reading.layout.frames import Polygon
from spotter.training.data.annotations import Annotation
from spotter.training.evaluation.counts import Counts
from spotter.training.evaluation.scores import Read

_NEXT_WORD = 1.5  # times the height: largest gap between neighbours on one line
_BELOW = 2.5  # times the height: largest distance from a line to the next one of its paragraph
_LEAST = 3  # words: fewer may be a table cell rather than a line of text

Placed = list[tuple[Polygon, int]]
"""Words, each with the index of its true word or true line."""


_NONE = Counts()


@dataclass(frozen=True)
class LayoutScore:
    """lines: correct where a line consists of exactly the words of a true line. text: pairs of neighbours in running
    text. every: all pairs of words that follow each other in the annotation, in whatever order it lists cells and
    blocks. Pairs are correct where the words also follow each other in the reading order."""

    lines: Counts = _NONE
    text: Counts = _NONE
    every: Counts = _NONE

    def __add__(self, other: "LayoutScore") -> "LayoutScore":
        return LayoutScore(self.lines + other.lines, self.text + other.text, self.every + other.every)


def layout_scores(read: Read, boxes: str, threshold: float) -> tuple[LayoutScore, LayoutScore]:
    """The scores of a picture's true words, and of the words found with a score of at least `threshold`, each assigned
    to the true word or line in which its middle lies. All words that were found take part in the layout, as in an
    answer. boxes: whether `words` or `lines` are annotated; for lines only the lines are scored, for words only the
    order."""
    truths = [truth for truth in read.truths if not truth.ignore]
    found: Placed = []
    others: list[Polygon] = []
    for prediction in read.predictions:
        own = _holder(prediction.polygon.mean(axis=0).tolist(), truths) if prediction.score >= threshold else None
        if own is not None and (boxes == "lines" or all(own != other for _, other in found)):
            found.append((prediction.polygon.tolist(), own))
        else:
            others.append(prediction.polygon.tolist())
    if boxes == "lines":
        true = [(word, number) for number, truth in enumerate(truths) for word in cut_into_words(truth)]
        return LayoutScore(_lines(true)), LayoutScore(_lines(found, others))
    pairs = text_neighbours([truth.polygon.tolist() for truth in truths])
    everything = [(truth.polygon.tolist(), number) for number, truth in enumerate(truths)]
    return _order(everything, pairs), _order(found, pairs, others)


def cut_into_words(line: Annotation) -> list[Polygon]:
    """The words of an annotated line with four corners, cut as if all characters had the same width."""
    top_left, top_right, bottom_right, bottom_left = line.polygon.astype(np.float64)
    words: list[Polygon] = []
    end = 0
    for word in line.text.split():
        start = line.text.index(word, end)
        end = start + len(word)
        a, b = start / len(line.text), end / len(line.text)
        top, bottom = top_right - top_left, bottom_right - bottom_left
        corners = (top_left + a * top, top_left + b * top, bottom_left + b * bottom, bottom_left + a * bottom)
        words.append([corner.tolist() for corner in corners])
    return words


def text_neighbours(words: Sequence[Polygon]) -> list[int]:
    """Indices of words whose successor in the annotation is also the next one in running text: the next word on the
    line, or the first one of the line below where both lines have several words. So the annotation's order of table
    cells and blocks does not matter."""
    if len(words) < 2:
        return []
    corners = [np.array(word) for word in words]
    left, right = (np.array([f(each[:, 0]) for each in corners]) for f in (np.min, np.max))
    top, bottom = (np.array([f(each[:, 1]) for each in corners]) for f in (np.min, np.max))
    height, middle = bottom - top, (top + bottom) / 2
    taller = np.maximum(height[1:], height[:-1])
    gap = left[1:] - right[:-1]
    follows = (np.abs(np.diff(middle)) < 0.6 * taller) & (gap > -0.6 * height[:-1]) & (gap < _NEXT_WORD * taller)
    ends = [*np.flatnonzero(~follows).tolist(), len(words) - 1]
    runs = [slice(start, end + 1) for start, end in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
    wraps = [
        above.stop - 1
        for above, below in pairwise(runs)
        if above.stop - above.start >= _LEAST
        and below.stop - below.start >= 2
        and 0.5 < (middle[below].mean() - middle[above].mean()) / np.median(height[above]) < _BELOW
        and left[below.start] < right[above.stop - 1]
        and left[above.start] < right[below.stop - 1]
    ]
    return sorted([*np.flatnonzero(follows).tolist(), *wraps])


def layout_table(rows: Sequence[tuple[str, LayoutScore, LayoutScore]]) -> str:
    """A table in percent: F of lines and neighbours in order, for the true words and for those found."""
    lines = [f"{'':24}{'true words':>29}{'words found':>31}", f"{'':24}" + f"{'lines':>9}{'text':>10}{'all':>10} " * 2]
    for name, *scores in rows:
        cells = [
            f"{100 * ratio:10.1f}" if counts.truths else f"{'-':>10}"
            for score in scores
            for counts, ratio in (
                (score.lines, score.lines.f),
                (score.text, score.text.recall),
                (score.every, score.every.recall),
            )
        ]
        lines.append(f"{name:23}" + "".join(cells))
    return "\n".join(lines)


def _holder(point: list[float], truths: Sequence[Annotation]) -> int | None:
    x, y = point
    for number, truth in enumerate(truths):
        polygon = truth.polygon.tolist()
        sides = [
            (b_x - a_x) * (y - a_y) - (b_y - a_y) * (x - a_x)
            for (a_x, a_y), (b_x, b_y) in zip(polygon, [*polygon[1:], polygon[0]], strict=True)
        ]
        if min(sides) >= 0:
            return number
    return None


def _lines(words: Placed, others: Sequence[Polygon] = ()) -> Counts:
    true: dict[int, set[int]] = {}
    for index, (_, number) in enumerate(words):
        true.setdefault(number, set()).add(index)
    blocks = find_blocks([word for word, _ in words], others)
    found = [set(line.words) for block in blocks for line in block.lines]
    whole = sum(line in found for line in true.values())
    return Counts(whole, len(true), len(found))


def _order(words: Placed, text: Sequence[int], others: Sequence[Polygon] = ()) -> LayoutScore:
    """The order scores of the given words; pairs with a missing word do not count."""
    blocks = find_blocks([word for word, _ in words], others)
    order = [words[index][1] for block in blocks for line in block.lines for index in line.words]
    there = {number for _, number in words}
    right = {a for a, b in pairwise(order) if b == a + 1}

    def counts(pairs: Sequence[int]) -> Counts:
        pairs = [a for a in pairs if a in there and a + 1 in there]
        return Counts(sum(a in right for a in pairs), len(pairs), len(pairs))

    return LayoutScore(text=counts(text), every=counts(sorted(there)))
