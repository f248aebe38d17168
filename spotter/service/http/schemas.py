"""What answers look like, for the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class SpotAnswer(BaseModel):
    """What one picture says, words in reading order."""

    model: ModelRef
    image: ImageSize
    words: list[WordAnswer]


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


class PageAnswer(SpotAnswer):
    """What one page says."""

    page: int = Field(description="From 1.")
    source: Literal["picture", "text"] = Field(description="`text`: what the PDF itself carries.")


class PageProblem(Problem):
    """Why a page could not be read."""

    page: int


class DocumentAnswer(BaseModel):
    """Answers for the pages of a PDF or TIFF, in order."""

    page_count: int = Field(description="Of the document, however many were asked for.")
    pages: list[PageAnswer | PageProblem]


class SpotAnswers(BaseModel):
    """Answers to a multipart request, in the order of its parts."""

    results: list[SpotAnswer | DocumentAnswer | Problem]


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


class Readable(BaseModel):
    """A kind of file."""

    name: str
    media_types: list[str]
    suffixes: list[str]
    pages: bool = Field(description="Whether a file may have several.")
    read: bool = Field(description="Whether it is read here.")
    needs: str | None = Field(description="What to install where it is not.")


class Parameter(BaseModel):
    """A parameter of `POST /spot`."""

    name: str
    description: str
    json_schema: dict[str, Any] = Field(alias="schema")


class Capabilities(BaseModel):
    """What this build and its settings read, accept and write."""

    version: str
    reads: list[Readable]
    bodies: list[str] = Field(description="Content types of `POST /spot`; of raw bodies the bytes decide.")
    json_members: list[str] = Field(alias="json", description="Of a body in JSON.")
    writes: list[str]
    parameters: list[Parameter]
    unsupported: dict[str, str] = Field(description="Hints that no model here can heed, and why.")
    limits: dict[str, float]


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


_BINARY = {"type": "string", "format": "binary"}

SPOT_BODY: dict[str, Any] = {
    "required": True,
    "description": "The bytes decide, whatever the Content-Type says of a raw body.",
    "content": {
        "image/*": {"schema": _BINARY},
        "application/pdf": {"schema": _BINARY},
        "application/octet-stream": {"schema": _BINARY},
        "application/x-www-form-urlencoded": {"schema": _BINARY},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "A part that holds a file is a picture, whatever its name.",
                "properties": {"images": {"type": "array", "items": _BINARY}},
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {
                    "image": {"type": "string", "format": "byte", "description": "The file in base64."},
                    "url": {
                        "type": "string",
                        "format": "uri",
                        "description": "Where it is fetched from, where the operator allows it.",
                    },
                },
            }
        },
    },
}

SPOT_LINES: dict[str, Any] = {
    "content": {
        "application/x-ndjson": {
            "schema": {
                "type": "string",
                "description": "With `Accept: application/x-ndjson`: a page or picture a line.",
            }
        }
    }
}
