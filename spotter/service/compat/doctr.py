"""docTR's REST API: `POST /ocr` (https://mindee.github.io/doctr/latest/deployment/web_api.html)."""

from collections.abc import Sequence

from spotter.formats.dialects.doctr import DoctrAnswer, as_doctr
from spotter.reading.errors import InvalidParameterError
from spotter.reading.words import Page
from spotter.service.compat.dialect import BINARY, Received, Wanted, Wire, as_form, form_of
from spotter.service.compat.rapidocr import FastApiError, refuse
from spotter.service.errors import BadRequestError

_TRUTHS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


def understand(received: Received) -> Wanted:
    """Files of the name `files`: pictures, or one PDF. `?assume_straight_pages=false` asks for corners instead of
    upright rectangles; other options, which choose and tune docTR's models, have no effect."""
    files = [part for part in received.parts if part.filename is not None and part.name in ("files", "file")]
    if not files:
        raise BadRequestError("the form has no file of the name 'files'")
    asked = received.query.get("assume_straight_pages", "true")
    straight = _TRUTHS.get(asked.lower())
    if straight is None:
        raise InvalidParameterError(f"assume_straight_pages: {asked[:64]!r} is neither true nor false")
    names = [part.filename or "" for part in files]

    def write(pages: Sequence[Page], pictures: object) -> list[DoctrAnswer]:
        # A document is always the only file, and all its pages have its name.
        return as_doctr(pages, names if len(names) == len(pages) else names * len(pages), straight)

    form = as_form(write)
    return Wanted([bytes(part.data) for part in files], lambda threshold: form)


WIRE = Wire(
    True,
    understand,
    refuse,
    form_of(files={"type": "array", "items": BINARY}),
    list[DoctrAnswer],
    FastApiError,
    "https://mindee.github.io/doctr/latest/deployment/web_api.html",
)
