"""The definition of a dialect: another service's path, how its requests are parsed and how its answers are written."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from spotter.formats.dialects.names import DialectName
from spotter.formats.forms import Form
from spotter.reading.errors import ProblemError
from spotter.service.http.middleware import Refusal
from spotter.service.http.negotiation import JSON
from spotter.service.http.uploads import Address, Part

PREFIX = "/compat"
BINARY = {"type": "string", "format": "binary"}
BASE64 = {"type": "string", "format": "byte"}


class Received(NamedTuple):
    """A received request. body: where it is not a form. parts: the files and fields of a form."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    parts: list[Part]

    def file(self, name: str) -> Part | None:
        """The file with this name; None where there is none."""
        return next((part for part in self.parts if part.name == name and part.filename is not None), None)

    def field(self, name: str) -> str | None:
        """The text of the field with this name; None where there is none."""
        found = next((part for part in self.parts if part.name == name and part.filename is None), None)
        return None if found is None else found.data.decode("utf-8", "replace")


class Wanted(NamedTuple):
    """What a request asks for. files: at least one. form: a function of the score threshold that was used, which
    returns how the pages are written. min_score: None for the model's."""

    files: list[bytes | Address]
    form: Callable[[float], Form]
    min_score: float | None = None


class Wire(NamedTuple):
    """The protocol of a dialect. form: whether bodies are forms. understand: parses a request; raises ProblemError.
    refuse: the answer for a problem and the request's id. body: the contents of requests by media type; answer, error:
    the types of answers, None where they are not JSON; these three are for the OpenAPI document. documentation: the
    public page that it follows. media_type, headers: of answers."""

    form: bool
    understand: Callable[[Received], Wanted]
    refuse: Callable[[ProblemError, str], Refusal]
    body: dict[str, Any]
    answer: Any
    error: Any
    documentation: str
    media_type: str = JSON
    headers: Mapping[str, str] = MappingProxyType({})


class Dialect(NamedTuple):
    """path: after /compat/NAME. request, answer: descriptions for the documentation."""

    name: DialectName
    path: str
    request: str
    answer: str
    wire: Wire

    @property
    def address(self) -> str:
        """The whole path."""
        return f"{PREFIX}/{self.name}{self.path}"


def as_form(
    write: Callable[..., Any], pictures: bool = False, pages: int | None = None, media_type: str = JSON
) -> Form:
    """The form of an answer in JSON. write: a function of the pages and their pictures. pictures: whether it needs the
    pictures. pages: the most pages, None for any number."""
    return Form((media_type,), ".json", pictures, pages, lambda *given: orjson.dumps(write(*given)))


def refuse_with(problem: ProblemError, content: Mapping[str, Any]) -> Refusal:
    """A problem as JSON with these members, and with the problem's status and headers."""
    return Refusal(problem.status, JSON, orjson.dumps(content), problem.all_headers())


def form_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """The contents of a form with these properties, for the OpenAPI document."""
    return {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}
