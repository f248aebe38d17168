"""The parameters of `POST /spot`: one table, by which they are parsed, validated, documented, listed by
`/v1/capabilities` and named in errors."""

import difflib
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spotter.formats.structure import Detail
from spotter.reading.errors import InvalidParameterError
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.prepared import Region
from spotter.reading.selection import PAGES
from spotter.service.http.negotiation import FormatName

REGIONS = 64
"""The most rectangles to ignore in one request."""
_RECTANGLE = r"^\d{1,6},\d{1,6},\d{1,6},\d{1,6}$"
_NAME = 64
"""The length up to which an unknown name is compared with known ones."""

UNSUPPORTED = {
    "language_model": "the graph decides with its language model inside, and has no input to switch it",
    "charset": "the graph answers each character's best reading, and no others to choose from",
    "pattern": "the graph answers each character's best reading, and no others to choose from",
    "lexicon": "the graph answers each character's best reading, and no others to choose from",
}
"""Parameters of other services that no bundle supports."""


class SpotParameters(BaseModel):
    """The query parameters of `POST /spot`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_score: float | None = Field(
        default=None, ge=0, le=1, description="Least score of a word; the model's default if absent."
    )
    detail: Detail | None = Field(
        default=None,
        description="How much the JSON tells: `words` (if absent), `lines` as well, `blocks` as well as both, or each "
        "word's `characters`.",
    )
    format: FormatName | None = Field(
        default=None,
        description="Of the answer: `json`, `text`, `hocr`, `alto`, `tsv`, `png` or `pdf`; by the `Accept` header if "
        "absent.",
    )
    max_side: int | None = Field(
        default=None,
        ge=64,
        le=16_384,
        description="Pixels of the long side at which the picture is read, small ones enlarged up to 16 times; as its "
        "words need if absent.",
    )
    region: str | None = Field(
        default=None,
        pattern=_RECTANGLE,
        description="`x,y,w,h`, pixels of the upload after its EXIF rotation: only there is read.",
        examples=["100,50,640,200"],
    )
    ignore: list[str] = Field(
        default_factory=list,
        max_length=REGIONS,
        description=f"`x,y,w,h` likewise: words whose centre lies there are left out. Up to {REGIONS} times.",
        examples=[["0,0,200,80"]],
    )
    min_height: float = Field(
        default=0.0,
        ge=0,
        le=65_535,
        description="Pixels of the upload: lower words are left out, and the picture is not looked at again for them.",
    )
    pages: str | None = Field(
        default=None,
        pattern=PAGES,
        max_length=1000,
        description="Pages of a PDF or TIFF, from 1: `1-3,7`, `5-` to the end; all if absent. The answer then has "
        "`pages`.",
        examples=["1-3,7"],
    )
    pdf: Literal["auto", "ocr", "text"] = Field(
        default="auto",
        description="What is read of a PDF's page: its picture (`ocr`), the text that it carries (`text`), or that "
        "text where it seems to be all of it and else the picture (`auto`).",
    )

    def hints(self) -> Hints:
        """The hints for reading. Raises InvalidParameterError."""
        if self.max_side is None and self.region is None and not self.ignore and not self.min_height:
            return NO_HINTS
        region = None if self.region is None else _rectangle("region", self.region)
        return Hints(self.max_side, region, tuple(_rectangle("ignore", each) for each in self.ignore), self.min_height)


NO_PARAMETERS = SpotParameters()


def unknown(name: str, known: type[BaseModel] = SpotParameters) -> str:
    """The message for a parameter that is not among the `known` ones."""
    name = name[:_NAME]
    if name in UNSUPPORTED and known is SpotParameters:
        return f"{name}: it is not supported, for {UNSUPPORTED[name]}"
    (nearest,) = difflib.get_close_matches(name, known.model_fields, 1, 0.0)
    return f"there is no parameter {name!r}; the nearest is {nearest!r}"


def described() -> list[dict[str, Any]]:
    """The parameters for `/v1/capabilities`: name, description, and JSON schema."""
    properties = SpotParameters.model_json_schema()["properties"]
    return [
        {"name": name, "description": schema["description"], "schema": _bare(schema)}
        for name, schema in properties.items()
    ]


def _rectangle(name: str, text: str) -> Region:
    if re.fullmatch(_RECTANGLE, text) is None:
        raise InvalidParameterError(f"{name}: {text[:_NAME]!r} is not x,y,w,h in whole pixels")
    left, top, width, height = map(int, text.split(","))
    if not width or not height:
        raise InvalidParameterError(f"{name}: {text} has no pixels")
    return Region(left, top, width, height)


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("description", "title")}
