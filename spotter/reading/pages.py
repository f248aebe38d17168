"""The pages of a file: the picture itself, the frames of a TIFF, or the pages of a PDF."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np
from PIL import Image

from spotter.reading import imaging
from spotter.reading.errors import BrokenPictureError, TooManyPixelsError
from spotter.reading.imaging import OpenedPicture, PictureLimits, Prepared, Region, prepare_pixels
from spotter.reading.isolated import SECONDS, IsolatedPicture, IsolatedProcess
from spotter.reading.kinds import kind_of
from spotter.reading.prepared import Size
from spotter.reading.sizing import cost
from spotter.reading.structure import directories, page_of
from spotter.registry.manifest import InputSpec

PDF_SIDE = 2272
"""Long side in pixels at which a page of a PDF is drawn, unless a larger one is asked for: enough for a second look."""
PDF_PIXELS = 16_000_000
"""The number of pixels from which the memory limit of a PDF's process is computed: several times a drawn page."""
MOST_PAGES = 20_000
"""The most pages of a TIFF; counting them takes time."""
PDF_MAGIC = b"%PDF-"
_MANY = (PDF_MAGIC[:4], b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

Text = list[tuple[str, list[list[float]]]]
"""Words and their polygons, pixels of the drawn page."""


class FilePage(Protocol):
    """A page that can be opened more than once. number: from 0."""

    number: int

    def open(self, spec: InputSpec, region: Region | None = None) -> "OpenedPicture | IsolatedPicture | DrawnPage":
        """As `imaging.open_picture` does. Raises ProblemError."""

    def text(self, always: bool) -> tuple[Size, Text] | None:
        """The page's size and its embedded text; None where there is none, or where it is not trusted and `always` is
        false. Raises ProblemError."""

    def prepare(self, spec: InputSpec) -> Prepared:
        """Opens and decodes. Raises ProblemError."""

    def picture(self) -> Image.Image:
        """The whole page, upright, RGB, at the size to which the words' polygons refer. Raises ProblemError."""


class Document:
    """A file with pages. It must be closed."""

    def __init__(self, data: bytes, limits: PictureLimits, side: int = PDF_SIDE) -> None:
        """side: pixels of the long side at which a PDF is drawn. Raises ProblemError."""
        self._data, self._limits, self._side = data, limits, side
        self._pdf: _Pdf | None = None
        self._directories: list[int] = []
        self.count = 1
        if not data:
            raise BrokenPictureError("the upload is empty")
        match kind_of(data).name:
            case "PDF":
                self._pdf = _Pdf(data, limits)
                self.count = self._pdf.count
            case "TIFF":
                self._directories = directories(data, MOST_PAGES)
                self.count = max(1, len(self._directories))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def page(self, number: int) -> FilePage:
        """A page, from 0 to `count` - 1."""
        if self._pdf is not None:
            return _PdfPage(number, self._pdf, self._side)
        directory = self._directories[number] if number else None
        return _Picture(number, self._data, directory, self._limits)

    def close(self) -> None:
        """Ends the process that draws a PDF."""
        if self._pdf is not None:
            self._pdf.process.close()

    @property
    def carries_text(self) -> bool:
        """Whether the file's pages may contain embedded text."""
        return self._pdf is not None

    def writable(self, deadline: float = math.inf) -> "WritablePdf":
        """A copy of a PDF. deadline: time.monotonic() seconds until which it may be changed."""
        assert self._pdf is not None
        return WritablePdf(self._data, self._limits, self._side, deadline)


def has_pages(data: bytes) -> bool:
    """Whether a file is read page by page: a PDF, or a TIFF of several pages."""
    if data[:4] not in _MANY:
        return False
    return data.startswith(PDF_MAGIC) or len(directories(data, MOST_PAGES, enough=2)) > 1


def pages(data: bytes, limits: PictureLimits) -> Iterator[FilePage]:
    """All pages of a file, in order. Raises ProblemError where it has none that can be read, or more than
    `limits.frames`."""
    document = Document(data, limits)
    if document.count > limits.frames:
        raise TooManyPixelsError(f"{document.count} pages are more than {limits.frames}")
    for number in range(document.count):
        yield document.page(number)


class _Picture:
    def __init__(self, number: int, data: bytes, directory: int | None, limits: PictureLimits) -> None:
        self.number = number
        self._data, self._directory, self._limits = data, directory, limits

    def open(self, spec: InputSpec, region: Region | None = None) -> OpenedPicture | IsolatedPicture:
        return imaging.open_picture(self._alone(), spec, self._limits, region)

    def text(self, always: bool) -> tuple[Size, Text] | None:
        return ((1, 1), []) if always else None

    def prepare(self, spec: InputSpec) -> Prepared:
        return self.open(spec).decode()

    def picture(self) -> Image.Image:
        return imaging.decode(self._alone(), self._limits)

    def _alone(self) -> bytes:
        return self._data if self._directory is None else page_of(self._data, self._directory)


class _Pdf:
    """The isolated process that opens the PDF."""

    def __init__(self, data: bytes, limits: PictureLimits) -> None:
        self.process = _process(data, limits)
        try:
            self.count = int(self.ask("pages")[0]["count"])
            if self.count < 1:
                raise BrokenPictureError("the PDF has no pages")
        except BaseException:
            self.process.close()
            raise

    def ask(self, do: str, **arguments: Any) -> tuple[dict[str, Any], bytearray]:
        return self.process.ask(do, **arguments)


class WritablePdf:
    """A copy of a PDF, in a process of its own, whose pages may get text: see `pdf_copy`. Each method raises
    BrokenPictureError where PDFium cannot do it within the limits, or not without changing the look of a page. It must
    be closed."""

    def __init__(self, data: bytes, limits: PictureLimits, side: int, deadline: float) -> None:
        """side: the long side at which pages were drawn."""
        self._process, self._side, self._deadline = _process(data, limits), side, deadline

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def bare(self, number: int) -> Text:
        """Takes off a page's invisible text, and returns the words that stay and can be searched."""
        answer, _ = self._ask("bare", number=number, side=self._side)
        words: Text = answer["words"]
        return words

    def lay(self, number: int, layer: bytes) -> None:
        """Puts the content of a PDF of one page on a page, from edge to edge as it is shown."""
        self._ask("lay", layer, number=number)

    def save(self, numbers: Sequence[int]) -> bytes:
        """The file with these of its pages."""
        _, written = self._ask("save", numbers=list(numbers))
        return bytes(written)

    def _ask(self, do: str, payload: bytes = b"", **arguments: Any) -> tuple[dict[str, Any], bytearray]:
        left = min(SECONDS, self._deadline - time.monotonic())
        return self._process.ask(do, left, payload, **arguments)


def _process(data: bytes, limits: PictureLimits) -> IsolatedProcess:
    return IsolatedProcess(data, replace(limits, pixels=min(limits.pixels, PDF_PIXELS)))


class _PdfPage:
    def __init__(self, number: int, pdf: _Pdf, side: int) -> None:
        self.number = number
        self._pdf, self._side = pdf, side
        self._drawn: np.ndarray[Any, np.dtype[np.uint8]] | None = None

    def open(self, spec: InputSpec, region: Region | None = None) -> "DrawnPage":
        answer, _ = self._pdf.ask("page", number=self.number, side=self._side, text=False)
        return DrawnPage(self, tuple(answer["size"]), spec, region)

    def text(self, always: bool) -> tuple[Size, Text] | None:
        answer, _ = self._pdf.ask("page", number=self.number, side=self._side, text=True)
        if not answer["trusted"] and not always:
            return None
        return tuple(answer["size"]), answer["words"]

    def prepare(self, spec: InputSpec) -> Prepared:
        return self.open(spec).decode()

    def picture(self) -> Image.Image:
        return Image.fromarray(self.draw())

    def draw(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        if self._drawn is None:
            answer, pixels = self._pdf.ask("draw", number=self.number, side=self._side)
            self._drawn = np.frombuffer(pixels, np.uint8).reshape(answer["shape"])
        return self._drawn


class DrawnPage:
    """A page of a PDF, with the interface of `OpenedPicture`."""

    quick = False

    def __init__(self, page: _PdfPage, size: Size, spec: InputSpec, region: Region | None) -> None:
        self._page, self._spec, self._region = page, spec, region
        shown = size if region is None else (region.within(size).width, region.within(size).height)
        self.cost = cost(*shown, spec)

    def decode(self) -> Prepared:
        """Draws the page, unless it was drawn before."""
        return prepare_pixels(self._page.draw(), self._spec, self._region)
