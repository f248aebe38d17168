"""Draws the layouts of receipts and documents."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Block, Canvas, Colour, Matrix, Styles, plane, widths
from spotter.training.synthesis.background import draw_background
from spotter.training.synthesis.degrade import draw_degradation
from spotter.training.synthesis.diagrams import chart, drawing
from spotter.training.synthesis.layout import FRAME, Background, Layout
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.rows import Rows, row
from spotter.training.synthesis.tables import Content, form, grid, label, table
from spotter.training.synthesis.texts.draws import Odds

PAGE_LOOKS: Mapping[str, float] = {
    "rows": 0.40,
    "thermal": 0.08,
    "table": 0.12,
    "grid": 0.04,
    "form": 0.12,
    "label": 0.06,
    "chart": 0.03,
    "drawing": 0.03,
    "screen": 0.06,
    "dark": 0.06,
}
"""Shares of the kinds of pages: rows on plain or thermal paper, tables, grids, forms, labels, charts, drawings, screens
and dark screens."""

_SCREENS = ("screen", "dark")
_ON_SCREENS = Odds({"rows": 0.4, "table": 0.22, "grid": 0.08, "form": 0.2, "chart": 0.1})

_DRAWN = {"table": table, "grid": grid, "form": form, "label": label, "chart": chart, "drawing": drawing}


def _paper(rng: np.random.Generator) -> Background:
    light = rng.uniform(150, 252)
    tint = light + rng.normal(0, 5, 3)
    shading = rng.normal(0, rng.uniform(0, 14), (5, 5)).astype(np.float32)
    return Background(paper=(float(tint[0]), float(tint[1]), float(tint[2])), shading=shading)


def _write(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> tuple[Block, float]:
    """A column of rows as on a receipt or in a letter, centred on the origin, and the height of its capitals."""
    family = styles.mono if rng.random() < 0.5 else styles.page
    several = rng.choice(family, 3)
    capital = float(np.exp(rng.uniform(np.log(6.2), np.log(15.5))))
    width = size * rng.uniform(0.55, 1.05)
    pitch = capital * rng.uniform(1.6, 2.5)
    prose = rng.random() < 0.25
    rows = Rows()
    y = -size / 2 - rng.uniform(0, 1) * pitch
    while y < size / 2:
        # One face for most rows; a heading or a total may have another.
        style = int(several[0] if rng.random() < 0.85 else rng.choice(several))
        tall = 1.0 if prose or rng.random() < 0.86 else float(rng.uniform(1.2, 1.9))
        y += pitch * tall
        scale = capital * tall / styles.capital[style]
        wide_scale = scale * stretch
        gap = max(0.25 * capital * tall, styles.space(style, rng.uniform(0.4, 1.1)) * wide_scale)
        kind = rng.random()
        rules = styles.rules.get(style)
        numbers = styles.numbers[style]
        if prose or kind < 0.2:
            patches, left, _ = row(rng, pool, styles, style, wide_scale, gap, width)
            rows.put(patches, left - width / 2, y, scale, True)
        elif kind < 0.38:
            patches, left, wide = row(rng, pool, styles, style, wide_scale, gap, 0.8 * width)
            rows.put(patches, left - wide / 2, y, scale, True)
        elif kind < 0.46 and rules is not None:
            patches = rng.choice(rules, 1)
            repeat = int(max(width // max(widths(pool, patches)[0] * wide_scale, 1.0), 1))
            step = widths(pool, patches)[0] * wide_scale
            rows.put(np.repeat(patches, repeat), np.arange(repeat) * step - width / 2, y, scale, False)
        elif kind < 0.93:
            patches, left, wide = row(rng, pool, styles, style, wide_scale, gap, 0.6 * width)
            rows.put(patches, left - width / 2, y, scale, True)
            if len(numbers):
                columns = [width / 2] if rng.random() < 0.6 else [width / 2, width * rng.uniform(0.2, 0.28)]
                edge = wide - width / 2  # right end of the row's words so far
                for right in sorted(columns):
                    price = rng.choice(numbers, 1)
                    start = right - widths(pool, price) * wide_scale
                    if start[0] > edge + 2 * gap:
                        edge = right
                        rows.put(price, start.astype(np.float64), y, scale, True)
        # Otherwise the row stays empty.
    if not rows.patches:
        rows.put(
            styles.draw(rng, int(several[0]), 1),
            np.zeros(1),
            0.0,
            capital / styles.capital[int(several[0])],
            True,
        )
    return rows.block(pool, stretch), capital


def page_layout(
    rng: np.random.Generator,
    size: int,
    pool: PatchPool,
    styles: Styles,
    pictures: Sequence[NDArray[np.uint8]],
    looks: Mapping[str, float] = PAGE_LOOKS,
) -> Layout:
    """A document: rows as on a receipt or in a letter, a table, a form, a label or a diagram, on paper or on a screen.

    looks: weights of the names in `PAGE_LOOKS`. Ink on paper may be faded; rules and boxes are not words.
    """
    canvas = Canvas(size, pool)
    look = Odds(looks).draw(rng)
    stretch = float(np.exp(rng.normal(0, 0.1)))
    content = _content(rng, look, pool, styles, size, stretch)
    block, capital = content.block, content.capital
    screen = look in _SCREENS
    angle = float(rng.normal(0, 0.004 if screen else 0.02))
    if rng.random() >= 0.95:
        angle = float(rng.choice([-0.5, 0.5, 1.0]) * np.pi)
    centre = (size * rng.uniform(0.45, 0.55), size * rng.uniform(0.46, 0.54))
    on = plane(rng, centre, angle, size / 2, 0.01 if screen else 0.04)
    background = _screen(rng, dark=look == "dark") if screen else _paper(rng)
    paper = np.array(background.paper)
    if not screen and rng.random() < (0.8 if look == "label" else 0.15):  # the sheet is in front of a background
        background = draw_background(rng, pictures, size)
        left, top, right, bottom = block.bounds
        pad = float(rng.uniform(8, 30))
        if look == "label":
            canvas.box((left - pad, top - pad, right + pad, bottom + pad), on, paper)
        else:
            canvas.plate(rng, (left - pad, -0.75 * size, right + pad, 0.75 * size), on, paper)
    ink, alpha = _ink(rng, look, paper)
    _rules(rng, canvas, content, on, ink, paper, screen)
    canvas.text(rng, block, on, ink, alpha, min(capital, 8.0))
    return canvas.finish(background, draw_degradation(rng, 0.3 if screen else 0.7, capital))


def _content(
    rng: np.random.Generator, look: str, pool: PatchPool, styles: Styles, size: int, stretch: float
) -> Content:
    kind = _ON_SCREENS.draw(rng) if look in _SCREENS else look
    if kind in _DRAWN:
        return _DRAWN[kind](rng, pool, styles, size, stretch)
    return Content(*_write(rng, pool, styles, size, stretch))


def _screen(rng: np.random.Generator, dark: bool) -> Background:
    """A uniform colour: near black or dark, or near white."""
    light = rng.uniform(8, 70) if dark else rng.uniform(225, 255)
    tint = np.clip(light + rng.normal(0, 9 if dark else 4, 3), 0, 255)
    return Background(paper=(float(tint[0]), float(tint[1]), float(tint[2])))


def _ink(rng: np.random.Generator, look: str, paper: Colour) -> tuple[Colour, float]:
    """The colour of the letters and their opacity."""
    if look == "dark":
        ink = rng.uniform(140, 255) + rng.normal(0, 25 if rng.random() < 0.3 else 4, 3)
    elif look == "screen":
        ink = paper * rng.uniform(0.05, 0.55) + rng.normal(0, 30 if rng.random() < 0.25 else 4, 3)
    elif look == "thermal":  # grey to violet, often faint
        ink = paper * rng.uniform(0.25, 0.72) + np.array([0.0, -6.0, 10.0])
    else:
        ink = paper * rng.uniform(0.03, 0.6) + rng.normal(0, 6, 3)
    return np.clip(ink, 0, 255), float(rng.uniform(0.85, 1.0) if look in _SCREENS else rng.uniform(0.55, 1.0))


def _rules(
    rng: np.random.Generator, canvas: Canvas, content: Content, on: Matrix, ink: Colour, paper: Colour, screen: bool
) -> None:
    """Draws shaded fields, then lines, in colours between the paper's and the ink's."""
    shade = paper + (ink - paper) * float(rng.uniform(0.06, 0.25))
    for bounds in content.fields:
        canvas.box(bounds, on, shade)
    line = paper + (ink - paper) * float(rng.uniform(0.15, 0.6) if screen else rng.uniform(0.4, 1.0))
    for bounds in content.lines:
        canvas.box(bounds, on, line, layer=FRAME)
