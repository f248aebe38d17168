"""Charts and drawings: pages with both level and upright words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Block, Matrix, Styles, place
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rows import fitting
from spotter.training.synthesis.tables import Bounds, Content, frame

LEVEL, DOWN, OVER, UP = range(4)
"""Quarter turns, clockwise, of a label: UP is read from bottom to top, as titles of axes are."""


class _Labels:
    """Places labels in any of four directions."""

    def __init__(self, rng: np.random.Generator, pool: PatchPool, styles: Styles, stretch: float) -> None:
        self._rng, self._pool, self._styles, self._stretch = rng, pool, styles, stretch
        self._patches: list[NDArray[np.int64]] = []
        self._frames: list[Matrix] = []

    def write(
        self,
        style: int,
        capital: float,
        at: tuple[float, float],
        room: float,
        quarters: int = LEVEL,
        side: str = "middle",
        of: str = "words",
    ) -> float:
        """Writes as many words as fit into `room` pixels; returns their width, 0 when none fits.

        at: position in the page's plane of the label's start (side "left"), its end ("right") or its middle, at half
        the height of its capitals. quarters: LEVEL, DOWN, OVER or UP. of: "words", or one of the "numbers" or "short"
        words of the style.
        """
        found = fitting(self._rng, self._pool, self._styles, style, capital, self._stretch, room, of)
        if found is None:
            return 0.0
        patches, starts, wide = found
        left = {"left": 0.0, "right": -wide, "middle": -wide / 2}[side] + starts
        baseline = np.full(len(patches), capital / 2)
        scale = np.full(len(patches), capital / self._styles.capital[style])
        level = place(self._pool, patches, left, baseline, scale, self._stretch)
        cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
        turn = np.array([[cos, -sin, at[0]], [sin, cos, at[1]], [0, 0, 1.0]])
        self._patches.append(patches)
        self._frames.append(turn @ level)
        return wide

    def content(self, style: int, capital: float, lines: Sequence[Bounds], fields: Sequence[Bounds]) -> Content:
        """The content; a single word where no word has fitted."""
        if not self._patches:
            self.write(style, capital, (0.0, 0.0), np.inf)
        patches, frames = np.concatenate(self._patches), np.concatenate(self._frames)
        return Content(Block(patches, frames, np.ones(len(patches), bool), self._pool), capital, lines, fields)


def _around(x: float, y: float, wide: float, tall: float) -> Bounds:
    """The rectangle around (x, y) that is `wide` wide and `tall` high."""
    return (x - wide, y - tall, x + wide, y + tall)


def _capital(rng: np.random.Generator, least: float, most: float) -> float:
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))


def chart(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> Content:
    """A chart: axes with numbers and titles (the vertical axis's title is read upwards), tick labels that may be
    upright, bars, a grid."""
    labels = _Labels(rng, pool, styles, stretch)
    capital = _capital(rng, 6.5, 14.0)
    style = int(rng.choice(styles.page))
    width, height = (float(part) * size for part in rng.uniform(0.45, 0.75, 2))
    left, top = -width / 2 + 3 * capital, -height / 2
    right, bottom = width / 2 + 3 * capital, height / 2 - 2 * capital
    line = max(1.0, 0.1 * capital)
    lines: list[Bounds] = [(left - line, top, left, bottom), (left - line, bottom, right, bottom + line)]
    fields: list[Bounds] = []

    widest, grid = 0.0, rng.random() < 0.5
    for y in np.linspace(bottom, top, int(rng.integers(3, max(4, int(height / (2.2 * capital))) + 1))).tolist():
        wide = labels.write(style, capital, (left - 0.7 * capital, y), 7 * capital, LEVEL, "right", "numbers")
        widest = max(widest, wide)
        if grid:
            lines.append((left, y - line / 2, right, y + line / 2))

    upright = rng.random() < 0.45
    count = int(rng.integers(2, max(3, int(width / ((2.2 if upright else 5.0) * capital))) + 1))
    pitch, below = (right - left) / count, 0.0
    of = str(rng.choice(["numbers", "words", "short"], p=[0.5, 0.35, 0.15]))
    way = UP if rng.random() < 0.85 else DOWN
    bars = rng.random() < 0.5
    for x in np.arange(left + pitch / 2, right, pitch).tolist():
        if upright:
            at, side = (x, bottom + 0.8 * capital), "right" if way == UP else "left"
            below = max(below, labels.write(style, capital, at, 9 * capital, way, side, of))
        else:
            labels.write(style, capital, (x, bottom + 1.3 * capital), pitch - 0.8 * capital, LEVEL, "middle", of)
            below = capital
        if bars:
            fields.append(
                (x - pitch / 4, bottom - float(rng.uniform(0.05, 0.95)) * (bottom - top), x + pitch / 4, bottom)
            )

    middle = (left + right) / 2, (top + bottom) / 2
    titles = styles.page if rng.random() < 0.3 else np.array([style])
    if rng.random() < 0.85:
        at = (left - widest - float(rng.uniform(1.8, 2.6)) * capital, middle[1])
        labels.write(int(rng.choice(titles)), capital, at, bottom - top, UP if rng.random() < 0.92 else DOWN)
    if rng.random() < 0.7:
        at = (middle[0], bottom + below + float(rng.uniform(2.0, 2.8)) * capital)
        labels.write(int(rng.choice(titles)), capital, at, right - left)
    if rng.random() < 0.7:
        tall = capital * float(rng.uniform(1.0, 1.8))
        labels.write(int(rng.choice(titles)), tall, (middle[0], top - 2 * tall), right - left)
    return labels.content(style, capital, lines, fields)


def drawing(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> Content:
    """A drawing of parts on a board or in a floor plan: boxes with a label inside or next to them, level, upright or
    upside down."""
    labels = _Labels(rng, pool, styles, stretch)
    capital = _capital(rng, 6.5, 16.0)
    style = int(rng.choice(styles.mono if rng.random() < 0.3 else styles.page))
    line = max(1.0, float(rng.uniform(0.08, 0.18)) * capital)
    lines: list[Bounds] = []
    width, height = (float(part) * size for part in rng.uniform(0.7, 1.05, 2))
    cell = capital * float(rng.uniform(5.0, 10.0))
    columns, rows = max(2, int(width / cell)), max(2, int(height / cell))
    filled = float(rng.uniform(0.4, 0.9))
    room = cell - 0.6 * capital
    for number in range(columns * rows):
        if rng.random() > filled:
            continue
        x = (number % columns - (columns - 1) / 2) * cell
        y = (number // columns - (rows - 1) / 2) * cell
        quarters = int(rng.choice(4, p=[0.45, 0.12, 0.05, 0.38]))
        of = str(rng.choice(["words", "numbers", "short"], p=[0.5, 0.25, 0.25]))
        long, thick = (float(part) for part in rng.uniform(0.5, 1.0, 2) * (room / 2, 1.5 * capital))
        upright = quarters in (DOWN, UP)

        def turned(along: float, across: float, upright: bool = upright) -> tuple[float, float]:
            """Lengths along and across the label, as (horizontal, vertical) lengths."""
            return (across, along) if upright else (along, across)

        wide, tall = turned(long, thick)
        kind = rng.random()
        if kind < 0.3:  # the label is inside its part
            lines += frame(_around(x, y, wide, tall), line)
            labels.write(style, min(capital, 1.2 * thick), (x, y), 2 * long - capital, quarters, "middle", of)
        elif kind < 0.75:  # next to it
            right, down = turned(0.0, 1.2 * capital)
            labels.write(style, capital, (x - right, y - down), room, quarters, "middle", of)
            lines += frame(_around(x + right, y + down, wide / 2, tall / 2), line)
        else:  # a dimension line with its length
            right, down = turned(0.0, capital)
            labels.write(style, capital, (x, y), room, quarters, "middle", "numbers")
            lines.append(_around(x + right, y + down, *turned(room / 2, line / 2)))
    return labels.content(style, capital, lines, ())
