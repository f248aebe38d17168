"""A file's pages as pictures: one of an ordinary picture, each frame of a TIFF, each page of a PDF."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from spotter.reading import imaging
from spotter.reading.errors import BrokenPictureError, ProblemError, TooManyPixelsError
from spotter.reading.imaging import PictureLimits, Prepared, sniff
from spotter.registry.manifest import InputSpec

PDF_MAGIC = b"%PDF-"
_PDF_SIDE = 2272  # pixels of the long side: what a second look may need
_POINTS_SIDE = 14_400  # the longest side that a PDF may have, in points (ISO 32000-1, annex C)


class Page:
    """A page that can be prepared for the graph more than once. number: from 0."""

    def __init__(self, number: int, data: bytes, limits: PictureLimits) -> None:
        self.number = number
        self._data = data
        self._limits = limits

    def prepare(self, spec: InputSpec) -> Prepared:
        """Raises ProblemError when the page does not decode."""
        return imaging.prepare(self._data, spec, self._limits)


class _Rendered(Page):
    def __init__(self, number: int, image: Image.Image) -> None:
        self.number = number
        self._image = image

    def prepare(self, spec: InputSpec) -> Prepared:
        return imaging.prepare_pixels(np.asarray(self._image, np.uint8), spec)


class _Broken(Page):
    def __init__(self, number: int, problem: ProblemError) -> None:
        self.number = number
        self._problem = problem

    def prepare(self, spec: InputSpec) -> Prepared:
        raise self._problem


def pages(data: bytes, limits: PictureLimits) -> Iterator[Page]:
    """The pages of a file, in order; one that cannot be drawn raises when it is prepared.

    Raises ProblemError when the file has no pages to give.
    """
    if data.startswith(PDF_MAGIC):
        yield from _pdf(data, limits)
    elif data and sniff(data) == "TIFF":
        yield from _tiff(data, limits)
    else:
        yield Page(0, data, limits)


def _tiff(data: bytes, limits: PictureLimits) -> Iterator[Page]:
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            count = int(getattr(image, "n_frames", 1))
    except Exception as error:  # as for any hostile bytes
        raise BrokenPictureError("the TIFF data does not decode") from error
    if count > limits.frames:
        raise TooManyPixelsError(f"{count} frames are more than {limits.frames}")
    yield Page(0, data, limits)
    for number in range(1, count):
        yield _frame(data, number, limits)


def _frame(data: bytes, number: int, limits: PictureLimits) -> Page:
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            image.seek(number)
            if image.width * image.height > limits.pixels:
                return _Broken(number, TooManyPixelsError(f"{image.width} x {image.height} pixels are too many"))
            single = io.BytesIO()
            image.save(single, "TIFF", compression="raw")
        return Page(number, single.getvalue(), limits)
    except Exception as error:  # as for any hostile bytes; the reason, for it may be the machine's
        return _Broken(number, BrokenPictureError(f"frame {number} does not decode: {type(error).__name__}: {error}"))


def _pdf(data: bytes, limits: PictureLimits) -> Iterator[Page]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        raise BrokenPictureError(f"the PDF does not open: {error}") from error
    try:
        if count > limits.frames:
            raise TooManyPixelsError(f"{count} pages are more than {limits.frames}")
        for number in range(count):
            try:
                page = document[number]
                longest = max(page.get_size())
                if not 0 < longest <= _POINTS_SIDE:
                    raise ValueError(f"a side of {longest} points")
                yield _Rendered(number, page.render(scale=_PDF_SIDE / longest).to_pil().convert("RGB"))
            except (pypdfium2.PdfiumError, ValueError) as error:
                yield _Broken(number, BrokenPictureError(f"page {number} cannot be drawn: {error}"))
    finally:
        document.close()
