"""Draws words on their picture."""

import functools
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from spotter.reading.words import Page, Word

_OUTLINE = (230, 30, 90)
_LABEL = (255, 255, 255)
_SMALLEST = 8  # pixels of a label's letters
_QUICK = 1  # zlib's fastest level: photographs gain little from higher ones


def draw(picture: Image.Image, words: Sequence[Word]) -> None:
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


def _label(canvas: ImageDraw.ImageDraw, word: Word, thin: int) -> None:
    left, top = (min(values) for values in zip(*word.polygon, strict=True))
    font = _fitting(word, max(10, 12 * thin))
    box = canvas.textbbox((left, max(top, 0.0)), word.text, font=font)
    rise = min(box[3] - top + thin, box[1])
    canvas.rectangle((box[0] - thin, box[1] - rise, box[2] + thin, box[3] - rise + thin), fill=_OUTLINE)
    canvas.text((left, max(top, 0.0) - rise), word.text, fill=_LABEL, font=font)


def _fitting(word: Word, largest: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font in which the label is hardly wider than its word, so that it does not cover its neighbours'."""
    xs = [x for x, _ in word.polygon]
    wide = _font(largest).getlength(word.text)
    return _font(max(_SMALLEST, min(largest, int(largest * (max(xs) - min(xs)) / max(wide, 1.0)))))


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def write_png(page: Page, picture: Image.Image) -> bytes:
    """The picture with the page's words drawn on it, PNG."""
    drawn = picture.convert("RGB")
    draw(drawn, page.words)
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", compress_level=_QUICK)
    return buffer.getvalue()
