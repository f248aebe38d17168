"""The schemas of answers, for the OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from spotter.formats.forms import FORMS
from spotter.reading.errors import MEDIA_TYPE, ProblemError
from spotter.service.http.negotiation import LINES


class ModelRef(BaseModel):
    """The model that read the picture."""

    name: str
    version: str
    digest: str = Field(examples=["sha256:..."])


class ImageSize(BaseModel):
    """The size of the upload in pixels, after its EXIF rotation."""

    width: int
    height: int


class CharacterAnswer(BaseModel):
    """A character of a word."""

    text: str
    polygon: list[tuple[float, float]] | None = Field(
        description="From its own top-left clockwise, by the column in which the recogniser wrote it; null where the "
        "bundle does not say how columns lie in the picture."
    )
    score: float = Field(description="The recogniser's probability.")


class WordAnswer(BaseModel):
    """A word. The polygon starts at the text's own top-left and runs clockwise as its reader sees it."""

    polygon: list[tuple[float, float]]
    text: str
    score: float = Field(description="How probable it is that it is a word and reads so, by both of the following.")
    detection_score: float | None = Field(
        description="How probable the detector finds it that there is a word; null where the bundle does not say."
    )
    reading_score: float | None = Field(
        description="How probable the recogniser finds its whole text; null of a PDF's own text."
    )
    direction: float = Field(description="Degrees by which it is turned clockwise, -180 to 180.")
    line: int = Field(description="Which line of the picture it is in, from 0.")
    block: int = Field(description="Which block of the picture it is in, from 0.")
    characters: list[CharacterAnswer] | None = Field(
        None, description="As they were read, with `?detail=characters`; absent of a PDF's own text."
    )
    repaired_from: str | None = Field(
        None, description="The text as it was read, where a hint let look-alike characters be replaced in it."
    )
    script: Literal["unknown"] | None = Field(
        None,
        description="`unknown`: most of the picture could not be read, so this is probably text in a script that the "
        "model does not know, read as letters that look alike. Else absent.",
    )


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
    turned: Literal[0, 90, 180, 270] = Field(
        description="Degrees by which the picture lies turned clockwise, undone before it was read."
    )
    closer_look: Literal["taken", "not_needed", "skipped"] = Field(
        description="A second look at small words, or one in parts at very many."
    )
    reason: str = Field(description="Why, or why not.")
    least_height: float = Field(description="Pixels of the upload: letters lower than about this are not looked for.")
    candidates_cut: bool = Field(description="Whether there were so many words that some may have been dropped.")
    unread: int | None = Field(
        description="How many places the detector is sure are words, but could not be read well enough to be answered; "
        "null where the bundle does not say."
    )


class SpotAnswer(BaseModel):
    """What one picture says, words, lines and blocks in reading order."""

    model: ModelRef
    image: ImageSize
    words: list[WordAnswer]
    lines: list[LineAnswer] | None = Field(None, description="With `?detail=lines` or `blocks`.")
    blocks: list[BlockAnswer] | None = Field(None, description="With `?detail=blocks`.")
    reading: Reading | None = Field(description="None of a page of a PDF whose own text was taken.")
    warnings: list[str] = Field(description="What may be missing or wrong, in words.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

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
    time: datetime


class Operators(BaseModel):
    """What runs the graph's custom operators."""

    run: Literal["native", "function", "none"] = Field(description="`none`: the graph has none of its own.")
    reason: str = Field(description="Why there are no native kernels.")


class ModelAnswer(BaseModel):
    """A model: its live version."""

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
    since: datetime = Field(description="When this model was loaded.")
    previous: ModelRef | None = Field(description="Kept for an instant rollback.")
    refused: Refused | None = Field(description="The version that the alias names, when it is not fit to serve.")


class ServedModelAnswer(BaseModel):
    """A model that this service reads with."""

    model: str = Field(description="For `?model=`.", examples=["spotter"])
    name: str
    alias: str = Field(description="What the service follows.")
    default: bool = Field(description="Whether it reads when a request names none.")
    version: str | None = Field(description="The live one; null before it is loaded.")
    digest: str | None


class ModelsAnswer(BaseModel):
    """The models of this service, the default first."""

    models: list[ServedModelAnswer]


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
    """What this build reads, accepts and writes with its settings."""

    version: str
    reads: list[Readable]
    bodies: list[str] = Field(description="Content types of `POST /spot`; of raw bodies the bytes decide.")
    json_members: list[str] = Field(alias="json", description="Of a body in JSON.")
    writes: list[str]
    parameters: list[Parameter]
    lexicons: list[str] = Field(description="Named lists of words, for `?lexicon=@NAME`.")
    limits: dict[str, float]
    compat: dict[str, list[str]] = Field(description="Other services' paths that are answered as theirs, by name.")


class Places(BaseModel):
    """Load and room, in pictures or in padded pixels."""

    inside: int = Field(description="Now: waiting, being decoded, being read.")
    most: int = Field(description="That may be inside at once.")
    room: int = Field(description="How many more would be let in now; pictures of the size of those served lately.")


class Queue(BaseModel):
    """Load and room, in seconds."""

    queue: float | None = Field(description="Seconds until what is inside will have been read; null before one was.")
    most: float = Field(description="Seconds of the longest queue that is joined.")
    room: float | None = Field(description="Seconds of work that would be let in now.")


class Pace(BaseModel):
    """Measured throughput per second while busy."""

    pictures: float
    pixels: float = Field(description="Padded ones, as they are read.")


class Capacity(BaseModel):
    """The current load and room."""

    pictures: Places
    pixels: Places
    seconds: Queue
    pace: Pace | None = Field(description="Null before a picture was read.")
    retry_after: float | None = Field(description="Seconds after which there will be room; null where there is some.")


class Health(BaseModel):
    """A state, as one word."""

    status: Literal["live", "ready"]


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


def _object(title: str, **members: Any) -> dict[str, Any]:
    """With these members and no others."""
    return {
        "title": title,
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


RAW_BODIES = ("image/*", "application/pdf", "application/x-www-form-urlencoded")
"""Other Content-Types that clients give for raw bodies. They are not in the OpenAPI document: generated clients need
only one, and some cannot use these."""
SPOT_BODY: dict[str, Any] = {
    "required": True,
    "description": "A raw body may have any Content-Type, as image/jpeg: its bytes decide.",
    "content": {
        "application/octet-stream": {"schema": _BINARY},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "A part that holds a file is a picture, whatever its name.",
                "properties": {"images": {"type": "array", "items": _BINARY}},
                "required": ["images"],
            }
        },
        "application/json": {
            "schema": {
                "oneOf": [
                    _object("Base64", image={"type": "string", "format": "byte", "description": "The file in base64."}),
                    _object(
                        "Address",
                        url={
                            "type": "string",
                            "format": "uri",
                            "description": "Where it is fetched from, where the operator allows it.",
                        },
                    ),
                ]
            }
        },
    },
}

SPOT_ANSWER: dict[str, Any] = {
    "description": "What the pictures say. In another form than JSON it has a page for each picture or page.",
    "content": {
        LINES: {"schema": {"type": "string", "description": "JSON, a line for each page or picture."}},
        **{
            form.media_types[0]: {"schema": _BINARY if form.pictures else {"type": "string"}} for form in FORMS.values()
        },
    },
}
