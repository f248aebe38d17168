"""The paths of the service."""

import asyncio
import contextlib
import datetime
import functools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from spotter.reading.errors import ProblemError, UnsupportedPictureError
from spotter.reading.pages import has_pages
from spotter.service import spotting
from spotter.service.background import in_background
from spotter.service.batching.admission import Ticket
from spotter.service.documents import PageAnswer
from spotter.service.errors import (
    SPOT_ERRORS,
    ClientGoneError,
    InvalidParameterError,
    NotReadyError,
    TooLateError,
    UnauthorizedError,
    UploadTimeoutError,
    UrlNotReadError,
)
from spotter.service.http import capabilities, schemas
from spotter.service.http.fetching import Fetch
from spotter.service.http.parameters import NO_PARAMETERS, SpotParameters, select_pages
from spotter.service.http.uploads import MultipartBody, Upload, begins_as_json, body_for, open_json
from spotter.service.models.live import Live
from spotter.service.state import Service
from spotter.service.telemetry.timing import Timing

router = APIRouter()

_OF_THE_MOMENT = (429, 500, 503, 504)

JSON = "application/json"
LINES = "application/x-ndjson"


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def page(path: str, **described: Any) -> Callable[[Handler], Handler]:
    """Has a function answer GET, so described, and HEAD. The route of both comes first: it is the one that answers, and
    whose methods Allow names; the other is for the document."""

    def add(handler: Handler) -> Handler:
        router.add_api_route(path, handler, methods=["GET", "HEAD"], include_in_schema=False)
        router.add_api_route(path, handler, methods=["GET"], **described)
        return handler

    return add


def service_of(request: Request) -> Service:
    """The service behind a request."""
    return cast(Service, request.app.state.service)


@router.post(
    "/spot",
    response_model=schemas.SpotAnswer | schemas.SpotAnswers | schemas.DocumentAnswer,
    responses={200: schemas.SPOT_LINES, **schemas.problems(*SPOT_ERRORS)},
    openapi_extra={"requestBody": schemas.SPOT_BODY},
    summary="Read the text of a picture or document (raw body), or of several (multipart)",
)
async def spot(
    request: Request,
    parameters: Annotated[SpotParameters, Query()],
    timeout_ms: Annotated[
        int | None,
        Header(alias="X-Request-Timeout-Ms", ge=1, description="May only shorten the service's deadline."),
    ] = None,
) -> Response:
    """Words with their polygons, in reading order."""
    if wants_lines(request.headers.get("accept", "")):
        return await _streamed(request, _lines(request, parameters, timeout_ms))
    return Response(await answer_spot(request, parameters, timeout_ms), media_type=JSON)


async def answer_spot(
    request: Request, parameters: SpotParameters = NO_PARAMETERS, timeout_ms: int | None = None
) -> bytes:
    """`POST /spot` with checked parameters: the answer's JSON. Raises ProblemError."""
    service = service_of(request)
    async with _accepted(request, service, parameters, timeout_ms) as (pictures, many, job):
        answer = await _unless_gone(request, _read(service, pictures, many, job, parameters))
    return orjson.dumps(answer)


@contextlib.asynccontextmanager
async def _accepted(
    request: Request, service: Service, parameters: SpotParameters, timeout_ms: int | None
) -> AsyncIterator[tuple[list[bytes], bool, spotting.Request]]:
    """The pictures of a request, whether they came as several, and what they share. The bytes count as held until it
    ends."""
    closest = service.spotter.closeness.side
    if parameters.max_side is not None and parameters.max_side > closest:
        raise InvalidParameterError(
            f"max_side: {parameters.max_side} is more than the {closest} that this service allows"
        )
    hints = parameters.hints()
    service.lifecycle.require_serving()
    limit = service.settings.timeout
    timing: Timing = request.scope["spotter.timing"]
    timing.hasty = timeout_ms is not None and timeout_ms / 1000 < limit
    deadline = timing.began + (limit if timeout_ms is None else min(limit, timeout_ms / 1000))
    service.spotter.admission.require_room()  # before the body is read
    with Upload(service.uploads, service.settings.max_bytes) as upload:
        pictures, many = await _pictures(request, service, upload, deadline)
        with service.require_live().held() as live:
            yield pictures, many, spotting.Request(live, deadline, parameters.min_score, timing, hints)


@page("/health/live", response_model=schemas.Health, responses=schemas.problems(NotReadyError))
async def live(request: Request) -> Response:
    """Whether the process works at all; a supervisor restarts it when not."""
    service_of(request).require_alive()
    return _json({"status": "live"})


@page("/health/ready", response_model=schemas.Health, responses=schemas.problems(NotReadyError))
async def ready(request: Request) -> Response:
    """Whether a balancer should send work here."""
    service_of(request).require_ready()
    return _json({"status": "ready"})


@page("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus."""
    service = service_of(request)
    service.refresh_gauges()
    return Response(service.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


@page("/v1/model", response_model=schemas.ModelAnswer, responses=schemas.problems(UnauthorizedError, NotReadyError))
async def model(request: Request) -> Response:
    """The live model: what it is, where it came from, how it scored."""
    service = service_of(request)
    live, refusal = service.require_live(), service.shelf.refusal
    previous = service.shelf.previous
    manifest = live.manifest
    return _json(
        {
            "name": manifest.name,
            "version": manifest.version,
            "digest": live.digest,
            "charset": manifest.charset,
            "score_threshold": manifest.score_threshold,
            "input": asdict(manifest.input),
            "provenance": manifest.provenance,
            "metrics": manifest.metrics,
            "operators": asdict(live.operators),
            "alias": service.settings.alias,
            "since": _time(live.since),
            "previous": None if previous is None else _reference(previous),
            "refused": None
            if refusal is None
            else {"version": refusal.version, "reason": refusal.reason, "time": _time(refusal.at)},
        }
    )


@page("/v1/capabilities", response_model=schemas.Capabilities, responses=schemas.problems(UnauthorizedError))
async def capable(request: Request) -> Response:
    """What this build and its settings read, accept and write."""
    return _json(capabilities.told(service_of(request).settings))


def wants_lines(accept: str) -> bool:
    """Whether an Accept header asks for an object a line."""
    return LINES in accept.lower()


def _reference(live: Live) -> dict[str, str]:
    return {"name": live.manifest.name, "version": live.manifest.version, "digest": live.digest}


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


async def _pictures(request: Request, service: Service, upload: Upload, deadline: float) -> tuple[list[bytes], bool]:
    """The pictures' bytes, and whether the request is multipart."""
    began = time.monotonic()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedPictureError("a Content-Encoding is not read; send the picture as it is")
    body = body_for(request.headers.get("content-type"), service.settings.max_pictures)
    upload.announce(request.headers.get("content-length"))
    try:
        async with asyncio.timeout(min(service.settings.upload_timeout, deadline - began)):
            async for chunk in request.stream():
                upload.count(chunk)
                body.feed(chunk)
    except TimeoutError:
        service.metrics.expirations.labels("upload").inc()
        if time.monotonic() >= deadline:
            raise TooLateError("the deadline passed during the upload") from None
        seconds = service.settings.upload_timeout
        raise UploadTimeoutError(f"the upload was not complete after {seconds:g} s") from None
    except ClientDisconnect:
        service.metrics.cancellations.labels("upload").inc()
        raise ClientGoneError("the client left while uploading") from None
    pictures = body.close()
    many = isinstance(body, MultipartBody)
    if not many and begins_as_json(pictures[0]):
        pictures = [await _from_json(service, pictures[0], upload, deadline)]
    ended = time.monotonic()
    service.metrics.stage("upload", request.scope["spotter.timing"].add("upload", (began, ended)))
    return pictures, many


async def _from_json(service: Service, body: bytes, upload: Upload, deadline: float) -> bytes:
    """The picture that a body of JSON holds or names. Raises ProblemError."""
    settings = service.settings
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            async with service.opening:
                found = await asyncio.to_thread(open_json, body)
            if isinstance(found, bytes):
                return found
            if not settings.fetch_urls:
                raise UrlNotReadError("pictures are not fetched from addresses here")
            async with service.fetching:
                data = await _fetched(found.url, settings.max_bytes, settings.fetch_timeout)
    except TimeoutError:
        raise TooLateError("the deadline passed before the picture was there") from None
    upload.count(data)
    return data


async def _fetched(url: str, limit: int, seconds: float) -> bytes:
    fetch = Fetch(url, limit, seconds)
    try:
        return await asyncio.wait_for(in_background("fetch", fetch.run), seconds)
    except TimeoutError:
        raise UrlNotReadError(f"the address did not answer within {seconds:g} s") from None
    finally:
        fetch.abort()


async def _read(
    service: Service, pictures: list[bytes], many: bool, job: spotting.Request, parameters: SpotParameters
) -> dict[str, Any]:
    tickets = service.spotter.admission.enter_all(len(pictures))
    if not many:
        return await _read_one(service, pictures[0], tickets[0], job, parameters)

    async def one(data: bytes, ticket: Ticket) -> dict[str, Any] | ProblemError:
        try:
            return await _read_one(service, data, ticket, job, parameters)
        except ProblemError as problem:
            return problem

    results = await asyncio.gather(*map(one, pictures, tickets))
    _count_failed(service, results)
    return {"results": [each.body() if isinstance(each, ProblemError) else each for each in results]}


async def _read_one(
    service: Service, data: bytes, ticket: Ticket, job: spotting.Request, parameters: SpotParameters
) -> dict[str, Any]:
    if parameters.pages is None and not has_pages(data):
        return await service.spotter.read(data, ticket, job)
    async with contextlib.aclosing(_pages(service, data, ticket, job, parameters)) as pages:
        found = [page async for page in pages]
    _count_failed(service, [page.answer for page in found])
    return {"page_count": found[0].count, "pages": [page.body() for page in found]}


def _pages(
    service: Service, data: bytes, ticket: Ticket, job: spotting.Request, parameters: SpotParameters
) -> AsyncGenerator[PageAnswer, None]:
    select = functools.partial(select_pages, parameters.pages)
    return service.documents.read(data, select, parameters.pdf, ticket, job)


def _count_failed(service: Service, results: Sequence[dict[str, Any] | ProblemError]) -> None:
    """Where nothing could be read and the pictures are not to blame, who balances, retries or watches must see it: then
    the first problem is raised. Else those that failed are counted."""
    failed = [each for each in results if isinstance(each, ProblemError)]
    if len(failed) == len(results) and all(each.status in _OF_THE_MOMENT for each in failed):
        raise failed[0]
    for each in failed:
        service.metrics.failed_parts.labels(each.kind).inc()


async def _lines(
    request: Request, parameters: SpotParameters, timeout_ms: int | None
) -> AsyncGenerator[dict[str, Any], None]:
    """The objects of an answer in lines: pages as they are read, else each picture's. Raises ProblemError before the
    first."""
    service = service_of(request)
    async with _accepted(request, service, parameters, timeout_ms) as (pictures, many, job):
        if many or (parameters.pages is None and not has_pages(pictures[0])):
            answer = await _read(service, pictures, many, job, parameters)
            for each in answer["results"] if many else [answer]:
                yield each
            return
        (ticket,) = service.spotter.admission.enter_all(1)
        read = 0
        async with contextlib.aclosing(_pages(service, pictures[0], ticket, job, parameters)) as pages:
            async for page in pages:
                if isinstance(page.answer, ProblemError):
                    if not read and page.answer.status in _OF_THE_MOMENT:
                        raise page.answer
                    service.metrics.failed_parts.labels(page.answer.kind).inc()
                read += 1
                yield page.body()


async def _streamed(request: Request, lines: AsyncGenerator[dict[str, Any], None]) -> Response:
    """An answer in lines, once there is a first one: until then it may still be a problem."""
    first = await _unless_gone(request, anext(lines))

    async def body() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(lines):
            yield orjson.dumps(first) + b"\n"
            async for each in lines:
                yield orjson.dumps(each) + b"\n"

    return StreamingResponse(body(), media_type=LINES)


async def _unless_gone(request: Request, work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Awaits the work, but gives it up as soon as the client leaves."""
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
