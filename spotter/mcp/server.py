"""The tools: the text of pictures and PDFs, and its positions."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from spotter import __version__
from spotter.client import Block, DocumentAnswer, Line, PageAnswer, PageProblem, Word
from spotter.mcp.readers import DocumentReader, ReadError

INSTRUCTIONS = """Spotter reads printed text in pictures (photographs, screenshots, scans) and PDFs: Latin letters \
with accents, Greek, digits and symbols. Use read_text for what a file says, and locate_text where positions matter. \
Give a file by its path on the machine of this server, or its bytes in base64."""
READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

FilePath = Annotated[str | None, Field(description="Path of the picture or PDF.")]
FileData = Annotated[
    str | None, Field(description="Instead of a path: the file's bytes in base64, or a data: address.")
]
Pages = Annotated[
    str | None, Field(description="Pages of a PDF or TIFF, from 1, as 1-3,7 or 5- (to the end); all if absent.")
]
Level = Literal["words", "lines", "blocks"]


class Place(BaseModel):
    """A text and its position."""

    text: str
    box: tuple[float, float, float, float] = Field(
        description="Left, top, right and bottom of the upright rectangle around it, pixels of the picture."
    )
    score: float = Field(description="How sure the reading is, 0 to 1.")


class PagePlaces(BaseModel):
    """Texts of a page, in reading order."""

    page: int = Field(description="From 1.")
    width: int = Field(description="Pixels of the picture, of a PDF's page as it was drawn.")
    height: int
    places: list[Place]
    warnings: list[str] = Field(description="What may be missing or wrong.")


class UnreadPage(BaseModel):
    """A page that could not be read."""

    page: int = Field(description="From 1.")
    problem: str


class Located(BaseModel):
    """Texts of a file; a picture has one page."""

    page_count: int = Field(description="Of the file, however many were asked for.")
    pages: list[PagePlaces | UnreadPage]


def build_server(reader: DocumentReader, roots: Sequence[Path] = ()) -> MCPServer:
    """The server. roots: folders below which files may be read; without any, all files may be read."""
    server: MCPServer = MCPServer("spotter", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    allowed = [root.resolve() for root in roots]

    def read(path: str | None, data: str | None, pages: str | None) -> DocumentAnswer:
        try:
            return reader.read(_bytes(path, data, allowed), pages)
        except ReadError as error:
            raise ToolError(str(error)) from None

    @server.tool(title="Read text", annotations=READ_ONLY)
    def read_text(path: FilePath = None, data: FileData = None, pages: Pages = None) -> str:
        """What a picture or PDF says, as plain text in reading order: a line for each row, tabs between a table's
        cells, an empty line between paragraphs. Notes in square brackets tell of pages, and of what may be missing."""
        return _as_text(read(path, data, pages))

    @server.tool(title="Locate text", annotations=READ_ONLY)
    def locate_text(
        path: FilePath = None,
        data: FileData = None,
        pages: Pages = None,
        level: Annotated[Level, Field(description="What is told one by one.")] = "lines",
    ) -> Located:
        """What a picture or PDF says and where: each word, line or block (paragraph, table) with its box and score."""
        found = read(path, data, pages)
        return Located(page_count=found.page_count, pages=[_places(page, level) for page in found.pages])

    return server


def _bytes(path: str | None, data: str | None, roots: Sequence[Path]) -> bytes:
    if (path is None) == (data is None):
        raise ToolError("Give either path or data.")
    if data is not None:
        try:
            return base64.b64decode(data.partition(",")[2] if data.startswith("data:") else data, validate=True)
        except binascii.Error as error:
            raise ToolError(f"data is not base64: {error}") from None
    file = Path(str(path)).expanduser().resolve()
    if roots and not any(file.is_relative_to(root) for root in roots):
        raise ToolError(f"{path} is not below {', '.join(map(str, roots))}, where this server may read.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}") from None


def _as_text(found: DocumentAnswer) -> str:
    several = found.page_count > 1
    parts: list[str] = []
    for page in found.pages:
        if several:
            parts.append(f"[Page {page.page} of {found.page_count}]")
        if isinstance(page, PageProblem):
            parts.append(f"[Not read: {page.error}]")
            continue
        parts.append(page.to_text() or "[No text]")
        parts.extend(f"[{warning}]" for warning in page.warnings)
    return "\n\n".join(parts)


def _places(page: PageAnswer | PageProblem, level: Level) -> PagePlaces | UnreadPage:
    if isinstance(page, PageProblem):
        return UnreadPage(page=page.page, problem=str(page.error))
    told: Sequence[Word | Line | Block] = {"words": page.words, "lines": page.lines, "blocks": page.blocks}[level] or ()
    size = page.image
    places = [_place(each) for each in told]
    return PagePlaces(page=page.page, width=size.width, height=size.height, places=places, warnings=list(page.warnings))


def _place(told: Word | Line | Block) -> Place:
    xs, ys = zip(*told.polygon, strict=True)
    return Place(text=told.text, box=(min(xs), min(ys), max(xs), max(ys)), score=told.score)
