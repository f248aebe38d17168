"""Draws tables, forms and labels on pages, with their rules and boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Block, Styles
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rows import Rows, fitting

Bounds = tuple[float, float, float, float]

_PITCH = (1.45, 3.5)  # capitals from line to line; print without additional space has 1.6


@dataclass(frozen=True)
class Content:
    """Words of a page, with rules and fields, in the page's plane, whose origin is its centre.

    capital: height of a capital, pixels. lines, fields: (left, top, right, bottom) of rules and of shaded cells.
    """

    block: Block
    capital: float
    lines: Sequence[Bounds] = ()
    fields: Sequence[Bounds] = ()


def frame(bounds: Bounds, width: float) -> list[Bounds]:
    """The four lines, `width` pixels wide, of a frame around a rectangle."""
    left, top, right, bottom = bounds
    half = width / 2
    across = [(left - half, y - half, right + half, y + half) for y in (top, bottom)]
    return across + [(x - half, top, x + half, bottom) for x in (left, right)]


class _Cells:
    """Places words in cells, and draws lines around them."""

    def __init__(
        self, rng: np.random.Generator, pool: PatchPool, capital: float, stretch: float, styles: Styles
    ) -> None:
        self._rng, self._pool, self._styles, self._stretch = rng, pool, styles, stretch
        self.capital = capital
        self.width = float(max(1.2, capital * rng.uniform(0.06, 0.16)))  # of a line
        self.rows = Rows()
        self.lines: list[Bounds] = []
        self.fields: list[Bounds] = []

    def across(self, left: float, right: float, y: float) -> None:
        """A level line."""
        self.lines.append((left, y - self.width / 2, right, y + self.width / 2))

    def down(self, x: float, top: float, bottom: float) -> None:
        """An upright line."""
        self.lines.append((x - self.width / 2, top, x + self.width / 2, bottom))

    def box(self, left: float, top: float, right: float, bottom: float) -> None:
        """A frame."""
        self.lines += frame((left, top, right, bottom), self.width)

    def write(
        self,
        style: int,
        left: float,
        right: float,
        baseline: float,
        side: str = "left",
        of: str = "words",
        tall: float = 1.0,
    ) -> float:
        """Places as many words as fit between `left` and `right`; returns their width, 0 when none fits.

        side: "left", "right" or "middle". of: "words", or one of the "numbers" or "short" words of the style.
        """
        capital = self.capital * tall
        found = fitting(self._rng, self._pool, self._styles, style, capital, self._stretch, right - left, of)
        if found is None:
            return 0.0
        patches, starts, wide = found
        start = {"left": left, "right": right - wide, "middle": (left + right - wide) / 2}[side]
        self.rows.put(patches, np.asarray(start + starts), baseline, capital / self._styles.capital[style], True)
        return wide

    def content(self, styles: Styles, style: int) -> Content:
        """The content; a single word where no word has fitted."""
        if not self.rows.patches:
            first = styles.draw(self._rng, style, 1)
            self.rows.put(first, np.zeros(1), 0.0, self.capital / styles.capital[style], True)
        return Content(self.rows.block(self._pool, self._stretch), self.capital, self.lines, self.fields)


def _begin(
    rng: np.random.Generator, pool: PatchPool, styles: Styles, stretch: float, heights: tuple[float, float]
) -> tuple[_Cells, NDArray[np.int64]]:
    family = styles.mono if rng.random() < 0.25 else styles.page
    capital = float(np.exp(rng.uniform(*np.log(heights))))
    return _Cells(rng, pool, capital, stretch, styles), rng.choice(family, 3)


def table(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> Content:
    """A table: columns of words, numbers, or single letters and digits, with a header, and with rules on all, some or
    no sides; its lines are as close as in a spreadsheet, or up to twice as far apart."""
    cells, several = _begin(rng, pool, styles, stretch, (6.2, 14.0))
    width = size * float(rng.uniform(0.7, 1.1))
    pitch = cells.capital * float(np.exp(rng.uniform(*np.log(_PITCH))))
    count = int(rng.integers(2, max(3, min(9, int(width / (6 * cells.capital)))) + 1))
    shares = rng.uniform(0.5, 1.5, count)
    shares[0] *= rng.uniform(1.0, 2.5)
    edges = -width / 2 + np.concatenate([[0.0], np.cumsum(shares / shares.sum() * width)])
    first = "words" if rng.random() < 0.7 else "short"  # which number the lines
    kinds = [first, *rng.choice(["words", "numbers", "short"], count - 1, p=[0.3, 0.4, 0.3]).tolist()]
    sides = ["left", *rng.choice(["left", "right", "middle"], count - 1, p=[0.3, 0.45, 0.25]).tolist()]
    lines = int(rng.integers(3, max(4, int(1.1 * size / pitch)) + 1))
    top = -lines * pitch / 2 + float(rng.normal(0, 0.1)) * size
    across, down = rng.random() < 0.65, rng.random() < 0.45
    striped, head = rng.random() < 0.25, rng.random() < 0.7
    pad = 0.4 * cells.capital
    for line in range(lines):
        above, baseline = top + line * pitch, top + line * pitch + (pitch + cells.capital) / 2
        if across or (head and line == 1):
            cells.across(float(edges[0]), float(edges[-1]), above)
        if (striped and line % 2 == 0) or (head and line == 0 and rng.random() < 0.4):
            cells.fields.append((float(edges[0]), above, float(edges[-1]), above + pitch))
        for column in range(count):
            if rng.random() < 0.1:
                continue  # an empty cell
            heading = head and line == 0
            style = int(several[1] if heading else several[0])
            left, right = float(edges[column]) + pad, float(edges[column + 1]) - pad
            cells.write(style, left, right, baseline, sides[column], "words" if heading else kinds[column])
    bottom = top + lines * pitch
    if across:
        cells.across(float(edges[0]), float(edges[-1]), bottom)
    for edge in edges.tolist() if down else ():
        cells.down(edge, top, bottom)
    return cells.content(styles, int(several[0]))


def grid(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> Content:
    """A grid of letters, digits and short words as on calendars, keypads, score boards and puzzles, each in the middle
    of its cell, with capitals of 9 to 42 pixels; with or without lines and a header."""
    cells, several = _begin(rng, pool, styles, stretch, (9.0, 42.0))
    style = max(several.tolist(), key=lambda one: len(styles.short[one]))
    capital = cells.capital
    wide, high = capital * float(rng.uniform(2.0, 5.0)), capital * float(np.exp(rng.uniform(*np.log(_PITCH))))
    columns = int(rng.integers(2, max(3, min(10, int(1.05 * size / wide))) + 1))
    lines = int(rng.integers(2, max(3, min(10, int(1.05 * size / high))) + 1))
    left, top = -columns * wide / 2, -lines * high / 2
    drawn = str(rng.choice(["none", "across", "all", "keys"], p=[0.4, 0.15, 0.3, 0.15]))
    head = rng.random() < 0.4
    longer = float(rng.choice([0.0, 0.2, 0.6]))  # of the cells hold a number or a word
    for line in range(lines):
        y = top + line * high
        for column in range(columns):
            x = left + column * wide
            if drawn == "all":
                cells.box(x, y, x + wide, y + high)
            elif drawn == "keys":
                pad = 0.12 * capital
                cells.box(x + pad, y + pad, x + wide - pad, y + high - pad)
            if rng.random() < 0.08:
                cells.fields.append((x, y, x + wide, y + high))
            if rng.random() < 0.08:
                continue  # an empty cell
            heading = head and line == 0
            of = str(rng.choice(["numbers", "words"])) if rng.random() < longer else "short"
            tall = 0.7 if heading else 1.0
            baseline = y + (high + tall * capital) / 2
            pad = 0.15 * capital
            cells.write(int(several[1]) if heading else style, x + pad, x + wide - pad, baseline, "middle", of, tall)
        if drawn == "across":
            cells.across(left, left + columns * wide, y)
    return cells.content(styles, style)


def form(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> Content:
    """A form: captions with filled-in answers, in a box below, on a line next to the caption, or with one character in
    each box of a comb."""
    cells, several = _begin(rng, pool, styles, stretch, (6.2, 15.0))
    filled = int(rng.choice(styles.page if rng.random() < 0.5 else styles.scene))
    columns = int(rng.integers(1, 4))
    width = size * float(rng.uniform(0.8, 1.1))
    pitch = cells.capital * float(rng.uniform(2.6, 4.5))
    kind = str(rng.choice(["box", "line", "comb", "tick"], p=[0.4, 0.3, 0.12, 0.18]))
    y = -size / 2 + float(rng.uniform(0, pitch))
    while y < size / 2:
        if rng.random() < 0.12:  # a heading
            cells.write(int(several[1]), -width / 2, width / 2, y + cells.capital, "left", "words", 1.4)
        else:
            for column in range(columns):
                left = -width / 2 + column * width / columns
                right = left + width / columns - cells.capital
                _field(rng, cells, kind, (int(several[0]), filled), (left, y, right, y + pitch))
            y += pitch if kind == "box" else 0.0
        y += pitch
    return cells.content(styles, int(several[0]))


def _field(rng: np.random.Generator, cells: _Cells, kind: str, pair: tuple[int, int], bounds: Bounds) -> None:
    """Draws a caption and its answer in different styles; the answer is sometimes missing."""
    left, top, right, bottom = bounds
    capital, (caption, answer) = cells.capital, pair
    answered = rng.random() < 0.75
    of = "numbers" if rng.random() < 0.3 else "words"
    if kind == "box":
        cells.write(caption, left, right, top + 1.1 * capital, tall=0.85)
        cells.box(left, top + 1.6 * capital, right, bottom + 1.2 * capital)
        middle = (top + 1.6 * capital + bottom + 1.2 * capital) / 2
        if answered:
            cells.write(answer, left + capital, right - capital, middle + capital / 2, "left", of)
    elif kind == "line":
        wide = cells.write(caption, left, left + 0.55 * (right - left), top + 1.2 * capital)
        start = left + wide + 0.6 * capital
        cells.across(start, right, top + 1.7 * capital)
        if answered:
            cells.write(answer, start + 0.3 * capital, right, top + 1.2 * capital, "left", of)
    elif kind == "comb":
        wide = cells.write(caption, left, left + 0.4 * (right - left), top + 1.4 * capital)
        side, x = 2.0 * capital, left + wide + 0.8 * capital
        while x + side < right:
            cells.box(x, top, x + side, top + side)
            if answered:
                cells.write(answer, x + 0.2 * capital, x + side - 0.2 * capital, top + 1.5 * capital, "middle", "short")
            x += side
    else:
        side = 1.2 * capital
        cells.box(left, top, left + side, top + side)
        if answered and rng.random() < 0.5:
            cells.write(answer, left, left + side, top + 1.1 * capital, "middle", "short")
        cells.write(caption, left + 2 * side, right, top + 1.1 * capital)


def label(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> Content:
    """A ticket or a label: a few words of different sizes in a frame that lines may divide."""
    cells, several = _begin(rng, pool, styles, stretch, (8.0, 18.0))
    width = size * float(rng.uniform(0.45, 0.85))
    rows = int(rng.integers(3, 8))
    tall = np.where(rng.random(rows) < 0.3, rng.uniform(1.8, 3.5, rows), rng.uniform(0.7, 1.2, rows))
    pitches = 2.0 * cells.capital * tall
    y = top = -float(pitches.sum()) / 2
    side = str(rng.choice(["left", "middle"]))
    for size_of_row, pitch in zip(tall.tolist(), pitches.tolist(), strict=True):
        style = int(rng.choice(several))
        baseline = y + 0.75 * pitch
        of = "numbers" if rng.random() < 0.3 else "words"
        if rng.random() < 0.25:
            cells.write(style, -width / 2, -0.05 * width, baseline, "left", "words", size_of_row)
            cells.write(style, 0.05 * width, width / 2, baseline, "right", "numbers", size_of_row)
        else:
            cells.write(style, -width / 2, width / 2, baseline, side, of, size_of_row)
        y += pitch
        if rng.random() < 0.25:
            cells.across(-width / 2, width / 2, y)
    if rng.random() < 0.6:
        pad = float(rng.uniform(0.5, 1.2)) * cells.capital
        cells.box(-width / 2 - pad, top - pad, width / 2 + pad, y + pad)
    return cells.content(styles, int(several[0]))
