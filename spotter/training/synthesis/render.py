"""Renders one word as an alpha patch with the positions of its text and characters."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

MARGIN = 4  # empty pixels around the ink, so that a warp fades out
SPACED = 0.25  # of the em: tracking from which letters count as widely spaced
_TIGHT = 0.05  # of the text's height: margin between the ink and the box, as in real annotations


@dataclass(frozen=True)
class Style:
    """The style of a group of words; lengths are shares of the em.

    size: pixels per em. tracking: added between characters. stroke: the outline's width. arc: height of the middle of a
    word above its ends, as a share of its width; 0 is straight.
    """

    font: int
    size: int
    tracking: float = 0.0
    stroke: float = 0.0
    arc: float = 0.0


@dataclass(frozen=True)
class Patch:
    """alpha: uint8 [h, w], both multiples of 4. quad: (left, top, right, bottom) of the text. boundaries: float32
    [len(text) + 1], x where each character starts and the last one ends. baseline: y. All in pixels of the patch."""

    alpha: NDArray[np.uint8]
    text: str
    quad: tuple[float, float, float, float]
    boundaries: NDArray[np.float32]
    baseline: float


def draw_style(rng: np.random.Generator, font: int, display: bool) -> Style:
    """A random style of one font, mostly plain."""
    size = int(rng.integers(84, 112)) if rng.random() < 0.12 else int(rng.integers(34, 50))
    tracking = 0.0
    if rng.random() < 0.28:
        kind = rng.random()  # nearly normal spacing, spaced, or widely spaced as on shop fronts
        tracking = float(rng.uniform(*((-0.04, 0.06) if kind < 0.55 else (0.05, 0.35) if kind < 0.85 else (0.3, 0.9))))
    stroke = float(rng.uniform(0.02, 0.06)) if rng.random() < 0.08 else 0.0
    arc = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.04, 0.12)) if rng.random() < (0.1 if display else 0.03) else 0.0
    return Style(font, size, tracking, stroke, arc)


def render(text: str, font: ImageFont.FreeTypeFont, style: Style) -> Patch | None:
    """Draws `text`; None when it leaves no ink."""
    step = style.tracking * style.size
    starts = [font.getlength(text[:n]) + n * step for n in range(len(text) + 1)]
    starts[-1] = max(starts[-1] - step, starts[-2] + 1)
    stroke = round(style.stroke * style.size)
    ascent, descent = font.getmetrics()
    pad = MARGIN + stroke + style.size // 2
    canvas = Image.new("L", (int(starts[-1]) + 2 * pad, ascent + descent + 2 * pad), 0)
    draw = ImageDraw.Draw(canvas)
    if step:
        for character, start in zip(text, starts, strict=False):
            draw.text((pad + start, pad), character, 255, font, stroke_width=stroke)
    else:
        draw.text((pad, pad), text, 255, font, stroke_width=stroke)
    alpha = np.asarray(canvas)
    x_height = min(font.getbbox("x", anchor="ls")[1], 0)
    boundaries = np.array(starts, np.float32) + pad
    baseline = float(pad + ascent)
    patch = _trim(alpha, text, boundaries, baseline, -x_height)
    return _bend(patch, style.arc) if patch is not None and style.arc else patch


def _trim(
    alpha: NDArray[np.uint8], text: str, boundaries: NDArray[np.float32], baseline: float, x_height: float
) -> Patch | None:
    rows, columns = np.nonzero(alpha.max(1) > 60)[0], np.nonzero(alpha.max(0) > 60)[0]
    if not len(rows):
        return None
    left, right = float(columns[0]), float(columns[-1] + 1)
    # The box of a dash or a dot is as tall as that of a small letter in its place.
    top, bottom = min(float(rows[0]), baseline - x_height), max(float(rows[-1] + 1), baseline)
    grow = _TIGHT * (bottom - top)
    x0, y0 = max(int(left - grow) - MARGIN, 0), max(int(top - grow) - MARGIN, 0)
    height = -(-(int(bottom + grow) + MARGIN + 1 - y0) // 4) * 4
    width = -(-(int(right + grow) + MARGIN + 1 - x0) // 4) * 4
    cut = np.zeros((height, width), np.uint8)
    seen = alpha[y0 : y0 + height, x0 : x0 + width]
    cut[: seen.shape[0], : seen.shape[1]] = seen
    quad = (left - grow - x0, top - grow - y0, right + grow - x0, bottom + grow - y0)
    return Patch(cut, text, quad, boundaries - np.float32(x0), baseline - y0)


def _bend(patch: Patch, arc: float) -> Patch:
    """The patch bent along a parabola; the text's box grows to contain it."""
    height, width = patch.alpha.shape
    left, top, right, bottom = patch.quad
    rise = arc * (right - left)
    extra = -(-int(abs(rise) + 1) // 4) * 4
    y, x = np.indices((height + extra, width), dtype=np.float32)
    across = (x - (left + right) / 2) / max((right - left) / 2, 1.0)
    lift = np.clip(across**2, 0, 1.2) * abs(rise)  # the ends move down where the arc rises, else the middle does
    source = y - lift if rise > 0 else y - (abs(rise) - np.clip(across**2, 0, 1) * abs(rise))
    bent = np.asarray(cv2.remap(patch.alpha, x, source.astype(np.float32), cv2.INTER_LINEAR), np.uint8)
    quad = (left, top, right, bottom + abs(rise))
    return Patch(bent, patch.text, quad, patch.boundaries, patch.baseline + abs(rise) / 2)
