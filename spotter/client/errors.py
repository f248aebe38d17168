"""The errors of calls: one class for each of the service's problems (RFC 9457), and those that occur without an answer.

The attribute `again` says whether the service certainly did not process the request, so that it may be sent again.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, cast


class SpotterError(Exception):
    """The base class of this package's errors."""

    again = False
    retry_after: float | None = None
    """Seconds after which the request may be repeated, where the service says so."""


class SourceError(SpotterError):
    """A source cannot be sent: the file does not exist, is no picture, or an array does not have 8 bits."""


class MissingPackageError(SpotterError, ImportError):
    """A method needs a package that is not installed; the message names it."""

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install {package}")


class UnreachableError(SpotterError):
    """There was no connection, so nothing was sent."""

    again = True


class ConnectionLostError(SpotterError):
    """The connection broke before the answer arrived. It is not known whether the service processed the request, so it
    is not sent again."""


class DeadlineError(SpotterError):
    """There was no answer within the call's timeout."""


class BadAnswerError(SpotterError):
    """The answer is not one of this service: the address may belong to another program."""


class ProblemError(SpotterError):
    """The service rejected the request, or failed. The attributes are the members of its problem document.

    kind: the last part of `type`, e.g. `broken-picture`. fault: whose fault it is. remedy: what to do about it.
    request_id: the id under which the service logged it. members: all members of the document.
    """

    kind: ClassVar[str] = ""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = dict(members)
        self.type = str(members.get("type") or "about:blank")
        self.status = int(members["status"])
        self.title = str(members.get("title") or "")
        self.detail = str(members.get("detail") or "")
        self.fault: Literal["client", "server"] = _fault(members, self.status)
        self.remedy = str(members.get("remedy") or "")
        self.retry_after = members.get("retry_after")
        self.request_id: str | None = members.get("request_id")
        super().__init__(self.members)

    def __str__(self) -> str:
        said = " ".join(filter(None, [self.title and f"{self.title}: {self.detail}".rstrip(": "), self.remedy]))
        return f"{self.status} {said or 'without a word'}"

    @property
    def again(self) -> bool:  # type: ignore[override]  # a class attribute in the other errors
        """Whether the service rejected the request temporarily, before processing it."""
        return self.status == 429 or (self.status == 503 and self.retry_after is not None)


class BadRequestError(ProblemError):
    kind = "bad-request"


class UnauthorizedError(ProblemError):
    kind = "unauthorized"


class PathNotFoundError(ProblemError):
    kind = "not-found"


class ModelNotFoundError(ProblemError):
    kind = "model-not-found"


class MethodNotAllowedError(ProblemError):
    kind = "method-not-allowed"


class UploadTimeoutError(ProblemError):
    kind = "upload-timeout"


class TooManyBytesError(ProblemError):
    kind = "too-many-bytes"


class TooManyPixelsError(ProblemError):
    kind = "too-many-pixels"


class UnsupportedPictureError(ProblemError):
    kind = "unsupported-picture"


class BrokenPictureError(ProblemError):
    kind = "broken-picture"


class RegionOffPictureError(ProblemError):
    kind = "region-off-picture"


class InvalidParameterError(ProblemError):
    kind = "invalid-parameter"


class UrlNotReadError(ProblemError):
    kind = "url-not-read"


class HeadersTooLargeError(ProblemError):
    kind = "headers-too-large"


class OverloadedError(ProblemError):
    kind = "overloaded"


class ClientGoneError(ProblemError):
    kind = "client-gone"


class InternalError(ProblemError):
    kind = "internal"


class NotReadyError(ProblemError):
    kind = "not-ready"


class EngineFailedError(ProblemError):
    kind = "engine-failed"


class TooLateError(ProblemError, DeadlineError):
    """The service reports that the deadline passed; this is also a `DeadlineError`."""

    kind = "too-late"


KINDS: dict[str, type[ProblemError]] = {each.kind: each for each in ProblemError.__subclasses__()}
_BY_STATUS: dict[int, type[ProblemError]] = {
    401: UnauthorizedError,
    404: PathNotFoundError,
    413: TooManyBytesError,
    429: OverloadedError,
    504: TooLateError,
}
"""The errors for rejections by a balancer, which do not have the service's kinds."""


def problem_from(members: Mapping[str, Any]) -> ProblemError:
    """The error of a problem document, which has at least its `status`."""
    kind = str(members.get("type", "")).rpartition(":")[2]
    return KINDS.get(kind, _BY_STATUS.get(int(members["status"]), ProblemError))(members)


def _fault(members: Mapping[str, Any], status: int) -> Literal["client", "server"]:
    if (told := members.get("fault")) in ("client", "server"):
        return cast(Literal["client", "server"], told)
    return "client" if status < 500 and status != 429 else "server"
