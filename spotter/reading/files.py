"""Reads files without a server: pictures, and PDFs and TIFFs page by page, as the service answers them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from PIL import Image

from spotter.reading import imaging
from spotter.reading.carried import read_carried
from spotter.reading.errors import ProblemError
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.pages import MOST_PAGES, PDF_SIDE, Document, FilePage, has_pages
from spotter.reading.prepared import Prepared
from spotter.reading.reader import Read, Reader
from spotter.reading.selection import select_pages
from spotter.registry.manifest import InputSpec


@dataclass(frozen=True)
class FileReader:
    """Reads files with a `Reader`.

    min_score: None for the model's. closest: longest side of a second look in pixels, 0 for none. characters: whether
    words include their characters. pages: of documents, in the form of `selection.PAGES`, None for all; where it is
    given, a picture is a document of one page. pdf: what is read of a PDF's page: its picture (`ocr`), its embedded
    text (`text`), or the embedded text where that seems complete and else the picture (`auto`). most_pages: the most
    pages of a document that are read at once.
    """

    reader: Reader
    hints: Hints = NO_HINTS
    min_score: float | None = None
    closest: int = 0
    characters: bool = False
    pages: str | None = None
    pdf: Literal["auto", "ocr", "text"] = "auto"
    most_pages: int = MOST_PAGES

    def prepare(self, data: bytes) -> Prepared | None:
        """The graph's input for a picture; None for a file that is read page by page. Raises ProblemError."""
        if self.pages is not None or has_pages(data):
            return None
        return self._picture(data, self.hints.spec(self.reader.input))

    @contextlib.contextmanager
    def read(self, data: bytes, prepared: Prepared | None) -> "Iterator[FileRead]":
        """The pages of a file; prepared: the result of `prepare`. The pages' pictures are available until the context
        ends. Raises ProblemError."""
        if prepared is not None:
            found = self._read(prepared, lambda spec: self._picture(data, spec))
            yield FileRead(None, [PageRead(0, found, None, lambda: imaging.decode(data, self.reader.limits))])
            return
        side = max(self.hints.max_side or 0, PDF_SIDE)
        with Document(data, self.reader.limits, side) as document:
            numbers = select_pages(self.pages, document.count, self.most_pages)
            yield FileRead(document.count, [self._page(document, number) for number in numbers], document)

    def _page(self, document: Document, number: int) -> "PageRead":
        page, fresh = document.page(number), document.page(number)  # a PDF's page holds the pixels that were drawn
        try:
            carried = page.text(self.pdf == "text") if document.carries_text and self.pdf != "ocr" else None
            if carried is not None:
                return PageRead(number, read_carried(*carried, self.hints), "text", fresh.picture)
            prepared = self._drawn(page, self.hints.spec(self.reader.input))
            found = self._read(prepared, lambda spec: self._drawn(page, spec))
            return PageRead(number, found, "picture", fresh.picture)
        except ProblemError as problem:
            return PageRead(number, problem, None, fresh.picture)

    def _read(self, prepared: Prepared, again: Callable[[InputSpec], Prepared]) -> Read:
        return self.reader.read_prepared(prepared, again, self.min_score, self.closest, self.hints, self.characters)

    def _picture(self, data: bytes, spec: InputSpec) -> Prepared:
        return imaging.prepare(data, spec, self.reader.limits, self.hints.region)

    def _drawn(self, page: FilePage, spec: InputSpec) -> Prepared:
        return page.open(spec, self.hints.region).decode()


class PageRead(NamedTuple):
    """A page. number: from 0. found: its words, or why it cannot be read. source: where its words are from, None for a
    picture. picture: gives the page's picture."""

    number: int
    found: Read | ProblemError
    source: Literal["picture", "text"] | None
    picture: Callable[[], Image.Image]


class FileRead(NamedTuple):
    """The pages read from a file. page_count: the number of a document's pages, None for a picture. document: itself,
    until it is closed; None for a picture."""

    page_count: int | None
    pages: Sequence[PageRead]
    document: Document | None = None

    def all(self) -> list[Read]:
        """All pages. Raises ProblemError where one could not be read."""
        found = []
        for page in self.pages:
            if isinstance(page.found, ProblemError):
                page.found.detail = f"page {page.number + 1}: {page.found.detail}"
                raise page.found
            found.append(page.found)
        return found
