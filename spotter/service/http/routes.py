"""The paths of the service."""

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import asdict
from typing import Annotated, Any, TypeVar, cast

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from spotter.reading.errors import UnsupportedPictureError
from spotter.service import spotting
from spotter.service.background import in_background
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
from spotter.service.http.answering import Asked, Written, lines, written
from spotter.service.http.fetching import Fetch
from spotter.service.http.negotiation import JSON, LINES, Accepted, FormatName, accepted
from spotter.service.http.parameters import NO_PARAMETERS, SpotParameters
from spotter.service.http.uploads import MultipartBody, Upload, begins_as_json, body_for, open_json
from spotter.service.models.live import LoadedModel
from spotter.service.state import Service
from spotter.service.telemetry.timing import Timing

router = APIRouter()

T = TypeVar("T")


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def page(path: str, **described: Any) -> Callable[[Handler], Handler]:
    """Registers a function for GET and HEAD. The first route answers both and is named in the Allow header; the second
    one is for the OpenAPI document."""

    def add(handler: Handler) -> Handler:
        router.add_api_route(path, handler, methods=["GET", "HEAD"], include_in_schema=False)
        router.add_api_route(path, handler, methods=["GET"], **described)
        return handler

    return add


def service_of(request: Request) -> Service:
    """The service of a request's application."""
    return cast(Service, request.app.state.service)


@router.post(
    "/spot",
    response_model=schemas.SpotAnswer | schemas.SpotAnswers | schemas.DocumentAnswer,
    responses={200: schemas.SPOT_ANSWER, **schemas.problems(*SPOT_ERRORS)},
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
    """Words with their polygons, in reading order; lines and blocks; or a document of them."""
    form = _form(request, parameters)
    if form == "lines":
        return await _streamed(request, _lines(request, parameters, timeout_ms))
    answer = await answer_spot(request, parameters, timeout_ms, form)
    return Response(answer.body, media_type=answer.content_type)


async def answer_spot(
    request: Request,
    parameters: SpotParameters = NO_PARAMETERS,
    timeout_ms: int | None = None,
    form: FormatName = "json",
) -> Written:
    """`POST /spot` with checked parameters. Raises ProblemError."""
    service = service_of(request)
    async with _accepted(request, service, parameters, timeout_ms) as asked:
        return await unless_gone(request, written(service, asked, form))


@contextlib.asynccontextmanager
async def _accepted(
    request: Request, service: Service, parameters: SpotParameters, timeout_ms: int | None
) -> AsyncIterator[Asked]:
    """The pictures and parameters of a request. Its bytes count as held until the context ends."""
    closest = service.handler.closer_look.side
    if parameters.max_side is not None and parameters.max_side > closest:
        raise InvalidParameterError(
            f"max_side: {parameters.max_side} is more than the {closest} that this service allows"
        )
    hints = parameters.hints()
    service.lifecycle.require_serving()
    limit = service.settings.timeout
    timing: Timing = request.scope["spotter.timing"]
    timing.client_deadline = timeout_ms is not None and timeout_ms / 1000 < limit
    deadline = timing.began + (limit if timeout_ms is None else min(limit, timeout_ms / 1000))
    service.handler.admission.require_room()  # before the body is read
    with Upload(service.uploads, service.settings.max_bytes) as upload:
        pictures, many = await pictures_of(request, service, upload, deadline)
        with service.require_live().held() as live:
            detail = parameters.detail or "words"
            read_request = spotting.ReadRequest(live, deadline, parameters.min_score, timing, hints, detail)
            yield Asked(pictures, many, read_request, parameters)


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
    live, refusal = service.require_live(), service.models.refusal
    previous = service.models.previous
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
    return _json(capabilities.describe(service_of(request).settings))


def _form(request: Request, parameters: SpotParameters) -> Accepted:
    """The format of the answer; with `?format=json` the Accept header may still ask for JSON lines. Raises
    InvalidParameterError."""
    wanted = accepted(request.headers.get("accept", ""))
    form = parameters.format or wanted
    if form == "json" and wanted == "lines":
        return wanted
    if parameters.detail is not None and form not in ("json", "lines"):
        raise InvalidParameterError(f"detail: is for JSON, and the answer is to be {form}")
    return form


def _reference(live: LoadedModel) -> dict[str, str]:
    return {"name": live.manifest.name, "version": live.manifest.version, "digest": live.digest}


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


async def pictures_of(request: Request, service: Service, upload: Upload, deadline: float) -> tuple[list[bytes], bool]:
    """The pictures' bytes, and whether the request is multipart. Raises ProblemError."""
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
    """The picture in a JSON body, or at the URL in it. Raises ProblemError."""
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


async def _lines(
    request: Request, parameters: SpotParameters, timeout_ms: int | None
) -> AsyncGenerator[dict[str, Any], None]:
    service = service_of(request)
    async with (
        _accepted(request, service, parameters, timeout_ms) as asked,
        contextlib.aclosing(lines(service, asked)) as answers,
    ):
        # Not before the body is read: whoever looks for the client's leaving takes what else it sends.
        yield await unless_gone(request, anext(answers))
        async for answer in answers:
            yield answer


async def _streamed(request: Request, answers: AsyncGenerator[dict[str, Any], None]) -> Response:
    """An answer in JSON lines. It waits for the first line, since until then the answer may be a problem."""
    first = await anext(answers)

    async def body() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(answers):
            yield orjson.dumps(first) + b"\n"
            async for each in answers:
                yield orjson.dumps(each) + b"\n"

    return StreamingResponse(body(), media_type=LINES)


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Awaits the work, but gives it up as soon as the client leaves. The body must have been read."""
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
