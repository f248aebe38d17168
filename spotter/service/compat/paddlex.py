"""PaddleX's serving of the OCR pipeline: `POST /ocr`
(https://paddlepaddle.github.io/PaddleX/latest/en/pipeline_usage/tutorials/ocr_pipelines/OCR.html)."""

import uuid
from collections.abc import Iterable, Sequence

from PIL import Image
from typing_extensions import TypedDict

from spotter.formats.dialects.paddlex import PaddleXAnswer, as_paddlex
from spotter.formats.forms import Form
from spotter.reading.errors import InvalidParameterError, ProblemError
from spotter.reading.pages import has_pages
from spotter.reading.words import Page
from spotter.service.compat.dialect import Received, Wanted, Wire, as_form, refuse_with
from spotter.service.http.middleware import Refusal
from spotter.service.http.uploads import Address, from_base64, load_json

_ADDRESS = ("http://", "https://")


class PaddleXError(TypedDict):
    """errorCode: the answer's status."""

    logId: str
    errorCode: int
    errorMsg: str


def understand(received: Received) -> Wanted:
    """`file` is base64 or an address; `textRecScoreThresh` is the least score, `visualize` whether the pages come back
    with their words drawn on them. `fileType` and the options that tune PaddleX's models have no effect: the kind of
    file is recognised by its bytes."""
    members = load_json(received.body)
    file, kind = members.get("file"), members.get("fileType")
    if not isinstance(file, str):
        raise InvalidParameterError("file: it must be a string, base64 or an address")
    if kind not in (None, 0, 1):
        raise InvalidParameterError("fileType: it must be 0 for a PDF or 1 for a picture")
    least, visualize = members.get("textRecScoreThresh"), members.get("visualize")
    if least is not None and not (isinstance(least, int | float) and 0 <= least <= 1):
        raise InvalidParameterError("textRecScoreThresh: it must be a number from 0 to 1")
    if not isinstance(visualize, bool | None):
        raise InvalidParameterError("visualize: it must be true, false or null")
    found = Address(file) if file[:8].lower().startswith(_ADDRESS) else from_base64("file", file)
    paged = kind == 0 or (isinstance(found, bytes) and has_pages(found))

    def form(threshold: float) -> Form:
        def write(pages: Sequence[Page], pictures: Iterable[Image.Image]) -> PaddleXAnswer:
            shown = None if visualize is False else pictures
            return as_paddlex(pages, shown, paged or len(pages) > 1, threshold, str(uuid.uuid4()))

        return as_form(write, pictures=visualize is not False)

    return Wanted([found], form, least)


def refuse(problem: ProblemError, request_id: str) -> Refusal:
    """`{"logId": "...", "errorCode": 422, "errorMsg": "..."}`."""
    return refuse_with(problem, PaddleXError(logId=request_id, errorCode=problem.status, errorMsg=problem.detail))


WIRE = Wire(
    False,
    understand,
    refuse,
    {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "description": "Base64, or an address where the operator allows it."},
                    "fileType": {"enum": [0, 1, None]},
                    "textRecScoreThresh": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "visualize": {"type": ["boolean", "null"]},
                },
            }
        }
    },
    PaddleXAnswer,
    PaddleXError,
    "https://paddlepaddle.github.io/PaddleX/latest/en/pipeline_usage/tutorials/ocr_pipelines/OCR.html",
)
