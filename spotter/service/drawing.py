"""Pictures of pages, for programs that show words over them."""

import io
from typing import Literal

from PIL import Image

from spotter.reading.errors import InvalidParameterError
from spotter.reading.imaging import PictureLimits
from spotter.reading.pages import PDF_SIDE, Document

PictureForm = Literal["png", "jpeg"]
_OPTIONS: dict[PictureForm, dict[str, int]] = {"png": {"compress_level": 1}, "jpeg": {"quality": 90}}


def draw_page(data: bytes, limits: PictureLimits, number: int, side: int | None, form: PictureForm) -> bytes:
    """The picture of a page in which words were read, upright, RGB: for a PDF drawn with a long side of `PDF_SIDE`
    pixels, at most `side`; for a picture its own pixels, scaled down to at most `side`.

    number: from 1. Raises InvalidParameterError where there is no such page, and what opening and decoding do.
    """
    with Document(data, limits, min(side or PDF_SIDE, PDF_SIDE)) as document:
        if number > document.count:
            raise InvalidParameterError(f"page: {number} is not within the {document.count} pages that there are")
        picture = document.page(number - 1).picture()
        if side is not None:
            picture.thumbnail((side, side), Image.Resampling.BOX)
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, form.upper(), **_OPTIONS[form])
        return buffer.getvalue()
