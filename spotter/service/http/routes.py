"""The paths of the service."""

import contextlib
import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from spotter.formats.forms import FORMS
from spotter.reading.errors import InvalidParameterError
from spotter.reading.hints import NO_HINTS, Hints
from spotter.service import spotting
from spotter.service.errors import SPOT_ERRORS, ModelNotFoundError, NotReadyError, UnauthorizedError
from spotter.service.http import capabilities, schemas
from spotter.service.http.answering import Asked, Written, lines, written
from spotter.service.http.intake import Arrival, TimeoutHeader, arriving, service_of, unless_gone
from spotter.service.http.negotiation import JSON, LINES, Accepted, FormatName, accepted
from spotter.service.http.parameters import NO_PARAMETERS, ModelParameters, SpotParameters
from spotter.service.models.live import LoadedModel
from spotter.service.models.served import ServedModel
from spotter.service.state import Service

router = APIRouter()

Handler = Callable[..., Coroutine[Any, Any, Response]]


def page(path: str, **described: Any) -> Callable[[Handler], Handler]:
    """Registers a function for GET and HEAD. The first route answers both methods, which its Allow header names; the
    second one is for the OpenAPI document."""

    def add(handler: Handler) -> Handler:
        router.add_api_route(path, handler, methods=["GET", "HEAD"], include_in_schema=False)
        router.add_api_route(path, handler, methods=["GET"], **described)
        return handler

    return add


@router.post(
    "/spot",
    response_model=schemas.SpotAnswer | schemas.SpotAnswers | schemas.DocumentAnswer,
    responses={200: schemas.SPOT_ANSWER, **schemas.problems(*SPOT_ERRORS)},
    openapi_extra={"requestBody": schemas.SPOT_BODY},
    tags=["read"],
    summary="Read the text of a picture or document (raw body), or of several (multipart)",
)
async def spot(
    request: Request,
    parameters: Annotated[SpotParameters, Query()],
    timeout_ms: TimeoutHeader = None,
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
    async with _asking(request, parameters, timeout_ms) as (service, asked):
        return await unless_gone(request, written(service, asked, form))


@contextlib.asynccontextmanager
async def _asking(
    request: Request, parameters: SpotParameters, timeout_ms: int | None
) -> AsyncIterator[tuple[Service, Asked]]:
    """A context for what a request asks for, which holds its model. Raises ProblemError."""
    service = service_of(request)
    model, hints = _checked(service, parameters)
    with arriving(request, service, timeout_ms) as arrival:
        asked = await _asked(request, arrival, model, hints, parameters)
        with asked.request.live.held():
            yield service, asked


def _checked(service: Service, parameters: SpotParameters) -> tuple[ServedModel, Hints]:
    """The model and the hints that the parameters name. Raises ProblemError."""
    closest = service.handler.closer_look.side
    if parameters.max_side is not None and parameters.max_side > closest:
        raise InvalidParameterError(
            f"max_side: {parameters.max_side} is more than the {closest} that this service allows"
        )
    model = service.models.find(parameters.model)
    return model, NO_HINTS if parameters is NO_PARAMETERS else parameters.hints(service.lexicons)


async def _asked(
    request: Request, arrival: Arrival, model: ServedModel, hints: Hints, parameters: SpotParameters
) -> Asked:
    """Receives the body of a request and returns what it asks for. The caller holds its model (`live.held`) without
    awaiting anything in between. Raises ProblemError."""
    pictures, many = await arrival.pictures(request.headers.get("content-type"))
    live = model.require_live()
    if parameters.language_model is not None and "language" in live.manifest.provenance:
        raise InvalidParameterError(
            "language_model: a language model is part of this model's graph, and cannot be switched off"
        )
    detail = parameters.detail or "words"
    read_request = spotting.ReadRequest(live, arrival.deadline, parameters.min_score, arrival.timing, hints, detail)
    return Asked(pictures, many, read_request, parameters)


@page("/health/live", tags=["health"], response_model=schemas.Health, responses=schemas.problems(NotReadyError))
async def live(request: Request) -> Response:
    """Whether the process works at all; if not, a supervisor should restart it."""
    service_of(request).require_alive()
    return _json({"status": "live"})


@page("/health/ready", tags=["health"], response_model=schemas.Health, responses=schemas.problems(NotReadyError))
async def ready(request: Request) -> Response:
    """Whether a balancer should send work here."""
    service_of(request).require_ready()
    return _json({"status": "ready"})


@page("/metrics", tags=["health"], response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus."""
    service = service_of(request)
    service.refresh_gauges()
    return Response(service.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


@page(
    "/v1/model",
    tags=["about"],
    response_model=schemas.ModelAnswer,
    responses=schemas.problems(UnauthorizedError, ModelNotFoundError, InvalidParameterError, NotReadyError),
)
async def model(request: Request, parameters: Annotated[ModelParameters, Query()]) -> Response:
    """A model: its live version, the version's provenance, and its scores."""
    served = service_of(request).models.find(parameters.model)
    live, refusal, previous = served.require_live(), served.loaded.refusal, served.loaded.previous
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
            "alias": served.reference.alias,
            "since": _time(live.since),
            "previous": None if previous is None else _reference(previous),
            "refused": None
            if refusal is None
            else {"version": refusal.version, "reason": refusal.reason, "time": _time(refusal.at)},
        }
    )


@page(
    "/v1/models",
    tags=["about"],
    response_model=schemas.ModelsAnswer,
    responses=schemas.problems(UnauthorizedError),
)
async def models(request: Request) -> Response:
    """The models of this service, the default first."""
    served = service_of(request).models
    return _json(
        {
            "models": [
                {
                    "model": str(each.reference),
                    "name": each.reference.name,
                    "alias": each.reference.alias,
                    "default": each is served.default,
                    "version": None if each.live is None else each.live.manifest.version,
                    "digest": None if each.live is None else each.live.digest,
                }
                for each in served.values()
            ]
        }
    )


@page(
    "/v1/capabilities",
    name="capabilities",
    tags=["about"],
    response_model=schemas.Capabilities,
    responses=schemas.problems(UnauthorizedError),
)
async def capable(request: Request) -> Response:
    """What this build reads, accepts and writes with its settings."""
    service = service_of(request)
    return _json(capabilities.describe(service.settings, request.app.state.compat, service.lexicons))


@page(
    "/v1/capacity",
    tags=["about"],
    response_model=schemas.Capacity,
    responses=schemas.problems(UnauthorizedError, NotReadyError),
)
async def capacity(request: Request) -> Response:
    """The current room, in pictures and in seconds: how much clients may send now without getting a 429."""
    service = service_of(request)
    service.require_ready()
    settings, room = service.settings, service.handler.admission.room()
    return _json(
        {
            "pictures": {
                "inside": room.inside_pictures,
                "most": settings.queue_pictures,
                "room": room.pictures,
            },
            "pixels": {"inside": room.inside_pixels, "most": settings.queue_pixels, "room": room.pixels},
            "seconds": {
                "queue": _round(room.queue),
                "most": settings.queue_seconds,
                "room": None if room.queue is None else _round(max(settings.queue_seconds - room.queue, 0.0)),
            },
            "pace": None if room.pace is None else {"pictures": _round(room.pace[0]), "pixels": round(room.pace[1])},
            "retry_after": _round(room.retry_after),
        }
    )


def _form(request: Request, parameters: SpotParameters) -> Accepted:
    """The format of the answer; with `?format=json` the Accept header may still ask for JSON lines. Raises
    InvalidParameterError."""
    wanted = accepted(request.headers.get("accept", ""))
    form = parameters.format or wanted
    if form == "json" and wanted == "lines":
        return wanted
    if form == "json" or form == "lines" or parameters.detail is None:
        return form
    if parameters.detail != "characters" or not FORMS[form].characters:
        raise InvalidParameterError(f"detail: {form} does not tell {parameters.detail}; leave it out, or ask for JSON")
    return form


def _reference(live: LoadedModel) -> dict[str, str]:
    return {"name": live.manifest.name, "version": live.manifest.version, "digest": live.digest}


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


async def _lines(
    request: Request, parameters: SpotParameters, timeout_ms: int | None
) -> AsyncGenerator[dict[str, Any], None]:
    async with (
        _asking(request, parameters, timeout_ms) as (service, asked),
        contextlib.aclosing(lines(service, asked)) as answers,
    ):
        # Only after the body was read: waiting for the client's disconnection consumes whatever it sends.
        yield await unless_gone(request, anext(answers))
        async for answer in answers:
            yield answer


async def _streamed(request: Request, answers: AsyncGenerator[dict[str, Any], None]) -> Response:
    """An answer in JSON lines. It waits for the first line, since until then the answer may become a problem."""
    first = await anext(answers)

    async def body() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(answers):
            yield orjson.dumps(first) + b"\n"
            async for each in answers:
                yield orjson.dumps(each) + b"\n"

    return StreamingResponse(body(), media_type=LINES)
