"""The requests that clients make."""

from dataclasses import dataclass
from typing import Literal, cast

from spotter.client.options import Options, Query, query
from spotter.client.sources import Body, Source, body_of

JSON, LINES = "application/json", "application/x-ndjson"
Form = Literal["text", "hocr", "alto", "tsv", "png", "pdf"]
"""Forms of an answer: docs/service.md explains each."""


@dataclass(frozen=True)
class Call:
    """A request. body: None for GET."""

    path: str
    query: Query
    body: Body | None = None
    accept: str = JSON

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def repeatable(self) -> bool:
        """Whether the request may be repeated even if the service may have processed it."""
        return self.body is None

    def headers(self, seconds: float) -> dict[str, str]:
        """The request's headers. seconds: the client's deadline, which the service is told."""
        headers = {"Accept": self.accept}
        if self.body is not None:
            headers["Content-Type"] = self.body.media_type
            headers["Content-Length"] = str(len(self.body.content))
            headers["X-Request-Timeout-Ms"] = str(max(1, int(seconds * 1000)))
        return headers


def get(path: str) -> Call:
    """A request for information about the service."""
    return Call(path, [], accept="*/*")


def spot(source: Source, options: Options) -> Call:
    """A request for an answer in JSON. Raises SourceError and MissingPackageError, as do all functions below."""
    return Call("/spot", query(_telling(options)), body_of(source))


def spot_pages(source: Source, options: Options, accept: str = JSON) -> Call:
    """A request for an answer by pages."""
    asked = cast(Options, {"pages": "1-", **_telling(options)})
    return Call("/spot", query(asked), body_of(source), accept)


def spot_as(source: Source, form: Form, options: Options) -> Call:
    """A request for an answer in another form."""
    return Call("/spot", [("format", form), *query(options)], body_of(source), "*/*")


def page_picture(source: Source, page: int, side: int | None) -> Call:
    """A request for a page's picture."""
    asked: Query = [("page", str(page)), *([] if side is None else [("side", str(side))])]
    return Call("/v1/page", asked, body_of(source), "*/*")


def _telling(options: Options) -> Options:
    return cast(Options, {"detail": "blocks", **options})
