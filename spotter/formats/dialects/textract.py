"""Amazon Textract's DetectDocumentText (https://docs.aws.amazon.com/textract/latest/dg/API_DetectDocumentText.html)."""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from typing import NotRequired

from typing_extensions import TypedDict

from spotter.formats.dialects.geometry import extent_of, relative
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Page

_IDS = 1 << 48
"""The most blocks of an answer with different ids."""


class TextractBox(TypedDict):
    """Shares of the page's width and height."""

    Width: float
    Height: float
    Left: float
    Top: float


class TextractPoint(TypedDict):
    """Shares of the page's width and height."""

    X: float
    Y: float


class TextractGeometry(TypedDict):
    """The polygon begins at the text's own top-left and runs clockwise. RotationAngle: degrees clockwise."""

    BoundingBox: TextractBox
    Polygon: list[TextractPoint]
    RotationAngle: float


class TextractRelationship(TypedDict):
    """The blocks that a block consists of."""

    Type: str
    Ids: list[str]


class TextractBlock(TypedDict):
    """A PAGE, a LINE of it, or a WORD of that. Confidence: percent."""

    BlockType: str
    Id: str
    Geometry: TextractGeometry
    Page: int
    Confidence: NotRequired[float]
    Text: NotRequired[str]
    TextType: NotRequired[str]
    Relationships: NotRequired[list[TextractRelationship]]


class TextractDocument(TypedDict):
    """The number of pages."""

    Pages: int


class TextractAnswer(TypedDict):
    """For each page its PAGE block, its LINE blocks and their WORD blocks."""

    DocumentMetadata: TextractDocument
    Blocks: list[TextractBlock]
    DetectDocumentTextModelVersion: str


def as_textract(pages: Sequence[Page]) -> TextractAnswer:
    """The pages' lines and words in reading order."""
    base = uuid.uuid4().int & ~(_IDS - 1)
    names = (str(uuid.UUID(int=base | number)) for number in itertools.count())
    return {
        "DocumentMetadata": {"Pages": len(pages)},
        "Blocks": [block for number, page in enumerate(pages, 1) for block in _blocks(page, number, names)],
        "DetectDocumentTextModelVersion": "1.0",
    }


def _blocks(page: Page, number: int, names: Iterator[str]) -> list[TextractBlock]:
    width, height = page.size
    lines: list[TextractBlock] = []
    words: list[TextractBlock] = []
    for line in page.lines:
        own: list[str] = []
        for word in line.words:
            own.append(next(names))
            words.append(
                {
                    "BlockType": "WORD",
                    "Confidence": round(100 * word.score, 2),
                    "Text": word.text,
                    "TextType": "PRINTED",
                    "Geometry": _geometry(word.polygon, word.direction, page.size),
                    "Id": own[-1],
                    "Page": number,
                }
            )
        lines.append(
            {
                "BlockType": "LINE",
                "Confidence": round(100 * line.score, 2),
                "Text": line.text,
                "Geometry": _geometry(line.polygon, line.degrees, page.size),
                "Id": next(names),
                "Relationships": [{"Type": "CHILD", "Ids": own}],
                "Page": number,
            }
        )
    whole: TextractBlock = {
        "BlockType": "PAGE",
        "Geometry": _geometry([[0, 0], [width, 0], [width, height], [0, height]], 0.0, page.size),
        "Id": next(names),
        "Page": number,
    }
    if lines:
        whole["Relationships"] = [{"Type": "CHILD", "Ids": [line["Id"] for line in lines]}]
    return [whole, *lines, *words]


def _geometry(polygon: Polygon, degrees: float, size: tuple[int, int]) -> TextractGeometry:
    width, height = size
    left, top, right, bottom = extent_of(polygon, size)
    return {
        "BoundingBox": {
            "Width": (right - left) / width,
            "Height": (bottom - top) / height,
            "Left": left / width,
            "Top": top / height,
        },
        "Polygon": [{"X": x, "Y": y} for x, y in relative(polygon, size)],
        "RotationAngle": round(degrees % 360, 1),
    }
