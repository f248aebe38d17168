"""RapidOCR API: `POST /ocr` (https://rapidai.github.io/RapidOCRDocs/main/install_usage/rapidocr_api/usage.en/)."""

from typing_extensions import TypedDict

from spotter.formats.dialects.rapidocr import RapidOcrLine, as_rapidocr
from spotter.reading.errors import ProblemError
from spotter.service.compat.dialect import BASE64, BINARY, Received, Wanted, Wire, as_form, form_of, refuse_with
from spotter.service.errors import BadRequestError
from spotter.service.http.middleware import Refusal
from spotter.service.http.uploads import from_base64


class FastApiError(TypedDict):
    """The error body of a service written with FastAPI."""

    detail: str


def understand(received: Received) -> Wanted:
    """The file `image_file`, or base64 in the field `image_data`. `use_det`, `use_cls` and `use_rec` have no effect:
    detection and recognition are one step here."""
    form = as_form(lambda pages, pictures: as_rapidocr(pages[0]), pages=1)
    file, data = received.file("image_file"), received.field("image_data")
    if file is not None:
        return Wanted([bytes(file.data)], lambda threshold: form)
    if data is None:
        raise BadRequestError("the form has neither a file 'image_file' nor a field 'image_data'")
    return Wanted([from_base64("image_data", data)], lambda threshold: form)


def refuse(problem: ProblemError, request_id: str) -> Refusal:
    """`{"detail": "..."}`."""
    return refuse_with(problem, FastApiError(detail=problem.detail))


WIRE = Wire(
    True,
    understand,
    refuse,
    {
        **form_of(image_file=BINARY, image_data=BASE64),
        "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"image_data": BASE64}}},
    },
    dict[str, RapidOcrLine],
    FastApiError,
    "https://rapidai.github.io/RapidOCRDocs/main/install_usage/rapidocr_api/usage.en/",
)
