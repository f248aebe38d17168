"""Draws pictures with text, identically on any machine: for the parity check and the bundle's golden picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

GOLDEN_LINES = ("OPEN DAILY 9:30", "Fresh bread and coffee", "Total 12.50")


def draw_lines(lines: Sequence[str], width: int, height: int, size: int) -> NDArray[np.uint8]:
    """uint8 [height, width, 3]: lines of dark text of `size` pixels on a light, slightly graded background."""
    background = np.linspace(225, 250, height, dtype=np.float32)[:, None, None].repeat(width, 1).repeat(3, 2)
    picture = Image.fromarray(background.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    for number, line in enumerate(lines):
        pen.text((size, size + number * 2 * size), line, fill=(25, 30, 60), font=font)
    return np.asarray(picture)
