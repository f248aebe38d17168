"""Receives requests, in the same way for every path that reads pictures: checks for room, sets the deadline, reads the
body, and fetches files that are given by URL."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Protocol, Self, TypeVar, cast

from fastapi import Header, Request
from starlette.requests import ClientDisconnect

from spotter.reading.errors import UnsupportedPictureError
from spotter.service.background import in_background
from spotter.service.errors import ClientGoneError, TooLateError, UploadTimeoutError, UrlNotReadError
from spotter.service.http.fetching import Fetch
from spotter.service.http.uploads import Address, MultipartBody, Upload, begins_as_json, body_for, open_json
from spotter.service.state import Service
from spotter.service.telemetry.timing import Timing

T = TypeVar("T")
Closed = TypeVar("Closed", covariant=True)

TimeoutHeader = Annotated[
    int | None,
    Header(alias="X-Request-Timeout-Ms", ge=1, description="May only shorten the service's deadline."),
]


class Body(Protocol[Closed]):
    """A parser of a body: `feed` takes its bytes, and `close` returns the result. Both raise ProblemError."""

    def feed(self, chunk: bytes) -> None: ...

    def close(self) -> Closed: ...


class Arrival:
    """A context for a request whose body is being received; its bytes count towards the upload budget until the context
    ends. deadline: time.monotonic() seconds."""

    def __init__(self, request: Request, service: Service, timing: Timing, deadline: float) -> None:
        self.timing, self.deadline = timing, deadline
        self._request, self._service = request, service
        self._upload = Upload(service.uploads, service.settings.max_bytes)

    def __enter__(self) -> Self:
        self._upload.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._upload.__exit__(*error)

    async def pictures(self, content_type: str | None) -> tuple[list[bytes], bool]:
        """The pictures of a body as `POST /spot` takes it, and whether it is multipart. Raises ProblemError."""
        began = time.monotonic()
        body = body_for(content_type, self._service.settings.max_pictures)
        pictures = await self.read(body)
        many = isinstance(body, MultipartBody)
        if not many and begins_as_json(pictures[0]):
            json = pictures[0]
            pictures = [await self.file(await self.opened(lambda: open_json(json)))]
        self.uploaded(began)
        return pictures, many

    def uploaded(self, began: float) -> None:
        """Records how long an upload took, once it succeeded; began: time.monotonic() seconds."""
        self._service.metrics.stage("upload", self.timing.add("upload", (began, time.monotonic())))

    async def read(self, body: Body[T]) -> T:
        """The request's body. Raises ProblemError."""
        request, service = self._request, self._service
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedPictureError("a Content-Encoding is not read; send the picture as it is")
        self._upload.announce(request.headers.get("content-length"))
        seconds = service.settings.upload_timeout
        try:
            async with asyncio.timeout(min(seconds, self.deadline - time.monotonic())):
                async for chunk in request.stream():
                    self._upload.count(chunk)
                    body.feed(chunk)
        except TimeoutError:
            service.metrics.expirations.labels("upload").inc()
            if time.monotonic() >= self.deadline:
                raise TooLateError("the deadline passed during the upload") from None
            raise UploadTimeoutError(f"the upload was not complete after {seconds:g} s") from None
        except ClientDisconnect:
            service.metrics.cancellations.labels("upload").inc()
            raise ClientGoneError("the client left while uploading") from None
        return body.close()

    async def opened(self, work: Callable[[], T]) -> T:
        """Runs `work`, which parses a body, on a thread, one at a time, since it needs as much memory as the body
        again. Raises what `work` raises, and TooLateError."""
        async with self._in_time(), self._service.opening:
            return await asyncio.to_thread(work)

    async def file(self, found: bytes | Address) -> bytes:
        """The bytes of a file, fetched from its address where that is allowed. Raises ProblemError."""
        if isinstance(found, bytes):
            return found
        settings = self._service.settings
        if not settings.fetch_urls:
            raise UrlNotReadError("pictures are not fetched from addresses here")
        async with self._in_time(), self._service.fetching:
            data = await _fetched(found.url, settings.max_bytes, settings.fetch_timeout)
        self._upload.count(data)
        return data

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.deadline - time.monotonic()):
                yield
        except TimeoutError:
            raise TooLateError("the deadline passed before the picture was there") from None


def arriving(request: Request, service: Service, timeout_ms: int | None) -> Arrival:
    """The context of an admitted request. Raises NotReadyError or OverloadedError before the body is read."""
    service.lifecycle.require_serving()
    limit = service.settings.timeout
    timing: Timing = request.scope["spotter.timing"]
    timing.client_deadline = timeout_ms is not None and timeout_ms / 1000 < limit
    deadline = timing.began + (limit if timeout_ms is None else min(limit, timeout_ms / 1000))
    service.handler.admission.require_room()
    return Arrival(request, service, timing, deadline)


def service_of(request: Request) -> Service:
    """The service behind a request."""
    return cast(Service, request.app.state.service)


async def _fetched(url: str, limit: int, seconds: float) -> bytes:
    fetch = Fetch(url, limit, seconds)
    try:
        return await asyncio.wait_for(in_background("fetch", fetch.run), seconds)
    except TimeoutError:
        raise UrlNotReadError(f"the address did not answer within {seconds:g} s") from None
    finally:
        fetch.abort()


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Awaits the work, but cancels it as soon as the client disconnects."""
    own = asyncio.current_task()
    assert own is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        own.cancel()

    watcher = asyncio.create_task(watch())
    try:
        return await work
    except asyncio.CancelledError:
        if not gone or own.uncancel():
            raise
        raise ClientGoneError("the client left while its picture was being read") from None
    finally:
        watcher.cancel()
