"""A way past the framework for the one request that counts.

FastAPI's middleware, routing and checking of parameters take a good part of what a request costs beyond its picture. A
`POST /spot` without parameters has nothing to check.
"""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from spotter.service.http.middleware import send_answer
from spotter.service.http.routes import JSON, LINES, answer_spot

TIMEOUT_HEADER = b"x-request-timeout-ms"
_LINES = LINES.encode()


class Application(FastAPI):
    """Hands such requests to `straight`, and does all others itself."""

    straight: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_plain(scope):
            scope["app"] = self
            await self.straight(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def is_plain(scope: Scope) -> bool:
    """Whether this is a `POST /spot` without parameters."""
    return (
        scope["type"] == "http"
        and scope["path"] == "/spot"
        and scope["method"] == "POST"
        and not scope["query_string"]
        and not any(
            name == TIMEOUT_HEADER or (name == b"accept" and _LINES in value.lower())
            for name, value in scope["headers"]
        )
    )


async def answer_plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers such a request. Raises ProblemError."""
    await send_answer(200, JSON, await answer_spot(Request(scope, receive)), send)
