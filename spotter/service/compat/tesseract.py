"""tesseract-server: `POST /tesseract` (https://github.com/hertzg/tesseract-server#http-api)."""

import difflib
from typing import Any

from typing_extensions import TypedDict

from spotter.formats.dialects.tesseract import OUTPUTS, UNWRITTEN, TesseractAnswer, Writer, as_tesseract
from spotter.formats.text import write_text
from spotter.reading.errors import InvalidParameterError, ProblemError
from spotter.service.compat.dialect import BINARY, Received, Wanted, Wire, as_form, form_of, refuse_with
from spotter.service.errors import BadRequestError
from spotter.service.http.middleware import Refusal
from spotter.service.http.uploads import load_json

OPTIONS = (
    "languages",
    "dpi",
    "pageSegmentationMethod",
    "ocrEngineMode",
    "tessDataDir",
    "userPatternsFile",
    "userWordsFile",
    "configParams",
)
_SET = ("1", "t", "true", "y", "yes")


class TesseractError(TypedDict):
    """What went wrong, and why."""

    error: str
    reason: str


def understand(received: Received) -> Wanted:
    """The file `file`, and JSON in the field `options`. Its `configParams` say whether text, TSV, hOCR or ALTO is
    printed; the other options, which choose and tune Tesseract's models, have no effect."""
    file = received.file("file")
    if file is None:
        raise BadRequestError("the form has no file of the name 'file'")
    options = load_json((received.field("options") or "{}").encode())
    for name in options:
        if name not in OPTIONS:
            (nearest,) = difflib.get_close_matches(name[:64], OPTIONS, 1, 0.0)
            raise InvalidParameterError(f"options: there is no {name[:64]!r}; the nearest is {nearest!r}")
    write = _writer(options.get("configParams"))
    form = as_form(lambda pages, pictures: as_tesseract(pages, write))
    return Wanted([bytes(file.data)], lambda threshold: form)


def refuse(problem: ProblemError, request_id: str) -> Refusal:
    """`{"error": "...", "reason": "..."}`."""
    return refuse_with(problem, TesseractError(error=problem.title, reason=problem.detail))


def _writer(variables: Any) -> Writer:
    if variables is None:
        return write_text
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise InvalidParameterError("options: configParams must be an object of strings")
    asked = [name for name, value in variables.items() if value.lower() in _SET]
    for name in UNWRITTEN:
        if name in asked:
            raise InvalidParameterError(f"options: {name} is not written here, only {', '.join(OUTPUTS)}")
    return next((write for name, write in OUTPUTS.items() if name in asked), write_text)


WIRE = Wire(
    True,
    understand,
    refuse,
    form_of(file=BINARY, options={"type": "string", "description": "JSON."}),
    TesseractAnswer,
    TesseractError,
    "https://github.com/hertzg/tesseract-server#http-api",
)
