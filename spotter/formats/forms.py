"""The output formats by name."""

import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from PIL import Image

from spotter.formats.alto import write_alto
from spotter.formats.draw import draw
from spotter.formats.hocr import write_hocr
from spotter.formats.pdf import Original, write_over, write_pdf
from spotter.formats.text import write_text
from spotter.formats.tsv import write_tsv
from spotter.reading.errors import BrokenPictureError
from spotter.reading.words import Page

_QUICK = 1  # zlib's fastest level: photographs gain little from higher ones
FormName = Literal["text", "hocr", "alto", "tsv", "png", "pdf"]


class Form(NamedTuple):
    """An output format. media_types: its own, then others by which it may be requested. suffix: of its files. pictures:
    whether it contains the pictures. pages: the most pages of one document; None: any number. characters: whether it
    contains the characters of words that have theirs. over: writes on the pages of a PDF, where the form can."""

    media_types: tuple[str, ...]
    suffix: str
    pictures: bool
    pages: int | None
    write: Callable[[Sequence[Page], Iterable[Image.Image]], bytes]
    characters: bool = False
    over: Callable[[Sequence[Page], Original], bytes] | None = None

    def written(
        self, pages: Sequence[Page], pictures: Iterable[Image.Image], original: Original | None = None
    ) -> bytes:
        """The document of these pages. original: the PDF that they are of, whose pages are then kept where the form has
        such and they can be; else their pictures are taken."""
        if self.over is not None and original is not None:
            with contextlib.suppress(BrokenPictureError):
                return self.over(pages, original)
        return self.write(pages, pictures)

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        text = self.media_types[0].startswith("text/")
        return f"{self.media_types[0]}; charset=utf-8" if text else self.media_types[0]


def _without_pictures(write: Callable[[Sequence[Page]], bytes]) -> Callable[..., bytes]:
    return lambda pages, pictures: write(pages)


def _one_png(pages: Sequence[Page], pictures: Iterable[Image.Image]) -> bytes:
    (page,) = pages
    (picture,) = pictures
    drawn = picture.convert("RGB")
    draw(drawn, page.words)
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", compress_level=_QUICK)
    return buffer.getvalue()


FORMS: dict[FormName, Form] = {
    "text": Form(("text/plain",), ".txt", False, None, _without_pictures(write_text)),
    "hocr": Form(("text/vnd.hocr+html",), ".hocr", False, None, _without_pictures(write_hocr), True),
    "alto": Form(
        ("application/alto+xml", "application/xml", "text/xml"),
        ".xml",
        False,
        None,
        _without_pictures(write_alto),
        True,
    ),
    "tsv": Form(("text/tab-separated-values",), ".tsv", False, None, _without_pictures(write_tsv)),
    "png": Form(("image/png",), ".png", True, 1, _one_png),
    "pdf": Form(("application/pdf",), ".pdf", True, None, write_pdf, over=write_over),
}
"""All formats except JSON, which each caller writes as part of its own answer. The writers take pages and an iterator
of their pictures, RGB or grey and upright."""
