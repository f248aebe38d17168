"""Draws words on their picture."""

import functools
from collections.abc import Iterable, Sequence
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont

_OUTLINE = (230, 30, 90)
_LABEL = (255, 255, 255)
_SMALLEST = 8  # pixels of a label's letters


class Drawn(Protocol):
    """A word to be drawn. polygon: [x, y] pairs, pixels of the picture, from the text's own top-left clockwise."""

    @property
    def polygon(self) -> Iterable[Sequence[float]]: ...
    @property
    def text(self) -> str: ...


def draw(picture: Image.Image, words: Sequence[Drawn]) -> None:
    """Draws each word's polygon, its reading direction by a thicker top edge, and its text above it, in
    place.
    """
    canvas = ImageDraw.Draw(picture)
    thin = max(1, round(max(picture.size) / 800))
    for word in words:
        points = [(x, y) for x, y in word.polygon]
        half = len(points) // 2
        canvas.line([*points, points[0]], fill=_OUTLINE, width=thin)
        canvas.line(points[:half], fill=_OUTLINE, width=3 * thin)
    for word in words:
        _label(canvas, word, thin)


def _label(canvas: ImageDraw.ImageDraw, word: Drawn, thin: int) -> None:
    left, top = (min(values) for values in zip(*word.polygon, strict=True))
    font = _fitting(word, max(10, 12 * thin))
    box = canvas.textbbox((left, max(top, 0.0)), word.text, font=font)
    rise = min(box[3] - top + thin, box[1])
    canvas.rectangle((box[0] - thin, box[1] - rise, box[2] + thin, box[3] - rise + thin), fill=_OUTLINE)
    canvas.text((left, max(top, 0.0) - rise), word.text, fill=_LABEL, font=font)


def _fitting(word: Drawn, largest: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font in which the label is hardly wider than its word, so that it does not cover the labels of neighbours."""
    xs = [x for x, _ in word.polygon]
    wide = _font(largest).getlength(word.text)
    return _font(max(_SMALLEST, min(largest, int(largest * (max(xs) - min(xs)) / max(wide, 1.0)))))


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
