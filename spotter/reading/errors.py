"""Errors of reading pictures, as problems of RFC 9457 (https://www.rfc-editor.org/rfc/rfc9457). Each says whose fault
it is and what to do about it. The errors of the service are in `spotter.service.errors`."""

import json
from typing import Any, ClassVar, Literal

MEDIA_TYPE = "application/problem+json"

Fault = Literal["client", "server"]


class ProblemError(Exception):
    """A problem that is reported to the client. `detail` says what happened this time; `status` is that of HTTP."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    fault: ClassVar[Fault]
    remedy: ClassVar[str]

    def __init__(self, detail: str, *, retry_after: float | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Seconds after which the client may try again."""
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """The members of the problem object."""
        body: dict[str, Any] = {
            "type": f"urn:spotter:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "fault": self.fault,
            "remedy": self.remedy,
        }
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after_seconds
        if request_id is not None:
            body["request_id"] = request_id
        return body

    @property
    def retry_after_seconds(self) -> int:
        """Whole seconds, at least one, for the Retry-After header."""
        return max(1, -int(-(self.retry_after or 1.0) // 1))

    def all_headers(self) -> dict[str, str]:
        """Headers that go with the problem."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after_seconds)
        return headers

    def render(self, request_id: str | None = None) -> bytes:
        """The problem object as JSON."""
        return json.dumps(self.body(request_id), separators=(",", ":")).encode()


class TooManyPixelsError(ProblemError):
    status, kind, title, fault = 413, "too-many-pixels", "The picture has too many pixels", "client"
    remedy = "Scale the picture down; detail says the limit."


class UnsupportedPictureError(ProblemError):
    status, kind, title, fault = 415, "unsupported-picture", "This is not a picture that we read", "client"
    remedy = "Send a kind of file that detail or /v1/capabilities names."


class BrokenPictureError(ProblemError):
    status, kind, title, fault = 422, "broken-picture", "The picture does not decode", "client"
    remedy = "Send the picture whole and undamaged."


class RegionOffPictureError(ProblemError):
    status, kind, title, fault = 422, "region-off-picture", "The region lies off the picture", "client"
    remedy = "Give the region in pixels of the picture after its EXIF rotation."


class InvalidParameterError(ProblemError):
    status, kind, title, fault = 422, "invalid-parameter", "A parameter has a value that cannot be", "client"
    remedy = "Correct the parameter that detail names."
