"""The picture that benchmarks read when they are given none."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WORDS = (
    *("Harbour", "Street", "OPEN", "Coffee"),
    *("Station", "NORTH", "Bakery", "24"),
    *("Pharmacy", "EXIT", "Museum", "Parking"),
    *("Library", "HOTEL", "Market", "7.50"),
    *("Garden", "Theatre", "BANK", "Welcome"),
)
_COLUMNS = 4


def picture(width: int = 1280, height: int = 720, words: int = 20, seed: int = 0) -> NDArray[np.uint8]:
    """uint8 [height, width, 3]: so many words in rows of four, light on dark and dark on light, with soft ground
    and noise."""
    rng = np.random.default_rng(seed)
    rows = -(-words // _COLUMNS)
    coarse = rng.integers(60, 200, (5, 8, 3)).astype(np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    cell = (width / _COLUMNS, height / max(rows, 1))
    for number in range(words):
        text = WORDS[number % len(WORDS)]
        font = ImageFont.load_default(float(rng.integers(20, 44)) * height / 720)
        box = draw.textbbox((0, 0), text, font)
        x = cell[0] * (number % _COLUMNS) + max((cell[0] - (box[2] - box[0])) / 2, 0)
        y = cell[1] * (number // _COLUMNS) + max((cell[1] - (box[3] - box[1])) / 2, 0)
        dark = bool(rng.random() < 0.5)
        ground, ink = ((245, 240, 225), (25, 25, 35)) if dark else ((30, 50, 90), (250, 245, 230))
        draw.rectangle((x - 9, y + box[1] - 7, x + box[2] + 9, y + box[3] + 7), fill=ground)
        draw.text((x, y), text, ink, font)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(0.5)), np.float32)
    return np.clip(soft + rng.normal(0, 4, soft.shape), 0, 255).astype(np.uint8)


def jpeg(image: NDArray[np.uint8], quality: int = 90) -> bytes:
    """The picture as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
