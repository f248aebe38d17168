"""Every refusal the service can give: a class each, with its status, whose fault it is, and what to do about
it.

Rendered as problem+json (RFC 9457, https://www.rfc-editor.org/rfc/rfc9457).
"""

import json
from typing import Any, ClassVar, Literal

MEDIA_TYPE = "application/problem+json"

Fault = Literal["client", "server"]


class ServiceError(Exception):
    """A problem that is answered to the client. `detail` says what happened this time."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    fault: ClassVar[Fault]
    remedy: ClassVar[str]

    def __init__(self, detail: str, *, retry_after: float | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Seconds after which trying again is worth it."""
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
        """Whole seconds, at least one, as the Retry-After header wants them."""
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


class BadRequestError(ServiceError):
    status, kind, title, fault = 400, "bad-request", "The request cannot be understood", "client"
    remedy = "Correct the request; /docs shows what it may be."


class UnauthorizedError(ServiceError):
    status, kind, title, fault = 401, "unauthorized", "A key is needed", "client"
    remedy = "Send a valid key as Authorization: Bearer KEY."


class PathNotFoundError(ServiceError):
    status, kind, title, fault = 404, "not-found", "There is nothing here", "client"
    remedy = "See /docs for the paths that exist."


class MethodNotAllowedError(ServiceError):
    status, kind, title, fault = 405, "method-not-allowed", "This path does not take that method", "client"
    remedy = "Use a method that the Allow header names."


class UploadTimeoutError(ServiceError):
    status, kind, title, fault = 408, "upload-timeout", "The upload took too long", "client"
    remedy = "Send the picture faster, or a smaller one."


class TooManyBytesError(ServiceError):
    status, kind, title, fault = 413, "too-many-bytes", "The upload has too many bytes", "client"
    remedy = "Send fewer or smaller pictures; detail says the limit."


class TooManyPixelsError(ServiceError):
    status, kind, title, fault = 413, "too-many-pixels", "The picture has too many pixels", "client"
    remedy = "Scale the picture down; detail says the limit."


class UnsupportedPictureError(ServiceError):
    status, kind, title, fault = 415, "unsupported-picture", "This is not a picture that we read", "client"
    remedy = "Send JPEG, PNG, WebP, TIFF or BMP."


class BrokenPictureError(ServiceError):
    status, kind, title, fault = 422, "broken-picture", "The picture does not decode", "client"
    remedy = "Send the picture whole and undamaged."


class InvalidParameterError(ServiceError):
    status, kind, title, fault = 422, "invalid-parameter", "A parameter has a value that cannot be", "client"
    remedy = "Correct the parameter that detail names."


class HeadersTooLargeError(ServiceError):
    status, kind, title, fault = 431, "headers-too-large", "The headers are too large", "client"
    remedy = "Send fewer or shorter headers; detail says the limit."


class OverloadedError(ServiceError):
    status, kind, title, fault = 429, "overloaded", "The service has all the work it can take", "server"
    remedy = "Try again after the seconds in Retry-After."


class ClientGoneError(ServiceError):
    """The client left; the answer exists for the log and the counters only."""

    status, kind, title, fault = 499, "client-gone", "The client left before the answer", "client"
    remedy = "Wait for the answer, or send a deadline."


class InternalError(ServiceError):
    status, kind, title, fault = 500, "internal", "The service made a mistake", "server"
    remedy = "Report it with the request_id."


class NotReadyError(ServiceError):
    status, kind, title, fault = 503, "not-ready", "The service is not ready", "server"
    remedy = "Try again after the seconds in Retry-After, or another replica."


class EngineFailedError(ServiceError):
    status, kind, title, fault = 503, "engine-failed", "The model could not run", "server"
    remedy = "Try again after the seconds in Retry-After; report it if it happens again."


class TooLateError(ServiceError):
    status, kind, title, fault = 504, "too-late", "The answer was not ready in time", "server"
    remedy = "Allow more time, or try again when the service is less busy."


SPOT_ERRORS: tuple[type[ServiceError], ...] = (
    BadRequestError,
    UnauthorizedError,
    UploadTimeoutError,
    TooManyBytesError,
    TooManyPixelsError,
    UnsupportedPictureError,
    BrokenPictureError,
    InvalidParameterError,
    HeadersTooLargeError,
    OverloadedError,
    NotReadyError,
    EngineFailedError,
    TooLateError,
)
"""What POST /spot may answer instead of words."""
