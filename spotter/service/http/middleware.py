"""Middleware for every request: request ids, access log, metrics, problems for errors, and CORS.

Pure ASGI, so that handlers notice when a client disconnects.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spotter.reading.errors import MEDIA_TYPE, ProblemError
from spotter.service.errors import BadRequestError, InternalError, NotReadyError, TooLateError
from spotter.service.telemetry.metrics import Metrics
from spotter.service.telemetry.timing import Timing
from spotter.service.telemetry.tracing import Spans

access = logging.getLogger("spotter.access")
logger = logging.getLogger(__name__)

GAVE_UP = 499
"""The status with which requests are counted and logged whose client disconnected."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
TRACE = ("traceparent", "tracestate")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""Headers of every answer. Exceptions: /docs, which loads scripts, has no policy; and `spotter.security_headers` in the
scope replaces them."""
PATHS = frozenset(
    {
        "/spot",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/v1/model",
        "/v1/models",
        "/v1/capabilities",
        "/v1/page",
        "/v1/capacity",
        "/docs",
        "/openapi.json",
    }
)


class Refusal(NamedTuple):
    """A problem as it is answered."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str]


Refuse = Callable[[ProblemError, str], Refusal]
"""Makes the answer for a problem and the request's id."""


class Observe:
    """Wraps the application. Answers carry `X-Request-Id` and, where stages were timed, `Server-Timing`."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        spans: Spans | None = None,
        readers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """readers: paths other than /spot where pictures are read, and the names with which they are counted."""
        self._app = app
        self._metrics = metrics
        self._spans = spans
        self._names = {**{path: path for path in PATHS}, **readers}
        self._readers = frozenset({"/spot", *readers.values()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        timing = Timing(time.monotonic())
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        scope["spotter.timing"], scope["spotter.request_id"] = timing, request_id
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_headers(scope, request_id, timing)]}
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._finish(scope, headers, request_id, status or GAVE_UP, timing)

    def _finish(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        request_id: str,
        code: int,
        timing: Timing,
    ) -> None:
        seconds = time.monotonic() - timing.began
        path = self._names.get(scope["path"], "other")
        # A client whose own deadline passed counts like one that disconnected, and not as an error of the service.
        self._metrics.answered(
            path,
            GAVE_UP if timing.client_deadline and code == TooLateError.status else code,
            seconds if path in self._readers else None,
        )
        if path in self._readers or code >= 400:
            line: dict[str, Any] = {
                "method": scope["method"],
                "path": path,
                "status": code,
                "ms": round(seconds * 1000, 2),
                "request_id": request_id,
                **{f"{stage}_ms": round(value * 1000, 2) for stage, value in timing.seconds.items()},
            }
            parent = headers.get(b"traceparent", b"")
            if trace := _TRACEPARENT.fullmatch(parent):
                line["trace_id"] = trace[1].decode()
            access.info(line)
            if self._spans is not None:
                parents = {name: headers[name.encode()].decode("latin-1") for name in TRACE if name.encode() in headers}
                self._spans.record(scope["method"], path, code, request_id, parents, timing)


class Problems:
    """Answers exceptions of the paths and of inner middleware with a problem."""

    def __init__(self, app: ASGIApp, refusal: Callable[[str], Refuse | None] = lambda path: None) -> None:
        """refusal: the function that answers a path's problems, where they have a form of their own."""
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            await self._refuse(error, scope["path"], scope["spotter.request_id"], None if begun else send)
        except asyncio.CancelledError:
            # Only the server cancels a request, when it has waited long enough to stop. Its own answer would be a 500.
            stopped = NotReadyError("the service stopped before the answer was ready", retry_after=1)
            await self._refuse(stopped, scope["path"], scope["spotter.request_id"], None if begun else send)

    async def _refuse(self, error: Exception, path: str, request_id: str, send: Send | None) -> None:
        # A separate function: the error references the frame that raised it, whose variables would keep the upload in
        # memory.
        problem = error if isinstance(error, ProblemError) else InternalError("an unexpected error")
        if problem is not error:
            logger.error("request %s failed", request_id, exc_info=error)
        if send is not None:
            refuse = self._refusal(path) or as_problem
            status, media_type, body, headers = refuse(problem, request_id)
            await send_answer(status, media_type, body, send, headers)


class Cors(CORSMiddleware):
    """Starlette's middleware, with refusals as BadRequestError."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code >= 400:
            raise BadRequestError(bytes(response.body).decode())
        return response


def _headers(scope: Scope, request_id: str, timing: Timing) -> list[tuple[bytes, bytes]]:
    security = scope.get("spotter.security_headers", SECURITY_HEADERS)
    headers = [(b"x-request-id", request_id.encode()), *security]
    if scope["path"] == "/docs":
        headers = [(name, value) for name, value in headers if name != b"content-security-policy"]
    if timing.seconds:
        headers.append((b"server-timing", timing.server_timing().encode()))
    return headers


def as_problem(problem: ProblemError, request_id: str) -> Refusal:
    """A problem in the form of RFC 9457."""
    return Refusal(problem.status, MEDIA_TYPE, problem.render(request_id), problem.all_headers())


async def send_answer(
    status: int, media_type: str, body: bytes, send: Send, headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Sends a complete ASGI answer."""
    own = {"content-type": media_type, "content-length": str(len(body)), **headers}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in own.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
