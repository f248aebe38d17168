"""Limits that uvicorn's HTTP protocol lacks: on the size of a request's head, on the time until it has arrived, and on
the number of connections.

The handlers limit the body of a request (see `uploads`).
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from spotter.reading.errors import MEDIA_TYPE, ProblemError
from spotter.service.errors import BadRequestError, HeadersTooLargeError, NotReadyError, UploadTimeoutError
from spotter.service.http.middleware import SECURITY_HEADERS, access
from spotter.service.telemetry.metrics import Metrics

LINGER_SECONDS = 1.0
"""Seconds for which a rejected client may continue to send, unread, before its connection is closed."""
RESERVE = 8
"""Connections beyond the limit that may only request PROBES, so that health checks work when all connections are in
use."""
PROBES = frozenset({b"/health/live", b"/health/ready", b"/metrics"})
_UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)
_DISPUTED = re.compile(rb"\A\r\n|\r(?!\n)|(?<!\r)\n|\n[ \t]")
"""Line endings that parsers disagree about."""


@dataclass(frozen=True)
class HttpLimits:
    """head_bytes: the most bytes of request line and headers. head_seconds: the longest time until these have arrived,
    and for the rest of a body that is not read any more. connections: the most open at once, without the reserve.
    """

    head_bytes: int
    head_seconds: float
    connections: int


def without_upgrade(data: bytes, limit: int) -> bytes:
    """`data`, the beginning of a request, without its Upgrade header, which a server may ignore (RFC 9110, 7.8).

    It is returned unchanged where the head is incomplete, longer than `limit`, or has line endings that parsers
    disagree about.
    """
    end = data.find(b"\r\n\r\n", 0, limit)
    head = data[: max(end, 0)]
    if b"\nupgrade:" not in head.lower() or _DISPUTED.search(head):
        return data
    return _UPGRADE.sub(b"", head) + data[end:]


class Corked:
    """A transport that buffers the head of an answer until its body follows, so that both are sent in one system call
    and packet.

    stays: whether the client is still sending when the connection is to be closed. The connection is then only
    half-closed, and the caller closes it later.
    """

    def __init__(self, transport: asyncio.Transport, stays: Callable[[], bool] = lambda: False) -> None:
        self._transport = transport
        self._stays = stays
        self._head = b""
        self._ended = False

    def write(self, data: bytes) -> None:
        if self._ended:
            return
        if not self._head and data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100 "):
            self._head = data
        else:
            self.flush(data)

    def flush(self, data: bytes = b"") -> None:
        """Writes the buffer, and `data`."""
        head, self._head = self._head, b""
        if head or data:
            self._transport.write(head + data)

    def end(self, data: bytes) -> None:
        """Writes the end of the answer; later data is dropped."""
        self.flush(data)
        self._transport.write_eof()
        self._ended = True

    def close(self) -> None:
        # Closing at once would reset the connection while the client is sending, and the client would lose the answer.
        if not self._transport.is_closing() and self._stays():
            self.end(b"")
        else:
            self.flush()
            self._transport.close()

    def is_closing(self) -> bool:
        return self._ended or self._transport.is_closing()


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol with limits. `bounded_http` makes the class for uvicorn."""

    limits: HttpLimits
    metrics: Metrics
    _problem: ProblemError | None = None
    _reason: ProblemError | None = None
    _timer: asyncio.TimerHandle | None = None
    _reserved = False
    _in_message = False
    _in_head = False
    _head_bytes = 0
    _head_received = 0
    _begins_with = 0  # size of the last received data, until a message begins in it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._corked = Corked(transport, lambda: self.cycle.more_body)
        self._reserved = self._full
        if len(self.connections) > self.limits.connections + RESERVE:
            self._refuse(self._no_place())
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._problem is not None:
            return
        self._head_received += len(data)
        self._begins_with = 0 if self._in_message else len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data if self._in_message else without_upgrade(data, self.limits.head_bytes))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(self._reason or BadRequestError("the bytes are no HTTP request"))
        if self._in_head and self._problem is None:
            if self._head_received > self.limits.head_bytes:
                # The parser buffers an unfinished header without calling back.
                self._refuse(self._too_large())
            elif self._timer is None:  # a head that arrives in one piece needs no timer
                self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._head_bytes = 0
        self._head_received, self._begins_with = self._begins_with, 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._count(len(name) + len(value) + 4)
            super().on_header(name, value)
        # otherwise it is a trailer of a chunked body, which is ignored

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        if self.parser.should_upgrade():  # otherwise its body would be parsed as another request's head
            self._stop(BadRequestError("this connection cannot change its protocol: send no Upgrade header"))
        self._reserved = self._reserved and self._full
        if self._reserved and httptools.parse_url(self.url).path not in PROBES:
            self._stop(self._no_place())
        super().on_headers_complete()
        self.cycle.transport = self._corked  # type: ignore[assignment]
        if self._reserved:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_message = False
        self._stop_timer()
        if self._corked.is_closing():  # the rest of a body that was refused early
            self.transport.close()

    def on_response_complete(self) -> None:
        self._corked.flush()  # the answer to HEAD has no body
        unread = self.cycle.more_body and not self.transport.is_closing()
        super().on_response_complete()
        if unread and self._timer is None:  # the rest of a body that was refused early
            self._start_timer()

    @property
    def _full(self) -> bool:
        return len(self.connections) > self.limits.connections

    def _no_place(self) -> ProblemError:
        return NotReadyError(f"{self.limits.connections} connections are open", retry_after=1)

    def _stop(self, problem: ProblemError) -> NoReturn:
        """Ends parsing, from within a callback of the parser, and refuses the connection."""
        self._reason = problem
        raise problem

    def _count(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > self.limits.head_bytes:
            self._stop(self._too_large())

    def _too_large(self) -> ProblemError:
        return HeadersTooLargeError(f"the request line and headers have more than {self.limits.head_bytes} bytes")

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.limits.head_seconds, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(UploadTimeoutError(f"the headers were not complete after {self.limits.head_seconds:g} s"))
        else:
            self.transport.close()

    def _refuse(self, problem: ProblemError) -> None:
        """Answers without the application and closes the connection."""
        if self._corked.is_closing():  # bytes after the last request
            return
        self._problem = problem
        self.connections.discard(self)  # it does not count as a connection while it lingers
        self._stop_timer()
        self.pipeline.clear()
        self.metrics.requests.labels("other", str(problem.status)).inc()
        request_id = secrets.token_hex(16)
        access.info({"path": "other", "status": problem.status, "request_id": request_id, "detail": problem.detail})
        body = problem.render(request_id)
        headers = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
            "x-request-id": request_id,
            **problem.all_headers(),
        }
        lines = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        lines += [name + b": " + value + b"\r\n" for name, value in SECURITY_HEADERS]
        self._corked.end(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)  # even if the client does not read


def bounded_http(limits_: HttpLimits, metrics_: Metrics) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(http=...)`."""

    class Bounded(BoundedHttp):
        limits = limits_
        metrics = metrics_

    return Bounded
