"""The service's errors that are not about a picture, one class each. Each has its HTTP status, and says whose fault it
is and what to do about it."""

from spotter.reading.errors import (
    BrokenPictureError,
    InvalidParameterError,
    ProblemError,
    RegionOffPictureError,
    TooManyPixelsError,
    UnsupportedPictureError,
)


class BadRequestError(ProblemError):
    status, kind, title, fault = 400, "bad-request", "The request cannot be understood", "client"
    remedy = "Correct the request; /docs shows what it may be."


class UnauthorizedError(ProblemError):
    status, kind, title, fault = 401, "unauthorized", "A key is needed", "client"
    remedy = "Send a valid key as Authorization: Bearer KEY."


class PathNotFoundError(ProblemError):
    status, kind, title, fault = 404, "not-found", "There is nothing here", "client"
    remedy = "See /docs for the paths that exist."


class ModelNotFoundError(ProblemError):
    status, kind, title, fault = 404, "model-not-found", "There is no such model here", "client"
    remedy = "Name one of the models in detail, or none for the default."


class MethodNotAllowedError(ProblemError):
    status, kind, title, fault = 405, "method-not-allowed", "This path does not take that method", "client"
    remedy = "Use a method that the Allow header names."


class UploadTimeoutError(ProblemError):
    status, kind, title, fault = 408, "upload-timeout", "The upload took too long", "client"
    remedy = "Send the picture faster, or a smaller one."


class TooManyBytesError(ProblemError):
    status, kind, title, fault = 413, "too-many-bytes", "The upload has too many bytes", "client"
    remedy = "Send fewer or smaller pictures; detail says the limit."


class UrlNotReadError(ProblemError):
    status, kind, title, fault = 422, "url-not-read", "The address cannot be read", "client"
    remedy = "Give a public address that answers with the picture, or send the picture itself."


class HeadersTooLargeError(ProblemError):
    status, kind, title, fault = 431, "headers-too-large", "The headers are too large", "client"
    remedy = "Send fewer or shorter headers; detail says the limit."


class OverloadedError(ProblemError):
    status, kind, title, fault = 429, "overloaded", "The service has all the work it can take", "server"
    remedy = "Try again after the seconds in Retry-After."


class ClientGoneError(ProblemError):
    """The client disconnected; the problem is only logged and counted."""

    status, kind, title, fault = 499, "client-gone", "The client left before the answer", "client"
    remedy = "Wait for the answer, or send a deadline."


class InternalError(ProblemError):
    status, kind, title, fault = 500, "internal", "The service made a mistake", "server"
    remedy = "Report it with the request_id."


class NotReadyError(ProblemError):
    status, kind, title, fault = 503, "not-ready", "The service is not ready", "server"
    remedy = "Try again after the seconds in Retry-After, or another replica."


class EngineFailedError(ProblemError):
    status, kind, title, fault = 503, "engine-failed", "The model could not run", "server"
    remedy = "Try again after the seconds in Retry-After; report it if it happens again."


class TooLateError(ProblemError):
    status, kind, title, fault = 504, "too-late", "The answer was not ready in time", "server"
    remedy = "Allow more time, or try again when the service is less busy."


SPOT_ERRORS: tuple[type[ProblemError], ...] = (
    BadRequestError,
    UnauthorizedError,
    ModelNotFoundError,
    UploadTimeoutError,
    TooManyBytesError,
    TooManyPixelsError,
    UnsupportedPictureError,
    BrokenPictureError,
    RegionOffPictureError,
    InvalidParameterError,
    UrlNotReadError,
    HeadersTooLargeError,
    OverloadedError,
    NotReadyError,
    EngineFailedError,
    TooLateError,
)
"""The problems with which POST /spot may answer."""
