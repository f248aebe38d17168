"""Pages to write, without a model."""

import math

from PIL import Image

from spotter.reading.characters import Character
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Page, Word, arrange
from tests.reading.layout.drawn import Drawn

SIZE = (700, 500)
EMPTY = arrange((40, 30), [])


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


def spelt() -> Page:
    """The same page with the characters of its words; of the first only their scores are known, and in the second
    look-alikes were replaced."""
    first, second, *rest = page().words
    spelt = [
        word._replace(
            characters=[Character(each, place, 0.9375) for each, place in zip(word.text, _cut(word), strict=True)]
        )
        for word in rest
    ]
    unplaced = first._replace(characters=[Character(each, None, 0.5) for each in first.text])
    repaired = second._replace(characters=[Character("@", None, 0.5)], repaired_from="@")
    return arrange(SIZE, [unplaced, repaired, *spelt])


def _cut(word: Word) -> list[Polygon]:
    """An equal part of a word's place for each of its characters."""
    (x, y), (right, end), _, (down, low) = word.polygon
    along, across = ((right - x) / len(word.text), (end - y) / len(word.text)), (down - x, low - y)
    starts = [(x + along[0] * place, y + along[1] * place) for place in range(len(word.text))]
    return [
        [[a, b], [a + along[0], b + along[1]], [a + along[0] + across[0], b + along[1] + across[1]],
         [a + across[0], b + across[1]]]
        for a, b in starts
    ]  # fmt: skip


def typeset(drawn: Drawn, degrees: float = 0) -> Page:
    """A drawn page whose words are numbered."""
    turned = drawn.turned(degrees).words
    least = [min(point[axis] for word in turned for point in word) - 20 for axis in (0, 1)]
    words = [
        Word([[round(x - least[0], 1), round(y - least[1], 1)] for x, y in word], f"word{number}", 0.75)
        for number, word in enumerate(turned)
    ]
    size = [max(point[axis] for word in words for point in word.polygon) + 20 for axis in (0, 1)]
    return arrange((math.ceil(size[0]), math.ceil(size[1])), words)


def picture() -> Image.Image:
    """White paper for it."""
    return Image.new("RGB", SIZE, "white")
