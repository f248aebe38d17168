"""The ASGI application: paths, error handlers, and a lifespan that loads the model."""

import asyncio
import contextlib
import functools
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any, NoReturn

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from spotter import __version__
from spotter.reading.errors import InvalidParameterError
from spotter.registry.errors import BundleError, RegistryError
from spotter.service import memory
from spotter.service.compat.dialects import by_path, chosen, paths, refusal_of
from spotter.service.compat.routes import router_for
from spotter.service.errors import (
    BadRequestError,
    MethodNotAllowedError,
    PathNotFoundError,
)
from spotter.service.http import page, parameters
from spotter.service.http.document import finish, operation_id
from spotter.service.http.fast_path import Application, answer_plain
from spotter.service.http.middleware import TRACE, Cors, Observe, Problems
from spotter.service.http.routes import router
from spotter.service.keys import OPEN, ApiKeys, RequireKey
from spotter.service.lifecycle import State
from spotter.service.models.live import load
from spotter.service.models.served import Loader
from spotter.service.playground.files import static_files
from spotter.service.playground.routes import playground
from spotter.service.settings import Settings
from spotter.service.state import Service, build
from spotter.service.telemetry.tracing import Spans, spans_from_environment

logger = logging.getLogger(__name__)


CORS_HEADERS = ("X-Request-Id", "Server-Timing", "Retry-After")
"""Response headers that scripts of the allowed origins may read."""


def create_app(settings: Settings, loader: Loader = load) -> FastAPI:
    """The application for these settings. It answers requests at once, and is ready once `loader` has returned."""
    service = build(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logger.info("at most %d MB beyond the model", sum(memory.bound(settings).values()) // 10**6)
        tasks = [asyncio.create_task(_live(service, loader)), asyncio.create_task(service.models.supervise())]
        yield
        service.lifecycle.to(State.CLOSING)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(service.models.close)
        service.handler.close()
        if spans is not None:
            await asyncio.to_thread(spans.close)

    app = Application(
        title="Spotter",
        version=__version__,
        summary="Reads text in pictures.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be built from the client's Host header
        separate_input_output_schemas=False,
        generate_unique_id_function=operation_id,
    )
    app.state.service = service
    app.include_router(router)
    app.include_router(page.router)
    if settings.playground:
        app.include_router(playground())
    dialects = chosen(settings.compat)
    app.include_router(router_for(dialects))
    app.state.compat = paths(dialects)
    spans = spans_from_environment()
    keys = None if settings.api_keys_file is None else ApiKeys(settings.api_keys_file)
    app.add_middleware(_surround, service, keys, spans)
    app.fast_path = _surround(answer_plain, service, keys, spans)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    _finish_document(app, keys is not None)
    return app


def _surround(app: ASGIApp, service: Service, keys: ApiKeys | None, spans: Spans | None) -> ASGIApp:
    """Adds the middleware; a request passes through it from the last added to the first."""
    settings = service.settings
    dialects = by_path(chosen(settings.compat))
    if keys is not None:
        app = RequireKey(app, keys, static_files() if settings.playground else ())
    app = Problems(app, functools.partial(refusal_of, chosen(settings.compat)))
    if settings.cors_origins:
        app = Cors(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=(
                "Authorization",
                "Content-Type",
                "X-Api-Key",
                "X-Request-Id",
                "X-Request-Timeout-Ms",
                *TRACE,
            ),
            expose_headers=CORS_HEADERS,
        )
        app = Problems(app)  # for problems that CORS itself raises; inner ones already get its headers
    return Observe(app, service.metrics, spans, {path: dialect.address for path, dialect in dialects.items()})


async def _live(service: Service, loader: Loader) -> None:
    try:
        for model in service.models.values():
            service.handler.admission.expect(*await model.load(loader))
    except Exception as error:
        expected = isinstance(error, RegistryError)
        logger.critical(
            "the model %s cannot be loaded: %s", model.reference, error, exc_info=None if expected else error
        )
        outcome = "refused" if isinstance(error, BundleError) else "failed"
        service.metrics.reloads.labels(str(model.reference), outcome).inc()
        service.lifecycle.to(State.FAILED)
    else:
        gc.collect()
        gc.freeze()  # modules and routes live as long as the process, so garbage collections may skip them
        service.lifecycle.to(State.READY)
        await service.models.follow()


_PARAMETERS: dict[str, type[BaseModel]] = {page.PATH: page.PageParameters, "/v1/model": parameters.ModelParameters}


async def _invalid(request: Request, error: Exception) -> NoReturn:
    """Converts FastAPI's validation errors to problems; the middleware answers them."""
    assert isinstance(error, RequestValidationError)
    known = _PARAMETERS.get(request.url.path, parameters.SpotParameters)
    raise InvalidParameterError("; ".join(_message(each, known) for each in error.errors())) from None


def _message(found: dict[str, Any], known: type[BaseModel]) -> str:
    if found["type"] == "extra_forbidden":
        return parameters.unknown(str(found["loc"][-1]), known)
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


async def _http(request: Request, error: Exception) -> NoReturn:
    """Converts Starlette's errors (no such path, no such method) to problems."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        raise PathNotFoundError(f"there is no {request.url.path}") from None
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "GET, POST")
        raise MethodNotAllowedError(f"{request.method} is not for {request.url.path}", Allow=allow) from None
    raise BadRequestError(str(error.detail)) from None


def _finish_document(app: FastAPI, keys: bool) -> None:
    original = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            finish(original(), keys, OPEN)
        return original()

    app.openapi = openapi  # type: ignore[method-assign]
