"""Draws the layouts of receipts and documents."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Block, Canvas, Styles, place, plane, widths
from spotter.training.synthesis.degrade import draw_degradation
from spotter.training.synthesis.ground import draw_ground
from spotter.training.synthesis.layout import Ground, Layout
from spotter.training.synthesis.pool import PatchPool


@dataclass
class _Rows:
    """Words put down so far, in the page's plane."""

    patches: list[NDArray[np.int64]]
    left: list[NDArray[np.float64]]
    baseline: list[float]
    scale: list[float]
    words: list[bool]

    def put(
        self, patches: NDArray[np.int64], left: NDArray[np.float64], baseline: float, scale: float, words: bool
    ) -> None:
        self.patches.append(patches)
        self.left.append(left)
        self.baseline.append(baseline)
        self.scale.append(scale)
        self.words.append(words)

    def block(self, pool: PatchPool, stretch: float) -> Block:
        counts = [len(patches) for patches in self.patches]
        patches = np.concatenate(self.patches)
        baseline, scale = np.repeat(self.baseline, counts), np.repeat(self.scale, counts)
        frames = place(pool, patches, np.concatenate(self.left), baseline, scale, stretch)
        return Block(patches, frames, np.repeat(self.words, counts), pool)


def _paper(rng: np.random.Generator) -> Ground:
    light = rng.uniform(150, 252)
    tint = light + rng.normal(0, 5, 3)
    shading = rng.normal(0, rng.uniform(0, 14), (5, 5)).astype(np.float32)
    return Ground(paper=(float(tint[0]), float(tint[1]), float(tint[2])), shading=shading)


def _row(
    rng: np.random.Generator, pool: PatchPool, styles: Styles, style: int, scale: float, gap: float, room: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Words from x = 0 on as far as there is room: (patches, left edges, width)."""
    patches = styles.draw(rng, style, int(rng.integers(1, 10)))
    ends = np.cumsum(widths(pool, patches) * scale + gap)
    count = max(int(np.searchsorted(ends - gap, room, side="right")), 1)
    left = np.concatenate([[0.0], ends[: count - 1]])
    return patches[:count], left, float(ends[count - 1] - gap)


def _write(rng: np.random.Generator, pool: PatchPool, styles: Styles, size: int, stretch: float) -> tuple[Block, float]:
    """A column of rows as on a receipt or in a letter, about the origin, and the height of its capitals."""
    family = styles.mono if rng.random() < 0.5 else styles.page
    several = rng.choice(family, 3)
    capital = float(np.exp(rng.uniform(np.log(6.2), np.log(15.5))))
    width = size * rng.uniform(0.55, 1.05)
    pitch = capital * rng.uniform(1.6, 2.5)
    prose = rng.random() < 0.25
    rows = _Rows([], [], [], [], [])
    y = -size / 2 - rng.uniform(0, 1) * pitch
    while y < size / 2:
        # One face for most rows; a heading or a total may stand in another.
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
            patches, left, _ = _row(rng, pool, styles, style, wide_scale, gap, width)
            rows.put(patches, left - width / 2, y, scale, True)
        elif kind < 0.38:
            patches, left, wide = _row(rng, pool, styles, style, wide_scale, gap, 0.8 * width)
            rows.put(patches, left - wide / 2, y, scale, True)
        elif kind < 0.46 and rules is not None:
            patches = rng.choice(rules, 1)
            repeat = int(max(width // max(widths(pool, patches)[0] * wide_scale, 1.0), 1))
            step = widths(pool, patches)[0] * wide_scale
            rows.put(np.repeat(patches, repeat), np.arange(repeat) * step - width / 2, y, scale, False)
        elif kind < 0.93:
            patches, left, wide = _row(rng, pool, styles, style, wide_scale, gap, 0.6 * width)
            rows.put(patches, left - width / 2, y, scale, True)
            if len(numbers):
                columns = [width / 2] if rng.random() < 0.6 else [width / 2, width * rng.uniform(0.2, 0.28)]
                edge = wide - width / 2  # where the row's words end so far
                for right in sorted(columns):
                    price = rng.choice(numbers, 1)
                    start = right - widths(pool, price) * wide_scale
                    if start[0] > edge + 2 * gap:
                        edge = right
                        rows.put(price, start.astype(np.float64), y, scale, True)
        # Otherwise an empty row.
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
    rng: np.random.Generator, size: int, pool: PatchPool, styles: Styles, pictures: Sequence[NDArray[np.uint8]]
) -> Layout:
    """A receipt or a letter: columns, prices to the right, rules that are no words, ink that may have faded."""
    canvas = Canvas(size, pool)
    stretch = float(np.exp(rng.normal(0, 0.1)))
    block, capital = _write(rng, pool, styles, size, stretch)
    angle = float(rng.normal(0, 0.02) if rng.random() < 0.95 else rng.choice([-0.5, 0.5, 1.0]) * np.pi)
    on = plane(rng, (size * rng.uniform(0.45, 0.55), size * rng.uniform(0.46, 0.54)), angle, size / 2, 0.04)
    ground = _paper(rng)
    paper = np.array(ground.paper)
    if rng.random() < 0.15:  # the whole sheet lies on something
        ground = draw_ground(rng, pictures, size)
        left, _, right, _ = block.bounds
        pad = float(rng.uniform(8, 30))
        canvas.plate(rng, (left - pad, -0.75 * size, right + pad, 0.75 * size), on, paper)
    ink = paper * rng.uniform(0.03, 0.6) + rng.normal(0, 6, 3)
    canvas.text(rng, block, on, np.clip(ink, 0, 255), float(rng.uniform(0.55, 1.0)), min(capital, 8.0))
    return canvas.finish(ground, draw_degradation(rng, 0.7, capital))
