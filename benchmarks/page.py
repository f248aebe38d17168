"""A drawn page of small print: how many of its words are read, and how long that takes."""

import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import table
from benchmarks.pictures import font
from spotter.reading import imaging
from spotter.reading.reader import Reader
from spotter.service.settings import Settings

A4 = (2480, 3508)
"""Pixels at 300 dots an inch."""
DOTS = 300
MARGIN = 150
WORDS = (
    "the", "of", "and", "to", "a", "in", "is", "with", "for", "on", "that", "by", "this", "from", "or", "be", "are",
    "not", "which", "each", "between", "before", "after", "under", "Water", "paper", "house", "Every", "letter",
    "winter", "Number", "table", "river", "market", "bread", "Monday", "measure", "distance", "afternoon", "journey",
    "Instructions", "temperature", "quickly", "through", "garden", "ink", "zero", "expected", "visible", "jacket",
)  # fmt: skip
"""The words from which the page is drawn; one in twenty is replaced by a number."""


@dataclass(frozen=True)
class PageRead:
    """words: printed on the page; found: read; right: share of the printed ones that were read, case as printed, each
    as often as it is there. side: pixels of the long side at which they were read. seconds: from pixels to words."""

    words: int
    found: int
    right: float
    side: int
    closer_look: str
    seconds: float


def draw(words: int, points: float, seed: int = 0) -> tuple[Image.Image, list[str]]:
    """A page with this many words in evenly spaced lines, and the words in order. Raises ValueError where they do not
    fit."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", A4, "white")
    canvas, face = ImageDraw.Draw(image), font(round(points * DOTS / 72))
    space, right = canvas.textlength(" ", face), A4[0] - MARGIN
    lines: list[list[tuple[float, str]]] = []
    x = float(right)
    for number in range(words):
        text = str(rng.integers(10_000)) if number % 20 == 19 else WORDS[rng.integers(len(WORDS))]
        width = canvas.textlength(text, face)
        if x + width > right:
            lines.append([])
            x = MARGIN
        lines[-1].append((x, text))
        x += width + space
    pitch = (A4[1] - 2 * MARGIN) / len(lines)
    if pitch < face.size:
        raise ValueError(f"{words} words of {points:g} points do not fit the page")
    for number, line in enumerate(lines):
        for x, text in line:
            canvas.text((x, MARGIN + number * pitch), text, "black", face)
    return image, [text for line in lines for _, text in line]


def read(reader: Reader, words: int, points: float) -> PageRead:
    """Reads such a page as the service does, with a closer look where it takes one. Raises ValueError."""
    image, printed = draw(words, points)
    pixels = np.asarray(image)
    began = time.perf_counter()
    again = partial(imaging.prepare_pixels, pixels)
    found = reader.read_prepared(reader.prepare(pixels), again, None, Settings().max_working_side)
    seconds = time.perf_counter() - began
    texts = [word.text for word in found.page.words]
    right = sum((Counter(texts) & Counter(printed)).values()) / words
    how = found.account["reading"]
    return PageRead(words, len(texts), right, max(how["width"], how["height"]), how["closer_look"], seconds)


def as_table(pages: list[PageRead]) -> str:
    """For people."""
    rows = [
        (str(each.words), each.found, 100 * each.right, each.side, each.closer_look, each.seconds) for each in pages
    ]
    return table.render(("words", "found", "right, %", "read at", "closer look", "seconds"), rows)


def as_dicts(pages: list[PageRead]) -> list[dict[str, object]]:
    """For JSON."""
    return [asdict(each) for each in pages]
