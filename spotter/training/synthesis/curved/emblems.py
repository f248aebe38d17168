"""Emblems with curved words: seals, badges, coins, logos, labels of bottles, arched signs, flags."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spotter.training.synthesis.arrange import contrasting
from spotter.training.synthesis.curved.drawing import Colour, Drawing, Ink, Picture, box, disc, star
from spotter.training.synthesis.curved.lettering import Lettering
from spotter.training.synthesis.curved.paths import Floats, Path, circle, cylinder, ellipse, line, snake, wave
from spotter.training.synthesis.curved.phrases import Writer

_TOP, _BOTTOM = -np.pi / 2, np.pi / 2
_WIDEST = 2.6  # radians of a circle, the most that an arch spans
_WEDGES = 40  # sectors of a coin's reflected light


@dataclass(frozen=True, eq=False)
class Task:
    """An emblem to be drawn.

    plane: [3, 3], from pixels relative to its middle to the picture. capital: height of its main letters. reach: the
    most pixels from its middle to each side. below, varied: mean colour of the background, and the standard deviation
    of its lightness. pictures: that may be shown in it.
    """

    drawing: Drawing
    writer: Writer
    plane: Floats
    capital: float
    reach: float
    below: Colour
    varied: float
    pictures: list[Picture]

    @property
    def rng(self) -> np.random.Generator:
        """The generator of all random choices in it."""
        return self.drawing.rng

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < share)

    def ink(self, base: Colour, varied: float = 0.0, worn: float = 0.0) -> Ink:
        """A random ink that is legible on `base`: sometimes faint, outlined or with a shadow."""
        rng = self.rng
        least = rng.uniform(25, 45) if self.chance(0.12) else rng.uniform(55, 90)
        colour = contrasting(rng, base, float(min(least + varied, 125)))
        kind = rng.random()
        wide = max(self.capital * float(rng.uniform(0.04, 0.1)), 0.8)
        outline = (contrasting(rng, colour, 90), wide) if kind < 0.1 and not worn else None
        moved = (float(rng.uniform(-0.1, 0.1)) * self.capital, float(rng.uniform(0.03, 0.1)) * self.capital)
        shadow = (np.full(3, 0.0 if colour.mean() > 90 else 235.0), moved) if 0.1 <= kind < 0.22 else None
        return Ink(colour, 1.0 if self.chance(0.8) else float(rng.uniform(0.65, 0.95)), outline, shadow, worn=worn)

    def words(
        self, path: Path, capital: float, most: int, style: int | None = None, drop: float = 0.0, spread: float = 1.0
    ) -> list[Lettering]:
        """Up to `most` words on a path."""
        rng = self.rng
        chosen = self.writer.style(rng, capital) if style is None else style
        stretch = float(rng.uniform(0.7, 0.9) if self.chance(0.15) else np.exp(rng.normal(0, 0.1)))
        rigid = not path.straight and self.chance(0.55)
        longest = 2.2 * self.reach
        return self.writer.phrase(rng, chosen, capital, path, most, longest, stretch, drop, rigid, spread)


def _ring(task: Task, radius: float, base: Colour, varied: float, worn: float = 0.0) -> None:
    """Words around a circle with the baseline at `radius`: at the top, mostly also at the bottom, or all the way
    round."""
    rng, capital = task.rng, task.capital
    style = task.writer.style(rng, capital)
    ink = task.ink(base, varied, worn)
    spread = float(rng.uniform(1.0, 2.0))
    if task.chance(0.2):
        around = circle(radius, float(rng.uniform(-np.pi, np.pi)), 2 * np.pi * float(rng.uniform(0.6, 0.95)))
        words = task.words(around, capital, int(rng.integers(4, 11)), style, spread=spread)
        task.drawing.letters(task.plane, words, ink)
        return
    upper = circle(radius, _TOP + float(rng.normal(0, 0.05)), float(rng.uniform(2.0, 3.7)))
    task.drawing.letters(task.plane, task.words(upper, capital, int(rng.integers(1, 7)), style, spread=spread), ink)
    if task.chance(0.8):
        outer = radius + 0.72 * capital  # both rows between the same two circles
        lower = circle(outer, _BOTTOM, float(rng.uniform(1.4, 2.4)), clockwise=False)
        words = task.words(lower, capital, int(rng.integers(1, 5)), style, spread=spread)
        task.drawing.letters(task.plane, words, ink)
        _ornaments(task, radius + 0.36 * capital, ink.colour)


def _ornaments(task: Task, radius: float, colour: Colour) -> None:
    """A star or a dot to the left and the right, between the rows."""
    if task.chance(0.35):
        return
    points = int(task.rng.choice([2, 4, 5, 6, 8]))
    size = task.capital * float(task.rng.uniform(0.15, 0.35))
    for side in (-1, 1):
        inner = size if points == 2 else size * 0.45
        shape = disc(size * 0.6, (side * radius, 0)) if points == 2 else star(size, inner, points, (side * radius, 0))
        task.drawing.fill(task.plane, shape, colour)


def _middle(task: Task, inner: float, base: Colour, worn: float = 0.0, relief: float = 0.0) -> None:
    """Draws the middle of a ring: words, a symbol, a picture or nothing."""
    rng, kind = task.rng, task.rng.random()
    if inner < 12:
        return
    if kind < 0.5:
        rows = int(rng.integers(1, 4))
        capital = min(task.capital * float(rng.uniform(0.7, 1.6)), 0.9 * inner / rows)
        if capital < 6:
            return
        ink = (
            Ink(np.clip(base + float(rng.uniform(8, 25)), 0, 255), relief=relief)
            if relief
            else task.ink(base, 0.0, worn)
        )
        for row in range(rows):
            y = (row - (rows - 1) / 2) * 1.7 * capital + capital / 2
            half = np.sqrt(max((0.88 * inner) ** 2 - max(abs(y - capital), abs(y)) ** 2, 1.0))
            words = task.words(line(2 * float(half), y), capital, int(rng.integers(1, 3)))
            task.drawing.letters(task.plane, words, ink)
    elif kind < 0.75:
        shape = star(inner * 0.7, inner * float(rng.uniform(0.25, 0.6)), int(rng.integers(3, 9)))
        task.drawing.fill(task.plane, shape, contrasting(rng, base, 40))
    elif kind < 0.9:
        picture = task.pictures[int(rng.integers(len(task.pictures)))]
        side = min(picture.shape[:2])
        task.drawing.picture_in(task.plane, disc(inner * 0.85), picture[:side, :side])


def badge(task: Task) -> None:
    """A disc or a scalloped rosette in one or two colours, with rings."""
    rng, capital = task.rng, task.capital
    outer = task.reach
    radius = outer - capital * float(rng.uniform(1.25, 1.7))
    inner = radius - capital * float(rng.uniform(0.3, 0.7))
    base = contrasting(rng, task.below, 25) if task.chance(0.8) else np.clip(task.below + rng.normal(0, 15, 3), 0, 255)
    rim = star(outer, outer * float(rng.uniform(0.9, 0.97)), int(rng.integers(14, 40)))
    task.drawing.fill(task.plane, rim if task.chance(0.3) else disc(outer), base, float(rng.uniform(0.9, 1.0)))
    lined = contrasting(rng, base, 60)
    if task.chance(0.7):
        task.drawing.stroke(task.plane, disc(outer * 0.96), lined, max(0.06 * capital, 1))
    centre = base
    if task.chance(0.6):
        centre = contrasting(rng, base, 35)
        task.drawing.fill(task.plane, disc(inner), centre)
    if task.chance(0.5):
        task.drawing.stroke(task.plane, disc(inner), lined, max(0.06 * capital, 1))
    _ring(task, radius, base, 0.0)
    _middle(task, inner - 0.3 * capital, centre)


def seal(task: Task) -> None:
    """A rubber stamp: one uneven ink, directly on the background."""
    rng, capital = task.rng, task.capital
    radius = task.reach - capital * 1.5
    worn = float(rng.uniform(0.0, 0.35)) if task.chance(0.7) else 0.0
    colour = task.ink(task.below, task.varied).colour
    for edge in (task.reach * 0.98, radius - 0.45 * capital):
        if task.chance(0.75):
            task.drawing.stroke(task.plane, disc(edge), colour, max(float(rng.uniform(0.04, 0.14)) * capital, 1))
    _ring(task, radius, task.below, task.varied, worn)
    _middle(task, radius - 0.8 * capital, task.below, worn)


def coin(task: Task) -> None:
    """A coin: raised letters of the metal's own colour, a rim, a row of dots."""
    rng, capital = task.rng, task.capital
    metal = np.array([[196, 170, 105], [190, 190, 194], [176, 116, 80], [120, 122, 126]][int(rng.integers(4))], float)
    metal = np.clip(metal + rng.normal(0, 18) + rng.normal(0, 4, 3), 30, 225)
    task.drawing.fill(task.plane, disc(task.reach), np.clip(metal - 35, 0, 255))
    task.drawing.fill(task.plane, disc(task.reach * 0.95), metal)
    _shine(task, metal)
    radius = task.reach * 0.93 - 1.35 * capital
    if task.chance(0.5):
        count = int(2 * np.pi * task.reach / max(capital * 0.5, 4))
        for angle in np.arange(count) * 2 * np.pi / count:
            place = (0.91 * task.reach * float(np.cos(angle)), 0.91 * task.reach * float(np.sin(angle)))
            task.drawing.fill(task.plane, disc(0.07 * capital, place, 8), np.clip(metal + 45, 0, 255))
    relief = max(0.045 * capital, 0.6)
    words = metal + rng.choice([-1.0, 1.0]) * float(rng.uniform(8, 30))
    style, full = task.writer.style(rng, capital), float(rng.uniform(3.0, 5.8))
    path = circle(radius, _TOP + float(rng.normal(0, 0.3)), full)
    ink = Ink(np.clip(words, 0, 255), relief=relief)
    task.drawing.letters(task.plane, task.words(path, capital, int(rng.integers(2, 9)), style), ink)
    if task.chance(0.4):
        task.drawing.stroke(task.plane, disc(radius - 0.4 * capital), np.clip(metal - 45, 0, 255), 1)
    _middle(task, radius - 0.8 * capital, metal, relief=relief)


def _shine(task: Task, metal: Colour) -> None:
    """Light from one side, in broad bands."""
    start, bands = float(task.rng.uniform(0, 2 * np.pi)), int(task.rng.integers(1, 4))
    step = 2 * np.pi / _WEDGES
    for n in range(_WEDGES):
        turn = start + n * step + np.array([0.0, 1.3 * step])
        wedge = np.stack([np.cos(turn), np.sin(turn)], 1) * 0.945 * task.reach
        tone = np.clip(metal + 24 * np.cos(bands * n * step), 0, 255)
        task.drawing.fill(task.plane, np.concatenate([[[0.0, 0.0]], wedge]), tone)


def logo(task: Task) -> None:
    """Words on an arc above or below a straight one, or both; directly on the background or on a plain shape."""
    rng, capital = task.rng, task.capital
    base, varied = task.below, task.varied
    if task.chance(0.45):
        base, varied = contrasting(rng, base, 25), 0.0
        shape = [disc(task.reach), box(-task.reach, -task.reach, task.reach, task.reach)][int(rng.integers(2))]
        shape = star(task.reach, task.reach * 0.8, int(rng.integers(5, 12))) if task.chance(0.15) else shape
        task.drawing.fill(task.plane, shape, base)
    radius = task.reach * float(rng.uniform(0.55, 1.5))
    span = min(1.6 * task.reach / radius, _WIDEST)
    ink, style = task.ink(base, varied), task.writer.style(rng, capital)
    flat = float(rng.uniform(0.7, 1.0))
    shift = radius * flat - 0.55 * task.reach
    upper = _lower(ellipse(radius, radius * flat, _TOP, span), shift)
    task.drawing.letters(task.plane, task.words(upper, capital, int(rng.integers(1, 4)), style), ink)
    large = min(capital * float(rng.uniform(0.7, 2.2)), 0.5 * task.reach)
    if task.chance(0.75):
        other = ink if task.chance(0.5) else task.ink(base, varied)
        task.drawing.letters(task.plane, task.words(line(1.5 * task.reach, 0.5 * large), large, 2), other)
    if task.chance(0.5):
        lower = _lower(ellipse(radius, radius * flat, _BOTTOM, span, clockwise=False), -shift + capital * 0.5)
        small = capital * float(rng.uniform(0.6, 1.0))
        task.drawing.letters(task.plane, task.words(lower, small, int(rng.integers(1, 4))), ink)


def _moved(points: Floats, by: float) -> Floats:
    return np.asarray(points + np.array([0.0, by]))


def _lower(path: Path, by: float) -> Path:
    return Path(path.way, _moved(path.points, by), path.down, path.straight)


def label(task: Task) -> None:
    """Rows on a label with a border around a bottle or a can, seen slightly from above or below."""
    rng, capital = task.rng, task.capital
    radius = task.reach * float(rng.uniform(0.75, 1.05))
    span = float(rng.uniform(1.6, 2.7))
    sag = radius * float(rng.uniform(0.05, 0.45)) * float(rng.choice([-1.0, 1.0, 1.0]))
    rows = int(rng.integers(1, 5))
    heights = [capital * float(rng.uniform(0.5, 1.3)) for _ in range(rows)]
    tall = sum(1.6 * height for height in heights) + 0.8 * capital
    edge = cylinder(radius, sag, 0.0, span)
    base, varied = task.below, task.varied
    if task.chance(0.85):
        base, varied = contrasting(rng, base, 20), 0.0
        upper = _moved(edge.points, -tall / 2)
        outline = np.concatenate([upper, _moved(upper[::-1], tall)])
        task.drawing.fill(task.plane, outline, base, float(rng.uniform(0.85, 1.0)))
        for share in (0.06, 0.94):
            if task.chance(0.5):
                rule = _moved(upper, share * tall)
                task.drawing.stroke(task.plane, rule, contrasting(rng, base, 60), max(0.05 * capital, 1), closed=False)
    y = -tall / 2 + 0.4 * capital
    for height in heights:
        y += 1.3 * height
        row = cylinder(radius, sag, y, 0.92 * span)
        task.drawing.letters(task.plane, task.words(row, height, int(rng.integers(1, 6))), task.ink(base, varied))
        y += 0.3 * height


def sign(task: Task) -> None:
    """Words on a wide arch, mostly on a coloured band, with straight words below it."""
    rng, capital = task.rng, task.capital
    radius = task.reach * float(rng.uniform(1.0, 3.0))
    span = min(1.8 * task.reach / radius, _WIDEST)
    flat = float(rng.uniform(0.6, 1.0))
    hangs = task.chance(0.15)
    path = ellipse(radius, radius * flat, _BOTTOM if hangs else _TOP, span, clockwise=not hangs)
    path = _lower(path, (-1 if hangs else 1) * radius * flat)
    base, varied = task.below, task.varied
    if task.chance(0.65):
        base, varied = contrasting(rng, base, 25), 0.0
        pad = capital * float(rng.uniform(0.3, 0.8))
        upper, lower = path.points - path.down * (capital + pad), path.points + path.down * pad
        task.drawing.fill(task.plane, np.concatenate([upper, lower[::-1]]), base)
        if task.chance(0.4):
            rim = np.concatenate([upper, lower[::-1]])
            task.drawing.stroke(task.plane, rim, contrasting(rng, base, 60), max(0.07 * capital, 1))
    task.drawing.letters(task.plane, task.words(path, capital, int(rng.integers(1, 6))), task.ink(base, varied))
    if task.chance(0.5):
        sagitta = radius * flat * (1 - np.cos(span / 2))
        y = (capital if hangs else float(sagitta)) + 1.2 * capital
        small = capital * float(rng.uniform(0.5, 1.0))
        ink = task.ink(task.below, task.varied)
        task.drawing.letters(task.plane, task.words(line(1.4 * task.reach, y), small, int(rng.integers(1, 4))), ink)


def flag(task: Task) -> None:
    """Words on a wave or an S-shaped curve, alone or on a ribbon."""
    rng, capital = task.rng, task.capital
    length = 1.9 * task.reach
    if task.chance(0.6):
        height = capital * float(rng.uniform(0.6, 2.5))
        path = wave(length, height, length * float(rng.uniform(0.6, 1.8)), float(rng.uniform(0, 6.3)), task.chance(0.5))
    else:
        path = snake(length, capital * float(rng.normal(0, 1.5)), capital * float(rng.uniform(-3, 3)))
    base, varied = task.below, task.varied
    if task.chance(0.5):
        base, varied = contrasting(rng, base, 25), 0.0
        pad = capital * float(rng.uniform(0.3, 0.7))
        upper, lower = path.points - path.down * (capital + pad), path.points + path.down * pad
        task.drawing.fill(task.plane, np.concatenate([upper, lower[::-1]]), base)
    task.drawing.letters(task.plane, task.words(path, capital, int(rng.integers(1, 6))), task.ink(base, varied))


@dataclass(frozen=True)
class Kind:
    """A kind of emblem. share: how often it is drawn. tall: its height divided by its width. room: its reach divided by
    its letters' height, least and most. draw: draws it."""

    share: float
    tall: float
    room: tuple[float, float]
    draw: Callable[[Task], None]


KINDS: Mapping[str, Kind] = {
    "badge": Kind(0.2, 1.0, (3.6, 8.0), badge),
    "seal": Kind(0.12, 1.0, (3.6, 7.0), seal),
    "coin": Kind(0.1, 1.0, (4.0, 8.0), coin),
    "logo": Kind(0.2, 1.0, (2.5, 7.0), logo),
    "label": Kind(0.14, 0.9, (3.0, 7.0), label),
    "sign": Kind(0.14, 0.7, (3.5, 10.0), sign),
    "flag": Kind(0.1, 0.5, (3.5, 10.0), flag),
}
"""The kinds by name."""
