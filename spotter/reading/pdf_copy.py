"""A copy of a PDF that gets searchable text on its own pages, by PDFium. To be used in an isolated process, as `pdf`.

The text of a page arrives as a PDF of one page, and becomes a form XObject at the end of the page's content, whose
other streams stay as they are. A page that would look different afterwards is refused: PDFium drops resources of which
it does not see the use, as those that old files' forms take from their page.
"""

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from spotter.reading.errors import BrokenPictureError
from spotter.reading.pdf import Pdf
from spotter.reading.scaling import Pixels

_SEEN = 512
"""The long side in pixels at which a page is compared with what it was."""
_ALIKE = 16
"""The most that a channel of a pixel may differ: numbers are written with fewer digits."""
_DEPTH = 3
"""Forms within forms that are searched for visible objects."""
_GROWTH, _SPARE = 4, 1 << 20
"""The copy may be so many times as large as the file and all text layers, and so many bytes: compressed objects are
written one by one."""


class PdfCopy(Pdf):
    """A PDF whose pages may be changed, each once."""

    def __init__(self, data: bytes) -> None:
        """Raises BrokenPictureError."""
        super().__init__(data)
        self._most = _GROWTH * len(data) + _SPARE

    def bare(self, number: int, side: int) -> list[tuple[str, Any]]:
        """Takes off a page's invisible text, which an earlier reader put there, and returns the words that stay and can
        be searched: text and polygon, as those of `text`. Raises BrokenPictureError."""
        page = self._page(number)
        hidden = [each for each in _objects(page) if _is_hidden(each)]
        if hidden:
            before = self.draw(number, _SEEN)
            for each in hidden:
                if not pdfium.FPDFPage_RemoveObject(page, each):
                    raise BrokenPictureError(f"the text of page {number + 1} cannot be replaced")
                pdfium.FPDFPageObj_Destroy(each)
            self._write(page, number, before)
            page = self._page(number)
        words, _ = self._words(page, number, side)
        return [(word.text, word.polygon) for word in words if not word.unknown]

    def lay(self, number: int, layer: bytes) -> None:
        """Puts the content of a PDF of one page on a page, from edge to edge as it is shown. Raises
        BrokenPictureError."""
        page, before = self._page(number), self.draw(number, _SEEN)
        self._most += _GROWTH * len(layer)
        with pypdfium2.PdfDocument(layer) as source:
            width, height = source[0].get_size()
            form = pdfium.FPDF_NewXObjectFromPage(self._document, source, 0)
            placed = pdfium.FPDF_NewFormObjectFromXObject(form)
            pdfium.FPDF_CloseXObject(form)
        corner, right, up = (_at(page, *place) for place in ((0, 1), (1, 1), (0, 0)))
        along, upwards = ([(end[axis] - corner[axis]) for axis in (0, 1)] for end in (right, up))
        matrix = (along[0] / width, along[1] / width, upwards[0] / height, upwards[1] / height, *corner)
        pdfium.FPDFPageObj_SetMatrix(placed, pdfium.FS_MATRIX(*matrix))
        pdfium.FPDFPage_InsertObject(page, placed)
        self._write(page, number, before)

    def save(self, numbers: Sequence[int]) -> bytes:
        """The file with these of its pages. Raises BrokenPictureError."""
        if numbers == list(range(self.count)):
            return self._saved(self._document)
        with pypdfium2.PdfDocument.new() as part:
            part.import_pages(self._document, list(numbers))
            return self._saved(part)

    def _write(self, page: Any, number: int, before: Pixels) -> None:
        """Writes the content of a changed page, and compares its look with what it was."""
        if not pdfium.FPDFPage_GenerateContent(page):
            raise BrokenPictureError(f"page {number + 1} cannot be written")
        count = pdfium.FPDFPage_CountObjects(page)
        page.close()
        after = self.draw(number, _SEEN)
        changed = np.abs(before.astype(np.int16) - after).max() > _ALIKE
        if changed or pdfium.FPDFPage_CountObjects(self._page(number)) < count:
            raise BrokenPictureError(f"page {number + 1} cannot be written as it is")

    def _saved(self, document: Any) -> bytes:
        written = bytearray()

        def write(_: Any, block: Any, size: int) -> int:
            if len(written) + size > self._most:
                return 0
            written.extend(ctypes.string_at(block, size))
            return 1

        target = pdfium.FPDF_FILEWRITE(version=1)
        pypdfium2.internal.set_callback(target, "WriteBlock", write)
        if not pdfium.FPDF_SaveAsCopy(document, target, pdfium.FPDF_NO_INCREMENTAL):
            raise BrokenPictureError("the PDF cannot be written anew")
        return bytes(written)


def _objects(page: Any) -> Iterator[Any]:
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        yield pdfium.FPDFPage_GetObject(page, index)


def _is_hidden(found: Any, depth: int = 0) -> bool:
    """Whether an object is invisible text, or a form of nothing else."""
    match pdfium.FPDFPageObj_GetType(found):
        case pdfium.FPDF_PAGEOBJ_TEXT:
            return bool(pdfium.FPDFTextObj_GetTextRenderMode(found) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)
        case pdfium.FPDF_PAGEOBJ_FORM if depth < _DEPTH:
            count = pdfium.FPDFFormObj_CountObjects(found)
            parts = (pdfium.FPDFFormObj_GetObject(found, index) for index in range(count))
            return count > 0 and all(_is_hidden(each, depth + 1) for each in parts)
    return False


def _at(page: Any, right: int, down: int) -> tuple[float, float]:
    """A corner of the page as it is shown, in the coordinates of its content."""
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDF_DeviceToPage(page, 0, 0, 1, 1, 0, right, down, x, y)
    return x.value, y.value
