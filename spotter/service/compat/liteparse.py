"""LiteParse's OCR API: `POST /ocr` (https://github.com/run-llama/liteparse/blob/main/OCR_API_SPEC.md)."""

from typing_extensions import TypedDict

from spotter.formats.dialects.liteparse import LiteParseAnswer, as_liteparse
from spotter.reading.errors import ProblemError
from spotter.service.compat.dialect import BINARY, Received, Wanted, Wire, as_form, form_of, refuse_with
from spotter.service.errors import BadRequestError
from spotter.service.http.middleware import Refusal


class LiteParseError(TypedDict):
    """What went wrong."""

    error: str


def understand(received: Received) -> Wanted:
    """The field `language` is accepted and has no effect: one model reads all languages that it knows."""
    file = received.file("file")
    if file is None:
        raise BadRequestError("the form has no file of the name 'file'")
    form = as_form(lambda pages, pictures: as_liteparse(pages[0]), pages=1)
    return Wanted([bytes(file.data)], lambda threshold: form)


def refuse(problem: ProblemError, request_id: str) -> Refusal:
    """`{"error": "..."}`."""
    return refuse_with(problem, LiteParseError(error=problem.detail))


WIRE = Wire(
    True,
    understand,
    refuse,
    form_of(file=BINARY, language={"type": "string"}),
    LiteParseAnswer,
    LiteParseError,
    "https://github.com/run-llama/liteparse/blob/main/OCR_API_SPEC.md",
)
