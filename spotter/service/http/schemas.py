"""What answers look like, for the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spotter.formats.forms import FORMS
from spotter.reading.errors import MEDIA_TYPE, ProblemError


class ModelRef(BaseModel):
    """The model that read."""

    name: str
    version: str
    digest: str = Field(examples=["sha256:..."])


class ImageSize(BaseModel):
    """Pixels of the upload after its EXIF rotation."""

    width: int
    height: int


class WordAnswer(BaseModel):
    """A word. The polygon starts at the text's own top-left and runs clockwise as its reader sees it."""

    polygon: list[tuple[float, float]]
    text: str
    score: float
    direction: float = Field(description="Degrees by which it is turned clockwise, -180 to 180.")
    line: int = Field(description="Which line of the picture it is in, from 0.")
    block: int = Field(description="Which block of the picture it is in, from 0.")


class LineAnswer(BaseModel):
    """Words next to each other."""

    polygon: list[tuple[float, float]]
    text: str
    score: float = Field(description="The mean of its words' scores.")
    block: int = Field(description="Which block of the picture it is in, from 0.")


class BlockAnswer(BaseModel):
    """Lines under each other: a paragraph, a table, a heading. Its text has a line for each row, and tabs between the
    cells of one."""

    polygon: list[tuple[float, float]]
    text: str
    score: float = Field(description="The mean of its words' scores.")


class Reading(BaseModel):
    """How the picture was read."""

    width: int = Field(description="Pixels at which it was read.")
    height: int
    downscaled: bool = Field(description="Whether that is less than the upload has.")
    closer_look: Literal["taken", "not_needed", "skipped"] = Field(description="A second look at small words.")
    reason: str = Field(description="Why, or why not.")
    least_height: float = Field(description="Pixels of the upload: letters lower than about this are not looked for.")
    candidates_cut: bool = Field(description="Whether there were so many words that some may have been dropped.")


class SpotAnswer(BaseModel):
    """What one picture says, words, lines and blocks in reading order."""

    model: ModelRef
    image: ImageSize
    words: list[WordAnswer]
    lines: list[LineAnswer] | None = Field(None, description="With `?detail=lines` or `blocks`.")
    blocks: list[BlockAnswer] | None = Field(None, description="With `?detail=blocks`.")
    reading: Reading
    warnings: list[str] = Field(description="What may be missing or wrong, in words.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    fault: Literal["client", "server"]
    remedy: str
    retry_after: int | None = None
    request_id: str | None = None


class SpotAnswers(BaseModel):
    """Answers to a multipart request, in the order of its parts."""

    results: list[SpotAnswer | Problem]


class Refused(BaseModel):
    """A version that is not served."""

    version: str
    reason: str
    time: str


class Operators(BaseModel):
    """What runs the graph's own operators."""

    run: Literal["native", "function", "none"] = Field(description="`none`: the graph has none of its own.")
    reason: str = Field(description="Why there are no native kernels.")


class ModelAnswer(BaseModel):
    """The live model."""

    name: str
    version: str
    digest: str
    charset: str
    score_threshold: float
    input: dict[str, Any]
    provenance: dict[str, Any]
    metrics: dict[str, Any]
    operators: Operators
    alias: str = Field(description="What the service follows.")
    since: str = Field(description="When this model was loaded.")
    previous: ModelRef | None = Field(description="Kept for an instant rollback.")
    refused: Refused | None = Field(description="The version that the alias names, when it is not fit to serve.")


class Health(BaseModel):
    """A state, in a word."""

    status: str


def problems(*errors: type[ProblemError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for errors."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = responses.setdefault(
            error.status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
        entry["description"] = "; ".join(filter(None, [entry["description"], error.title]))
        if error.status in (429, 503):
            entry["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return responses


SPOT_ANSWER: dict[str, Any] = {
    "description": "What the pictures say. A document in another form than JSON has a page for each picture.",
    "content": {
        form.media_types[0]: {"schema": {"type": "string", "format": "binary"} if form.pictures else {"type": "string"}}
        for form in FORMS.values()
    },
}

SPOT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["images"],
                "properties": {"images": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        },
    },
}
