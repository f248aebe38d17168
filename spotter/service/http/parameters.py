"""The parameters of `POST /spot`. One table defines how they are parsed, validated, documented, listed by
`/v1/capabilities` and named in errors."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from spotter.formats.structure import Detail
from spotter.reading.errors import InvalidParameterError
from spotter.reading.hints import NO_HINTS, Hints
from spotter.reading.lexicons import Lexicon, LexiconError
from spotter.reading.patterns import LONGEST, Pattern, PatternError
from spotter.reading.prepared import Region
from spotter.reading.selection import PAGES
from spotter.reading.wording import Wording
from spotter.service.http.negotiation import FormatName

REGIONS = 64
"""The most rectangles to ignore in one request."""
_RECTANGLE = r"^\d{1,6},\d{1,6},\d{1,6},\d{1,6}$"
_NAME = 64
"""The most characters of an unknown name that are compared with known names."""

NO_LEXICONS: Final[Mapping[str, Lexicon]] = {}
LISTED = 200
"""The most words of a lexicon in one request."""

_NO_LANGUAGE_MODEL = "The model has no language model: language_model=off changed nothing."


_MODEL = "The model that reads: `NAME` or `NAME@ALIAS`, one of those in `/v1/models`; the first of them if absent."


class ModelParameters(BaseModel):
    """The query parameters of `GET /v1/model`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(default=None, min_length=1, max_length=130, description=_MODEL)


class SpotParameters(BaseModel):
    """The query parameters of `POST /spot`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(
        default=None, min_length=1, max_length=130, description=_MODEL, examples=["spotter", "spotter@canary"]
    )
    min_score: float | None = Field(
        default=None, ge=0, le=1, description="Least score of a word; the model's default if absent."
    )
    detail: Detail | None = Field(
        default=None,
        description="How much the JSON tells: `words` (if absent), `lines` as well, `blocks` as well as both, or each "
        "word's `characters`, which ALTO and hOCR may tell, too.",
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
    charset: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Characters that may occur, as `0123456789`. Words with others are left out, unless look-alikes "
        "can be replaced.",
        examples=["0123456789"],
    )
    pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST,
        description="That whole words match: a small regular expression, as `[A-Z]{1,3}-\\d{2,4}`. Others are left "
        "out, unless look-alikes can be replaced.",
        examples=["[A-Z]{1,3}-\\d{2,4}"],
    )
    lexicon: str | None = Field(
        default=None,
        min_length=1,
        max_length=8000,
        description=f"Words that may occur, by commas, up to {LISTED}, or `@NAME`, a list of the service's. Others are "
        "left out, unless look-alikes can be replaced.",
        examples=["EXIT,PUSH,PULL"],
    )
    language_model: Literal["off"] | None = Field(
        default=None,
        description="`off`: changes nothing with models that have none, and says so; with one that has, it is a 422.",
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

    def hints(self, lexicons: Mapping[str, Lexicon] = NO_LEXICONS) -> Hints:
        """The hints of these parameters. lexicons: the service's, by name. Raises InvalidParameterError."""
        wording = self._wording(lexicons)
        notes = () if self.language_model is None else (_NO_LANGUAGE_MODEL,)
        if (
            self.max_side is None
            and self.region is None
            and not self.ignore
            and not self.min_height
            and not wording
            and not notes
        ):
            return NO_HINTS
        region = None if self.region is None else _rectangle("region", self.region)
        ignored = tuple(_rectangle("ignore", each) for each in self.ignore)
        return Hints(self.max_side, region, ignored, self.min_height, wording, notes)

    def _wording(self, lexicons: Mapping[str, Lexicon]) -> Wording | None:
        if self.charset is None and self.pattern is None and self.lexicon is None:
            return None
        try:
            pattern = None if self.pattern is None else Pattern(self.pattern)
        except PatternError as error:
            raise InvalidParameterError(f"pattern: {error}") from None
        charset = None if self.charset is None else frozenset(self.charset)
        return Wording(charset, pattern, None if self.lexicon is None else _lexicon(self.lexicon, lexicons))


NO_PARAMETERS = SpotParameters()


def unknown(name: str, known: type[BaseModel] = SpotParameters) -> str:
    """The message for a parameter that is not one of `known`."""
    name = name[:_NAME]
    (nearest,) = difflib.get_close_matches(name, known.model_fields, 1, 0.0)
    return f"there is no parameter {name!r}; the nearest is {nearest!r}"


def described(models: Sequence[str]) -> list[dict[str, Any]]:
    """The parameters for `/v1/capabilities`: name, description and JSON schema of each. models: the values that `model`
    may have."""
    properties = SpotParameters.model_json_schema()["properties"]
    properties["model"] = {"description": properties["model"]["description"], "type": "string", "enum": list(models)}
    return [
        {"name": name, "description": schema["description"], "schema": _bare(schema)}
        for name, schema in properties.items()
    ]


def _lexicon(text: str, known: Mapping[str, Lexicon]) -> Lexicon:
    if text.startswith("@"):
        if text[1:] not in known:
            names = ", ".join(sorted(known)) or "none"
            raise InvalidParameterError(f"lexicon: there is no list {text[1 : _NAME + 1]!r} here; there are: {names}")
        return known[text[1:]]
    words = text.split(",")
    if len(words) > LISTED:
        raise InvalidParameterError(f"lexicon: {len(words)} words are more than the {LISTED} of one request")
    try:
        return Lexicon(words)
    except LexiconError as error:
        raise InvalidParameterError(f"lexicon: {error}") from None


def _rectangle(name: str, text: str) -> Region:
    if re.fullmatch(_RECTANGLE, text) is None:
        raise InvalidParameterError(f"{name}: {text[:_NAME]!r} is not x,y,w,h in whole pixels")
    left, top, width, height = map(int, text.split(","))
    if not width or not height:
        raise InvalidParameterError(f"{name}: {text} has no pixels")
    return Region(left, top, width, height)


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("description", "title")}
