"""Why a call failed: the service's own problems (RFC 9457), one class each, and what happens before it answers.

`again` of an error tells whether the service certainly did not take the request, so that it may be sent once more.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, cast


class SpotterError(Exception):
    """Whatever this package raises of itself."""

    again = False
    retry_after: float | None = None
    """Seconds after which the service wants to be asked again, where it says so."""


class SourceError(SpotterError):
    """What was to be sent cannot be: no such file, no picture, an array that is none of 8 bits."""


class MissingPackageError(SpotterError, ImportError):
    """A method needs a package that is not installed; the message names it."""

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install {package}")


class UnreachableError(SpotterError):
    """There was no connection, so nothing was sent."""

    again = True


class ConnectionLostError(SpotterError):
    """The connection broke before the answer was there. Whether the request was read is unknown, so it is not sent
    again."""


class DeadlineError(SpotterError):
    """There was no answer within the seconds that the call was given."""


class BadAnswerError(SpotterError):
    """What came back is not what this service answers: the address may be another program's."""


class ProblemError(SpotterError):
    """The service refused, or failed. The members are those of its problem document.

    kind: the last part of `type`, as `broken-picture`. fault: whose it is. remedy: what to do about it. request_id:
    under which the service logged it. members: all of the document's.
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
    def again(self) -> bool:  # type: ignore[override]  # known of the others before they happen
        """Whether the service refused it for the moment, before taking it."""
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
    """The service's own word for it: a `DeadlineError`, too."""

    kind = "too-late"


KINDS: dict[str, type[ProblemError]] = {each.kind: each for each in ProblemError.__subclasses__()}
_BY_STATUS: dict[int, type[ProblemError]] = {
    401: UnauthorizedError,
    404: PathNotFoundError,
    413: TooManyBytesError,
    429: OverloadedError,
    504: TooLateError,
}
"""What a balancer's refusals are, which do not name the service's kinds."""


def problem_from(members: Mapping[str, Any]) -> ProblemError:
    """The error of a problem document, which has at least its `status`."""
    kind = str(members.get("type", "")).rpartition(":")[2]
    return KINDS.get(kind, _BY_STATUS.get(int(members["status"]), ProblemError))(members)


def _fault(members: Mapping[str, Any], status: int) -> Literal["client", "server"]:
    if (told := members.get("fault")) in ("client", "server"):
        return cast(Literal["client", "server"], told)
    return "client" if status < 500 and status != 429 else "server"
