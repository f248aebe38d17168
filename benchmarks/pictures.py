"""Generates pictures for benchmarks from a seed, with Pillow and its built-in font, so that they are the same on every
machine."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

WORDS = (
    "OPEN", "Bakery", "EXIT", "Museum", "Parking", "Street", "COFFEE", "12.50", "Hotel", "Market",
    "School", "TAXI", "9:30", "Garden", "Station", "SALE", "Library", "North", "Pharmacy", "Bridge",
)  # fmt: skip

Colour = tuple[int, int, int]


def draw(width: int, height: int, words: int, seed: int = 0) -> Image.Image:
    """A picture with `words` signs of one word each on a noisy background, RGB; each sign is in its own cell of a grid,
    and none touches another.

    Raises ValueError when a cell is too small for a sign.
    """
    rng = np.random.default_rng(seed)
    image = _background(width, height, rng)
    columns = max(1, round((words * width / height / 2.2) ** 0.5))
    rows = max(1, -(-words // columns))
    cell_width, cell_height = width / columns, height / rows
    canvas = ImageDraw.Draw(image)
    for number in range(words):
        text = WORDS[number % len(WORDS)]
        face = font(round(min(cell_height * 0.42, 1.2 * cell_width / len(text)) * rng.uniform(0.6, 1.0)))
        left, top, right, bottom = canvas.textbbox((0, 0), text, face)
        margin = 0.3 * face.size
        room_x, room_y = cell_width - (right - left) - 2 * margin, cell_height - (bottom - top) - 2 * margin
        if min(room_x, room_y) < 0 or face.size < 8:
            raise ValueError(f"{width} x {height} pixels are too few for {words} words")
        x = (number % columns) * cell_width + margin + room_x * rng.uniform()
        y = (number // columns) * cell_height + margin + room_y * rng.uniform()
        paper, ink = _colours(rng)
        canvas.rectangle((x - margin, y - margin, x + right - left + margin, y + bottom - top + margin), paper)
        canvas.text((x - left, y - top), text, ink, face)
    return image


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """The picture as a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _background(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    ramp = np.linspace(0, 1, height)[:, None, None]
    colours = (1 - ramp) * rng.uniform(130, 215, 3) + ramp * rng.uniform(90, 170, 3)
    noisy = colours + rng.normal(0, 6, (height, width, 1))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """The colours of paper and ink, either of which may be the dark one."""
    dark, light = _colour(rng, 0, 80), _colour(rng, 200, 255)
    return (dark, light) if rng.uniform() < 0.5 else (light, dark)


def _colour(rng: np.random.Generator, low: float, high: float) -> Colour:
    red, green, blue = rng.uniform(low, high, 3)
    return int(red), int(green), int(blue)


@lru_cache
def font(size: int) -> FreeTypeFont:
    """Pillow's built-in font, letters of so many pixels."""
    face = ImageFont.load_default(size)
    if not isinstance(face, FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType, so it cannot draw text of a given size")
    return face
