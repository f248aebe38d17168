"""What a dialect is: another service's path, how its requests are understood and how its answers are written."""

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
    """A request whose body has come. body: of one that is no form. parts: of a form, its files and fields."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    parts: list[Part]

    def file(self, name: str) -> Part | None:
        """The file of that name, if there is one."""
        return next((part for part in self.parts if part.name == name and part.filename is not None), None)

    def field(self, name: str) -> str | None:
        """The text of the field of that name, if there is one."""
        found = next((part for part in self.parts if part.name == name and part.filename is None), None)
        return None if found is None else found.data.decode("utf-8", "replace")


class Wanted(NamedTuple):
    """What a request asks for. files: at least one. form: how the pages are written, which it is given once they are
    read; of the threshold that held. min_score: None for the model's."""

    files: list[bytes | Address]
    form: Callable[[float], Form]
    min_score: float | None = None


class Wire(NamedTuple):
    """How a dialect is spoken. form: whether bodies are forms. understand: what a request asks for; raises
    ProblemError. refuse: a problem as it is answered, with the request's id. body: the contents of requests by media
    type, answer and error: the types of answers, None where they are no JSON, all for the OpenAPI document.
    documentation: the public page that it keeps to. media_type, headers: of answers."""

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
    """path: behind /compat/NAME. request, answer: in words, for the guide."""

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
    """The form of an answer in JSON. write: of pages and their pictures. pictures: whether it shows them; pages: how
    many there may be, None for any number."""
    return Form((media_type,), ".json", pictures, pages, lambda *given: orjson.dumps(write(*given)))


def refuse_with(problem: ProblemError, content: Mapping[str, Any]) -> Refusal:
    """A problem as JSON with these members, its status and headers as they are."""
    return Refusal(problem.status, JSON, orjson.dumps(content), problem.all_headers())


def form_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """The contents of a form with these properties, for the OpenAPI document."""
    return {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}
