"""A fast path for the most frequent request, which bypasses the framework.

FastAPI's middleware, routing and validation are a large part of a request's overhead. A `POST /spot` without parameters
needs none of them.
"""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from spotter.service.http.middleware import send_answer
from spotter.service.http.negotiation import is_indifferent
from spotter.service.http.routes import answer_spot

TIMEOUT_HEADER = b"x-request-timeout-ms"
ACCEPT = b"accept"


class Application(FastAPI):
    """Passes such requests to `fast_path`, and handles all others itself."""

    fast_path: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_plain(scope):
            scope["app"] = self
            await self.fast_path(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def is_plain(scope: Scope) -> bool:
    """Whether this is a `POST /spot` without parameters, to be answered in JSON."""
    if scope["type"] != "http" or scope["path"] != "/spot" or scope["method"] != "POST" or scope["query_string"]:
        return False
    for name, value in scope["headers"]:
        if name == TIMEOUT_HEADER or (name == ACCEPT and not is_indifferent(value)):
            return False
    return True


async def answer_plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers such a request. Raises ProblemError."""
    answer = await answer_spot(Request(scope, receive))
    await send_answer(200, answer.content_type, answer.body, send)
