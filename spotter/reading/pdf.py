"""Draws pages of PDFs and extracts their text, with PDFium. To be used in an isolated process (see `isolated`): PDFium
is large and not thread-safe."""

import ctypes
import math
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from spotter.reading.errors import BrokenPictureError
from spotter.reading.scaling import Pixels

POINTS_SIDE = 14_400
"""The longest side that a PDF may have, in points (ISO 32000-1, annex C)."""
CHARACTERS = 100_000
"""The most characters of a page's embedded text; a page of a newspaper has 40,000."""
_FINE = 64
"""PDFium gives positions on the drawn page in whole pixels, so they are requested for a page this many times as
large."""
_OBJECTS = 2_000
"""The most objects of a page that are searched for pictures."""
_BREAK = 0x02
"""PDFium's code of a hyphen at the end of a line, after which it gives no space."""
_UNREADABLE = 0.2
"""The share of characters without a Unicode value from which a page's embedded text is not trusted."""
_COVERED, _SPARSE = 0.5, 20
"""Where a picture covers more than this share of the page, and there are fewer than this many words, the words are a
stamp on a scan and not its text."""


class Pdf:
    """An open document; pages count from 0."""

    def __init__(self, data: bytes) -> None:
        """Raises BrokenPictureError."""
        try:
            self._document = pypdfium2.PdfDocument(data)
            self.count = len(self._document)
        except pypdfium2.PdfiumError as error:
            hint = "; send it without its password" if "assword" in str(error) else ""
            raise BrokenPictureError(f"the PDF does not open: {error}{hint}") from error

    def size(self, number: int, side: int) -> tuple[int, int]:
        """(width, height) of a page that is drawn with a long side of `side` pixels. Raises BrokenPictureError."""
        width, height = self._page(number).get_size()
        scale = side / max(width, height)
        return max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale))

    def draw(self, number: int, side: int) -> Pixels:
        """The page, RGB [H, W, 3], with a long side of `side` pixels. Raises BrokenPictureError."""
        page, (width, height) = self._page(number), self.size(number, side)
        bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGR)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, flags)
        return np.array(bitmap.to_numpy(), np.uint8)

    def text(self, number: int, side: int) -> dict[str, Any]:
        """The page's embedded text.

        words: pairs of text and polygon, pixels of the drawn page as `Word.polygon`, in the document's order; words
        that are turned get the upright rectangle around them. trusted: whether it seems to be the whole text of the
        page. Raises BrokenPictureError.
        """
        page = self._page(number)
        words, count = self._words(page, number, side)
        scanned = len(words) < _SPARSE and _cover(page) > _COVERED
        unknown = sum(word.unknown for word in words)
        trusted = bool(words) and unknown <= _UNREADABLE * count and not scanned
        return {"words": [(word.text, word.polygon) for word in words], "trusted": trusted}

    def _words(self, page: Any, number: int, side: int) -> tuple[list["_PdfWord"], int]:
        """The words of a page's embedded text, none where it is too long, and the number of its characters."""
        try:
            letters = page.get_textpage()
        except pypdfium2.PdfiumError as error:
            raise BrokenPictureError(f"the text of page {number + 1} cannot be read: {error}") from error
        count = letters.count_chars()
        if not 0 < count <= CHARACTERS:
            return [], 0
        return _words(page, letters, count, self.size(number, side)), count

    def _page(self, number: int) -> Any:
        try:
            page = self._document[number]
            longest = max(page.get_size())
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise BrokenPictureError(f"page {number + 1} cannot be read: {error}") from error
        if not 0 < longest <= POINTS_SIDE:
            raise BrokenPictureError(f"page {number + 1} has a side of {longest:g} points")
        return page


class _PdfWord(NamedTuple):
    """unknown: the number of its characters without a Unicode value."""

    text: str
    polygon: list[list[float]]
    unknown: int


def _words(page: Any, letters: Any, count: int, size: tuple[int, int]) -> list[_PdfWord]:
    words: list[_PdfWord] = []
    text, first, box, unknown = "", 0, list[float](), 0
    rectangle = pdfium.FS_RECTF()
    for index in range(count + 1):
        code = pdfium.FPDFText_GetUnicode(letters, index) if index < count else 0x20
        broken = code == _BREAK and pdfium.FPDFText_IsHyphen(letters, index) == 1
        code = ord("-") if broken else code
        space = code <= 0x20 or chr(min(code, 0x10FFFF)).isspace()
        if not space:
            if pdfium.FPDFText_HasUnicodeMapError(letters, index) == 1 or 0xE000 <= code <= 0xF8FF or code >= 0xFFFD:
                unknown += 1
            if pdfium.FPDFText_GetLooseCharBox(letters, index, rectangle):
                sides = [rectangle.left, rectangle.bottom, rectangle.right, rectangle.top]
                box = [*map(min, box[:2], sides[:2]), *map(max, box[2:], sides[2:])] if box else sides
            first, text = first if text else index, text + _character(code)
        if space or broken:
            if text and (placed := _placed(page, letters, first, box, size)):
                words.append(
                    _PdfWord(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), placed, unknown)
                )
            text, box, unknown = "", [], 0
    return words


def _character(code: int) -> str:
    """For what is no character (U+FFFE, U+FFFF), which XML cannot hold either, the replacement character."""
    return "\N{REPLACEMENT CHARACTER}" if code in (0xFFFE, 0xFFFF) else chr(min(code, 0x10FFFF))


def _placed(page: Any, letters: Any, first: int, box: list[float], size: tuple[int, int]) -> list[list[float]] | None:
    """The polygon of a word on the drawn page; None where it lies outside."""
    if not box or not all(abs(side) <= 2 * POINTS_SIDE for side in box):
        return None
    (left, top), (right, bottom) = _drawn(page, box[0], box[3], size), _drawn(page, box[2], box[1], size)
    left, right = (min(max(side, 0.0), size[0]) for side in sorted((left, right)))
    top, bottom = (min(max(side, 0.0), size[1]) for side in sorted((top, bottom)))
    if right <= left or bottom <= top:
        return None
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(letters, first, matrix)
    angle = math.atan2(matrix.b, matrix.a)
    (x, y), (further_x, further_y) = (
        _drawn(page, box[0] + far * math.cos(angle), box[1] + far * math.sin(angle), size) for far in (0.0, 100.0)
    )
    quarters = round(math.atan2(further_y - y, further_x - x) / (math.pi / 2)) % 4
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return corners[quarters:] + corners[:quarters]


def _drawn(page: Any, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, size[0] * _FINE, size[1] * _FINE, 0, x, y, across, down)
    return across.value / _FINE, down.value / _FINE


def _cover(page: Any) -> float:
    """The share of the page that its largest picture covers."""
    width, height = page.get_size()
    most = 0.0
    for seen, found in enumerate(page.get_objects(max_depth=3)):
        if seen >= _OBJECTS:
            break
        if found.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = found.get_bounds() if hasattr(found, "get_bounds") else found.get_pos()
            most = max(most, (right - left) * (top - bottom) / (width * height))
    return most
