"""Pages to write, without a model."""

import math

from PIL import Image

from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Page, Word, arrange

SIZE = (700, 500)


def box(
    x: float, y: float, width: float, height: float, degrees: float = 0, at: tuple[float, float] = (0, 0)
) -> Polygon:
    """A word at (x, y) on a page that is turned about its top-left, which is then put at `at`."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return [[at[0] + a * cosine - b * sine, at[1] + a * sine + b * cosine] for a, b in corners]


def written(lines: list[str], degrees: float = 0, at: tuple[float, float] = (0, 0)) -> list[Word]:
    """Lines of words, each letter 10 pixels wide and 20 high, from `at` on; a tab is a wide space."""
    words = []
    for number, line in enumerate(lines):
        x = 0.0
        for cell in line.split("\t"):
            for text in cell.split(" "):
                place = box(x, 30 * number, 10 * len(text), 20, degrees, at)
                words.append(Word([[round(a, 1), round(b, 1)] for a, b in place], text, 0.875))
                x += 10 * len(text) + 10
            x += 100
    return words


UPRIGHT = ["Straße & <λόγος>", "second line"]


def page() -> Page:
    """Two upright lines, a table far below them, and text at three quarter turns at the right."""
    words = written(UPRIGHT, at=(50, 50))
    words += written(["Milk\t1.20", "Bread\t2.50"], at=(50, 300))
    words += written(["turned text"], 90, at=(660, 40))
    words += written(["upside down"], 180, at=(560, 480))
    words += written(["minus ninety"], -90, at=(600, 300))
    return arrange(SIZE, words)


def picture() -> Image.Image:
    """White paper for it."""
    return Image.new("RGB", SIZE, "white")
