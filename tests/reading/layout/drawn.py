"""Pages of words as a typesetter sets them, whose reading order is known."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from spotter.reading.layout.frames import Polygon


@dataclass
class Drawn:
    """A page's words in reading order, and the number of each one's line."""

    words: list[Polygon] = field(default_factory=list)
    line_numbers: list[int] = field(default_factory=list)

    def line(self, words: list[tuple[float, float]], y: float, height: float, rng: random.Random) -> None:
        """Adds words (left, right) on a baseline; some have letters that rise or hang, some do not."""
        for left, right in words:
            top = y - height * rng.choice((0.7, 1.0, 1.0))
            bottom = y + height * rng.choice((0.0, 0.0, 0.25))
            self.words.append([[left, top], [right, top], [right, bottom], [left, bottom]])
        self.line_numbers += [self.line_numbers[-1] + 1 if self.line_numbers else 0] * len(words)

    def turned(self, degrees: float) -> "Drawn":
        """The page turned about its top-left."""
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turned = [[[x * cosine - y * sine, x * sine + y * cosine] for x, y in word] for word in self.words]
        return Drawn(turned, list(self.line_numbers))


def page(columns: int, seed: int) -> Drawn:
    """A title across the page, columns of paragraphs whose lines are justified or ragged, and now and then a second
    heading with columns below it, or a line across the foot."""
    rng = random.Random(seed)
    drawn = Drawn()
    height = rng.uniform(10, 20)
    width = columns * height * rng.uniform(14, 26) + 60
    _across(drawn, 40, width, 60, 2 * height, rng)
    top = 60 + 4 * height
    for _ in range(rng.choice((1, 1, 2))):
        top = _columns(drawn, columns, width, top, height, rng) + 3 * height
        if rng.random() < 0.4:
            _across(drawn, 40, width, top, 1.5 * height, rng)
            top += 3 * height
    return drawn


def table(rows: int, columns: int, seed: int) -> Drawn:
    """A table whose cells have one or two words or numbers; read by rows, a cell a line."""
    rng = random.Random(seed)
    drawn = Drawn()
    height = rng.uniform(10, 20)
    step = height * rng.uniform(7, 10)
    for row in range(rows):
        for column in range(columns):
            if column and rng.random() < 0.1:
                continue  # an empty cell
            left = 40 + column * step
            words = list(_words(left, left + 0.6 * step, height, rng))[: 1 + (column == 0)]
            drawn.line(words, 80 + row * 1.8 * height, height, rng)
    return drawn


def receipt(seed: int) -> Drawn:
    """Centred lines, then items with a price at the right, then sums."""
    rng = random.Random(seed)
    drawn = Drawn()
    height, width = 16.0, 420.0
    y = 40.0
    for _ in range(4):
        words = list(_words(0, width * rng.uniform(0.4, 0.8), height, rng))
        shift = (width - words[-1][1]) / 2
        drawn.line([(left + shift, right + shift) for left, right in words], y, height, rng)
        y += 1.6 * height
    for _ in range(rng.randint(4, 12)):
        drawn.line(list(_words(10, width * rng.uniform(0.3, 0.6), height, rng)), y, height, rng)
        drawn.line([(width - rng.uniform(40, 60), width)], y, height, rng)
        y += 1.6 * height
    return drawn


def comic(seed: int) -> Drawn:
    """Tiers of panels, read from left to right, with captions and speech bubbles of one to four centred lines."""
    rng = random.Random(seed)
    drawn = Drawn()
    height = rng.uniform(11, 16)
    width = height * rng.uniform(65, 95)
    top = 40.0
    for _ in range(rng.randint(2, 4)):
        tall = height * rng.uniform(16, 26)
        shares = [rng.uniform(0.7, 1.3) for _ in range(rng.randint(1, 4))]
        left = 40.0
        for share in shares:
            right = left + share / sum(shares) * width
            _panel(drawn, (left + height, top + height, right - height, top + tall - height), height, rng)
            left = right
        top += tall + height
    return drawn


def _panel(drawn: Drawn, edges: tuple[float, float, float, float], height: float, rng: random.Random) -> None:
    """A caption or none, then up to three speech bubbles, each lower than the one before and mostly on the other
    side."""
    left, top, right, bottom = edges
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 2)):
            _across(drawn, left, left + (right - left) * rng.uniform(0.6, 0.9), top + height, height, rng)
            top += 1.4 * height
        top += height
    wide = (right - left) * rng.choice((0.45, 0.6))
    on_the_left = rng.random() < 0.7
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        lines = rng.randint(1, 4)
        if top + lines * 1.4 * height > bottom:
            return
        middle = (left + wide / 2 if on_the_left else right - wide / 2) + rng.uniform(-0.1, 0.1) * wide
        top += rng.uniform(0, 1) * height
        for _ in range(lines):
            top += 1.4 * height
            words = list(_words(0, wide * rng.uniform(0.5, 1), height, rng))
            shift = middle - words[-1][1] / 2
            drawn.line([(start + shift, end + shift) for start, end in words], top, height, rng)
        on_the_left = on_the_left == (rng.random() < 0.1)
        top += height * rng.uniform(0.8, 3)


def _across(drawn: Drawn, left: float, right: float, y: float, height: float, rng: random.Random) -> None:
    drawn.line(list(_words(left, left + (right - left) * rng.uniform(0.7, 0.95), height, rng)), y, height, rng)


def _columns(drawn: Drawn, count: int, width: float, top: float, height: float, rng: random.Random) -> float:
    """Columns with a gutter of 1.5 to 3 heights; the y of the lowest line."""
    gutter = height * rng.uniform(1.5, 3)
    own = (width - 40 - gutter * (count - 1)) / count
    justified, pitch = rng.random() < 0.6, height * rng.uniform(1.5, 2)
    aligned = rng.random() < 0.5
    lowest = top
    for column in range(count):
        left = 40 + column * (own + gutter)
        y = top if aligned else top + rng.uniform(0, pitch)
        for _ in range(rng.randint(2, 4)):
            lines = rng.randint(3, 9)
            for number in range(lines):
                start = left + (1.5 * height if number == 0 else 0)
                words = list(_words(start, left + own, height, rng))
                if number == lines - 1:
                    words = words[: max(1, rng.randint(1, len(words)))]
                elif justified and len(words) > 1:
                    words = _justified(words, left + own, height)
                drawn.line(words, y, height, rng)
                y += pitch
            y += rng.choice((0, pitch if aligned else 0.7 * pitch))
        lowest = max(lowest, y)
    return lowest


def _words(left: float, right: float, height: float, rng: random.Random) -> Iterator[tuple[float, float]]:
    """Words of 1 to 11 letters from left on, as many as fit, at least one."""
    x, first = left, True
    while True:
        wide = height * 0.55 * rng.choice((1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11))
        if x + wide > right:
            if first:
                yield left, right
            return
        yield x, x + wide
        x, first = x + wide + 0.35 * height, False


def _justified(words: list[tuple[float, float]], right: float, height: float) -> list[tuple[float, float]]:
    extra = (right - words[-1][1]) / (len(words) - 1)
    if extra > 0.8 * height:
        return words  # a typesetter would divide a word instead
    return [(left + n * extra, end + n * extra) for n, (left, end) in enumerate(words)]
