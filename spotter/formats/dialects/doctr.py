"""docTR's REST API (https://github.com/mindee/doctr/tree/main/api): pages of blocks of lines of words."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from spotter.formats.dialects.geometry import corners, extent_of, relative
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Block, Line, Page, Word


class DoctrValue(TypedDict):
    """A value that is not detected here: `confidence` is null."""

    value: float | None
    confidence: float | None


class DoctrWord(TypedDict):
    """geometry: shares of the picture's width and height; left, top, right, bottom, or the corners."""

    value: str
    geometry: list[float]
    objectness_score: float
    confidence: float
    crop_orientation: DoctrValue


class DoctrLine(TypedDict):
    """Words of a line."""

    geometry: list[float]
    objectness_score: float
    words: list[DoctrWord]


class DoctrBlock(TypedDict):
    """Lines of a block."""

    geometry: list[float]
    objectness_score: float
    lines: list[DoctrLine]


class DoctrPage(TypedDict):
    """Blocks of a page."""

    blocks: list[DoctrBlock]


class DoctrAnswer(TypedDict):
    """The answer for one page. name: of its file. dimensions: (height, width), pixels."""

    name: str
    orientation: DoctrValue
    language: DoctrValue
    dimensions: list[int]
    items: list[DoctrPage]


def as_doctr(pages: Sequence[Page], names: Sequence[str], straight: bool) -> list[DoctrAnswer]:
    """An answer for each page, with its file's name. straight: whether positions are upright rectangles
    (`assume_straight_pages`) or four corners. A word has one score for detection and recognition, which is used for
    both of docTR's scores."""
    return [_page(page, name, straight) for page, name in zip(pages, names, strict=True)]


def _page(page: Page, name: str, straight: bool) -> DoctrAnswer:
    width, height = page.size

    def place(polygon: Polygon) -> list[float]:
        if straight:
            left, top, right, bottom = extent_of(polygon, page.size)
            return [left / width, top / height, right / width, bottom / height]
        return [value for point in relative(corners(polygon), page.size) for value in point]

    def word_of(word: Word) -> DoctrWord:
        return {
            "value": word.text,
            "geometry": place(word.polygon),
            "objectness_score": round(word.score, 2),
            "confidence": round(word.score, 2),
            "crop_orientation": {"value": _quarter(word.direction), "confidence": None},
        }

    def line_of(line: Line) -> DoctrLine:
        return {
            "geometry": place(line.polygon),
            "objectness_score": round(line.score, 2),
            "words": [word_of(word) for word in line.words],
        }

    def block_of(block: Block) -> DoctrBlock:
        return {
            "geometry": place(block.polygon),
            "objectness_score": round(block.score, 2),
            "lines": [line_of(line) for line in block.lines],
        }

    return {
        "name": name,
        "orientation": {"value": 0, "confidence": None},
        "language": {"value": None, "confidence": None},
        "dimensions": [height, width],
        "items": [{"blocks": [block_of(block) for block in page.blocks]}],
    }


def _quarter(degrees: float) -> int:
    """The nearest quarter turn clockwise, -90 to 180."""
    return (round(degrees / 90) + 1) % 4 * 90 - 90
