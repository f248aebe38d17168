"""The dialects' paths. Their requests share the admission, limits, deadlines and counters of `POST /spot`."""

import functools
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from spotter.service import spotting
from spotter.service.compat.bodies import form_body, url_encoded
from spotter.service.compat.dialect import BINARY, Dialect, Received, Wanted
from spotter.service.errors import SPOT_ERRORS
from spotter.service.http.answering import Asked, written_as
from spotter.service.http.intake import Arrival, TimeoutHeader, arriving, service_of, unless_gone
from spotter.service.http.parameters import NO_PARAMETERS
from spotter.service.http.uploads import Part, RawBody

Handler = Callable[..., Coroutine[Any, Any, Response]]


def router_for(dialects: Iterable[Dialect]) -> APIRouter:
    """Their paths, with and without a slash at the end, which some clients add."""
    router = APIRouter(tags=["compat"])
    for dialect in dialects:
        handler = _handler(dialect)
        described = _described(dialect)
        router.add_api_route(dialect.address, handler, methods=["POST"], **described)
        router.add_api_route(f"{dialect.address}/", handler, methods=["POST"], include_in_schema=False)
    return router


def _handler(dialect: Dialect) -> Handler:
    async def read(request: Request, timeout_ms: TimeoutHeader = None) -> Response:
        service = service_of(request)
        with arriving(request, service, timeout_ms) as arrival:
            began = time.monotonic()
            wanted = await _wanted(request, arrival, dialect, service.settings.max_pictures)
            pictures = [await arrival.file(file) for file in wanted.files]
            arrival.uploaded(began)
            with service.models.default.require_live().held() as live:
                least = wanted.min_score
                read_request = spotting.ReadRequest(live, arrival.deadline, least, arrival.timing)
                asked = Asked(pictures, len(pictures) > 1, read_request, NO_PARAMETERS)
                form = wanted.form(live.manifest.score_threshold if least is None else least)
                work = written_as(service, asked, form, dialect.name, "send one of them as a picture")
                answer = await unless_gone(request, work)
        return Response(answer.body, media_type=answer.content_type, headers=dialect.wire.headers)

    return read


async def _wanted(request: Request, arrival: Arrival, dialect: Dialect, max_files: int) -> Wanted:
    """What a request asks for; the rest of its body is not kept. Raises ProblemError."""
    received = await _received(request, arrival, dialect.wire.form, max_files)
    return await arrival.opened(functools.partial(dialect.wire.understand, received))


async def _received(request: Request, arrival: Arrival, form: bool, max_files: int) -> Received:
    """The request with its body. Raises ProblemError."""
    body, parts = b"", list[Part]()
    reader = form_body(request.headers.get("content-type"), max_files) if form else RawBody()
    if isinstance(reader, RawBody):
        (body,) = await arrival.read(reader)
    else:
        parts = await arrival.read(reader)
    if form and body:
        encoded = body
        parts = await arrival.opened(lambda: url_encoded(encoded))
    return Received(request.query_params, request.headers, body, parts)


def _described(dialect: Dialect) -> dict[str, Any]:
    """For the OpenAPI document."""
    wire = dialect.wire

    class Answer(Response if wire.answer is None else JSONResponse):  # type: ignore[misc]
        media_type = wire.media_type

    def described(model: Any, description: str) -> dict[str, Any]:
        form = {"content": {wire.media_type: {"schema": BINARY}}} if model is None else {"model": model}
        return {"description": description, **form}

    statuses = {wire.refuse(error(""), "").status for error in SPOT_ERRORS} | {422}
    refused = {status: described(wire.error, "A refusal as the other service says it.") for status in statuses}
    return {
        "response_model": None,
        "response_class": Answer,
        "responses": {200: described(wire.answer, dialect.answer), **refused},
        "openapi_extra": {"requestBody": {"required": True, "content": wire.body}},
        "summary": f"{dialect.name}: {dialect.request}",
        "description": f"[Documentation]({wire.documentation})",
        "operation_id": f"compat_{dialect.name}{dialect.path.replace('/', '_')}",
    }
