"""Draws the layouts of scenes (a few signs on pictures) and of sheets (pictures full of words)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spotter.training.synthesis.arrange import Block, Canvas, Colour, Matrix, Styles, contrasting, plane, text_block
from spotter.training.synthesis.background import TONES, draw_background, tones
from spotter.training.synthesis.degrade import draw_degradation
from spotter.training.synthesis.glare import draw_glare
from spotter.training.synthesis.layout import TEXT, Layout, corners, transform
from spotter.training.synthesis.pool import PatchPool

SCENE_LOOKS: Mapping[str, float] = {"faint": 0.15, "outlined": 0.06}
"""Shares of the blocks of scenes and sheets: faint ones, nearly as light as their background, and outlined ones."""

_TILTS = (0.1, 0.1, 0.1, 0.25)
"""Standard deviations of the change of depth over a block, drawn uniformly: one block in four is strongly tilted."""
_CROWDED = 1.3  # of the picture's side: where the words of a block are wider together, only one is used


def _below(seen: NDArray[np.float32], quad: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The colours [K, 3] of the background under a quad."""
    low = np.clip(quad.min(0) * TONES / size, 0, TONES - 1).astype(int)
    high = np.clip(quad.max(0) * TONES / size, 0, TONES - 1).astype(int) + 1
    return seen[low[1] : high[1], low[0] : high[0]].reshape(-1, 3)


def _angle(rng: np.random.Generator, level: float) -> float:
    """A random angle in radians: mostly near level, sometimes upright, rarely any direction."""
    kind = rng.random()
    if kind < 0.935:
        return float(rng.normal(0, np.deg2rad(level if kind < 0.6 else 3 * level)))
    if kind < 0.965:
        return float(rng.choice([-0.5, 0.5]) * np.pi + rng.normal(0, 0.05))
    return float(rng.uniform(-np.pi, np.pi)) if kind < 0.98 else float(rng.uniform(-0.8, 0.8))


def _stretch(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.5, 0.8) if rng.random() < 0.18 else np.exp(rng.normal(0, 0.12)))


def _paint(
    rng: np.random.Generator,
    canvas: Canvas,
    block: Block,
    on: Matrix,
    bounds: tuple[float, float, float, float],
    below: NDArray[np.float32],
    capital: float,
    plates: float,
    looks: Mapping[str, float],
) -> None:
    """Colours a block: on a plate, outlined, or directly on the background."""
    base: Colour = below.mean(0).astype(np.float64)
    spread = float(below.mean(1).std())
    faint = rng.random() < looks["faint"]
    if rng.random() < looks["outlined"]:
        _caption(rng, canvas, block, on, capital)
        return
    if rng.random() < plates:
        plate: Colour = rng.uniform(0, 255, 3) if rng.random() < 0.6 else contrasting(rng, base, 20)
        if rng.random() < 0.3:
            plate = np.full(3, rng.choice([20.0, 245.0])) + rng.normal(0, 8, 3)
        plate = np.clip(plate, 0, 255)
        canvas.plate(rng, bounds, on, plate)
        base, spread = plate, 0.0
    least = rng.uniform(22, 45) if faint else rng.uniform(50, 80)
    colour = contrasting(rng, base, float(min(least + spread, 120)))
    alpha = float(rng.uniform(0.6, 0.9) if rng.random() < 0.2 else rng.uniform(0.9, 1.0))
    canvas.text(rng, block, on, colour, alpha, capital)


def _caption(rng: np.random.Generator, canvas: Canvas, block: Block, on: Matrix, capital: float) -> None:
    """Letters with an outline, mostly white letters with a black one, as in subtitles and memes."""
    light = np.full(3, rng.uniform(225, 255)) if rng.random() < 0.75 else np.array([250.0, 230.0, 60.0])
    dark = np.full(3, rng.uniform(0, 25)) if rng.random() < 0.85 else rng.uniform(0, 90, 3)
    inside, outside = (light, dark) if rng.random() < 0.85 else (dark, light)
    canvas.outline(block, on, outside, max(capital * float(rng.uniform(0.05, 0.12)), 0.8))
    canvas.stamp(block.patches, on @ block.frames, inside, 1.0, TEXT, block.words)


def _heights(rng: np.random.Generator) -> tuple[float, float, int]:
    """(least, most) height of capitals in pixels, and the most blocks, of a random kind of scene."""
    kind = rng.random()
    if kind < 0.5:
        return 7.5, 30.0, 12  # streets: small and far
    return (9.0, 42.0, 9) if kind < 0.9 else (30.0, 110.0, 6)  # shop fronts; lettering for another level of the pyramid


def scene_layout(
    rng: np.random.Generator,
    size: int,
    pool: PatchPool,
    styles: Styles,
    pictures: Sequence[NDArray[np.uint8]],
    looks: Mapping[str, float] = SCENE_LOOKS,
) -> Layout:
    """Signs and lettering on a picture: a few blocks of lines, each with its own plane, style and colours.

    looks: shares, 0..1, of the blocks, by the names in `SCENE_LOOKS`.
    """
    canvas = Canvas(size, pool)
    background = draw_background(rng, pictures, size)
    seen = tones(background, pictures)
    least, most, blocks = _heights(rng)
    tilt = float(rng.normal(0, 0.03))
    for _ in range(int(rng.integers(3, blocks + 1) * max(size / 512, 0.5) + 0.5)):
        capital = float(np.exp(rng.uniform(np.log(least), np.log(most))))
        style = styles.pick(rng, capital)
        many = 0.9 if capital < 40 else 0.35  # few big words fit
        lines = 1 + int(rng.exponential(many))
        rows = [1 + int(min(rng.exponential(many), 4)) for _ in range(min(lines, 5))]
        stretch = _stretch(rng)
        block = text_block(rng, pool, styles, style, capital, rows, stretch)
        if len(block.patches) > 1 and block.bounds[2] - block.bounds[0] > _CROWDED * size:
            # A long address or code gets its own block; together with other words it would be too small to read.
            block = text_block(rng, pool, styles, style, capital, [1], stretch)
        cut = bool(rng.random() < 0.12)
        if not cut:  # text that is too wide for the picture is scaled down
            left, top, right, bottom = block.bounds
            too_big = max((right - left) / (0.92 * size), (bottom - top) / (0.92 * size), 1.0)
            if too_big > 1:
                block = _scaled(block, 1 / too_big, pool)
                capital /= too_big
        _settle(rng, canvas, block, tilt + _angle(rng, 5), capital, seen, cut, plates=0.45, looks=looks)
    layout = canvas.finish(background, draw_degradation(rng))
    return replace(layout, glare=draw_glare(rng, layout, pool, pictures, highlights=0.15, reflections=0.1))


def _scaled(block: Block, scale: float, pool: PatchPool) -> Block:
    return Block(block.patches, np.diag([scale, scale, 1.0]) @ block.frames, block.words, pool)


def _settle(
    rng: np.random.Generator,
    canvas: Canvas,
    block: Block,
    angle: float,
    capital: float,
    seen: NDArray[np.float32],
    cut: bool,
    plates: float,
    looks: Mapping[str, float],
) -> None:
    """Paints the block at a free position; gives up after a few attempts."""
    left, top, right, bottom = block.bounds
    middle = np.eye(3)
    middle[:2, 2] = -(left + right) / 2, -(top + bottom) / 2
    pad_x, pad_y = (float(value) * capital for value in rng.uniform(0.12, 0.7, 2))
    bounds = (left - pad_x, top - pad_y, right + pad_x, bottom + pad_y)
    box = corners(np.array([bounds]))
    extent = float(np.hypot(right - left, bottom - top)) / 2
    reach = (abs(np.cos(angle)) * (right - left) + abs(np.sin(angle)) * (bottom - top)) / 2 + pad_x
    rise = (abs(np.sin(angle)) * (right - left) + abs(np.cos(angle)) * (bottom - top)) / 2 + pad_y
    tilt = float(rng.choice(_TILTS))
    for _ in range(6):
        if cut:
            centre = (float(rng.uniform(0, canvas.size)), float(rng.uniform(0, canvas.size)))
        else:
            centre = (
                float(rng.uniform(min(reach, canvas.size / 2), max(canvas.size - reach, canvas.size / 2))),
                float(rng.uniform(min(rise, canvas.size / 2), max(canvas.size - rise, canvas.size / 2))),
            )
        on = plane(rng, centre, angle, extent, tilt) @ middle
        quad = transform(on[None], box)[0]
        if canvas.fits(quad, cut):
            _paint(rng, canvas, block, on, bounds, _below(seen, quad, canvas.size), capital, plates, looks)
            return


def sheet_layout(
    rng: np.random.Generator,
    size: int,
    pool: PatchPool,
    styles: Styles,
    pictures: Sequence[NDArray[np.uint8]],
    looks: Mapping[str, float] = SCENE_LOOKS,
) -> Layout:
    """Rows of as many words as fit into a picture, a few at a time in one style and colour, so that a step sees many
    words.

    looks: shares, 0..1, of the blocks, by the names in `SCENE_LOOKS`.
    """
    canvas = Canvas(size, pool)
    background = draw_background(rng, pictures, size)
    seen = tones(background, pictures)
    turned = rng.random()
    angle = float(rng.normal(0, 0.06))
    if turned < 0.05:
        angle += float(rng.choice([-np.pi / 2, np.pi / 2, np.pi])) if turned < 0.03 else float(rng.uniform(-0.8, 0.8))
    sheet = plane(rng, (size / 2, size / 2), angle, size / 2, 0.05)
    half = size / 2
    y = -half - float(rng.uniform(0, 10))
    tallest = float(np.exp(rng.uniform(np.log(13), np.log(90))))
    lowest = max(8.0, tallest / 6)
    while y < half:
        row = float(np.exp(rng.uniform(np.log(lowest), np.log(tallest * (2.5 if rng.random() < 0.08 else 1.0)))))
        x = -half + float(rng.uniform(-0.5, 1.5)) * row
        while x < half:
            capital = row * float(rng.uniform(0.75, 1.05))
            block = text_block(
                rng, pool, styles, styles.pick(rng, capital), capital, [int(rng.integers(1, 4))], _stretch(rng)
            )
            left, top, right, bottom = block.bounds
            pad = 0.12 * capital
            bounds = (left - pad, top - pad, right + pad, bottom + pad)
            wobble = float(rng.normal(0, 0.02))
            turn = np.array(
                [[np.cos(wobble), -np.sin(wobble), x - left], [np.sin(wobble), np.cos(wobble), y - top], [0, 0, 1]]
            )
            on = sheet @ turn
            quad = transform(on[None], corners(np.array([bounds])))[0]
            if quad.max() > 0 and canvas.fits(quad, cut=True):
                _paint(rng, canvas, block, on, bounds, _below(seen, quad, size), capital, 0.4, looks)
            x += right - left + float(rng.uniform(0.4, 2.2)) * row
        y += row * float(rng.uniform(1.5, 2.2))
    layout = canvas.finish(background, draw_degradation(rng, 0.8, 10.0))
    return replace(layout, glare=draw_glare(rng, layout, pool, pictures, highlights=0.15, reflections=0.05))
