"""The paths of the service."""

import asyncio
import datetime
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Annotated, Any, NamedTuple, cast

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.requests import ClientDisconnect

from spotter.formats.forms import FORMS
from spotter.formats.structure import Detail
from spotter.reading.errors import ProblemError, UnsupportedPictureError
from spotter.service import spotting
from spotter.service.errors import (
    SPOT_ERRORS,
    ClientGoneError,
    InvalidParameterError,
    NotReadyError,
    TooLateError,
    UnauthorizedError,
    UploadTimeoutError,
)
from spotter.service.http import schemas
from spotter.service.http.negotiation import JSON, FormatName, accepted
from spotter.service.http.uploads import MultipartBody, Upload, body_for
from spotter.service.models.live import Live
from spotter.service.state import Service
from spotter.service.telemetry.timing import Timing

router = APIRouter()

_OF_THE_MOMENT = (429, 500, 503, 504)


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
    response_model=schemas.SpotAnswer | schemas.SpotAnswers,
    responses={200: schemas.SPOT_ANSWER, **schemas.problems(*SPOT_ERRORS)},
    openapi_extra={"requestBody": schemas.SPOT_BODY},
    summary="Read the text of one picture (raw body) or several (multipart)",
)
async def spot(
    request: Request,
    min_score: Annotated[
        float | None, Query(ge=0, le=1, description="Least score of a word; the model's default if absent.")
    ] = None,
    max_side: Annotated[
        int | None,
        Query(
            ge=64,
            le=16_384,
            description="Pixels of the long side at which the picture is read; as its words need if absent.",
        ),
    ] = None,
    detail: Annotated[Detail | None, Query(description="Whether the JSON tells lines and blocks, too.")] = None,
    form: Annotated[
        FormatName | None, Query(alias="format", description="Of the answer; by the Accept header if absent.")
    ] = None,
    timeout_ms: Annotated[
        int | None,
        Header(alias="X-Request-Timeout-Ms", ge=1, description="May only shorten the service's deadline."),
    ] = None,
) -> Response:
    """Words with their polygons, in reading order; lines and blocks; or a document of them."""
    if form is None:
        form = accepted(request.headers.get("accept", ""))
    if detail is not None and form != "json":
        raise InvalidParameterError(f"detail: is for JSON, and the answer is to be {form}")
    answer = await answer_spot(request, min_score, max_side, timeout_ms, detail or "words", form)
    return Response(answer.body, media_type=answer.content_type)


class Written(NamedTuple):
    """An answer as it is sent."""

    content_type: str
    body: bytes


async def answer_spot(
    request: Request,
    min_score: float | None = None,
    max_side: int | None = None,
    timeout_ms: int | None = None,
    detail: Detail = "words",
    form: FormatName = "json",
) -> Written:
    """`POST /spot` with checked parameters. Raises ProblemError."""
    service = service_of(request)
    closest = service.spotter.closeness.side
    if max_side is not None and max_side > closest:
        raise InvalidParameterError(f"max_side: {max_side} is more than the {closest} that this service allows")
    service.lifecycle.require_serving()
    limit = service.settings.timeout
    timing: Timing = request.scope["spotter.timing"]
    timing.hasty = timeout_ms is not None and timeout_ms / 1000 < limit
    deadline = timing.began + (limit if timeout_ms is None else min(limit, timeout_ms / 1000))
    service.spotter.admission.require_room()  # before the body is read
    with Upload(service.uploads, service.settings.max_bytes) as upload:
        pictures, many = await _pictures(request, service, upload, deadline)
        with service.require_live().held() as live:
            job = spotting.Request(live, deadline, min_score, timing, max_side, detail)
            return await _unless_gone(request, _written(service, pictures, many, job, form))


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
    ended = time.monotonic()
    service.metrics.stage("upload", request.scope["spotter.timing"].add("upload", (began, ended)))
    return pictures, isinstance(body, MultipartBody)


async def _written(
    service: Service, pictures: list[bytes], many: bool, job: spotting.Request, form: FormatName
) -> Written:
    if form == "json":
        return Written(JSON, orjson.dumps(await _read(service, pictures, many, job)))
    how = FORMS[form]
    if how.pages is not None and len(pictures) > how.pages:
        raise InvalidParameterError(f"format: {form} is for {how.pages} picture, and there are {len(pictures)}")
    tickets = service.spotter.admission.enter_all(len(pictures))
    answers = await asyncio.gather(
        *(service.spotter.read(data, ticket, job) for data, ticket in zip(pictures, tickets, strict=True)),
        return_exceptions=True,
    )
    for answer in answers:  # a document of some of its pages would look whole
        if isinstance(answer, BaseException):
            raise answer
    pages = [answer.page for answer in answers if isinstance(answer, spotting.Answer)]
    return Written(how.content_type, await service.spotter.write(how, pages, pictures, job.deadline))


async def _read(service: Service, pictures: list[bytes], many: bool, job: spotting.Request) -> dict[str, Any]:
    tickets = service.spotter.admission.enter_all(len(pictures))
    if not many:
        return (await service.spotter.read(pictures[0], tickets[0], job)).body

    async def one(data: bytes, ticket: Any) -> dict[str, Any] | ProblemError:
        try:
            return (await service.spotter.read(data, ticket, job)).body
        except ProblemError as problem:
            return problem

    results = await asyncio.gather(*map(one, pictures, tickets))
    # Where nothing could be read and the pictures are not to blame, who balances, retries or watches must see it.
    failed = [each for each in results if isinstance(each, ProblemError)]
    if len(failed) == len(results) and all(each.status in _OF_THE_MOMENT for each in failed):
        raise failed[0]
    for each in failed:
        service.metrics.failed_parts.labels(each.kind).inc()
    return {"results": [each.body() if isinstance(each, ProblemError) else each for each in results]}


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Written]) -> Written:
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
