"""LiteParse's OCR API (https://github.com/run-llama/liteparse/blob/main/OCR_API_SPEC.md)."""

from typing import NotRequired

from typing_extensions import TypedDict

from spotter.formats.dialects.geometry import extent_of
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Page


class LiteParseItem(TypedDict):
    """A line. bbox: left, top, right, bottom; polygon: from the text's own top-left clockwise. Pixels."""

    text: str
    bbox: list[float]
    confidence: float
    polygon: NotRequired[list[list[float]]]


class LiteParseAnswer(TypedDict):
    """Lines in reading order."""

    results: list[LiteParseItem]


def as_liteparse(page: Page) -> LiteParseAnswer:
    """The page's lines; a confidence is the mean of the words' scores."""
    return {
        "results": [
            {"text": line.text, "bbox": _box(line.polygon, page), "confidence": line.score, "polygon": line.polygon}
            for line in page.lines
        ]
    }


def _box(polygon: Polygon, page: Page) -> list[float]:
    return list(extent_of(polygon, page.size))
