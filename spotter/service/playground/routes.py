"""The paths of the playground and of the operators' page."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response

from spotter.service.playground.files import StaticFile, static_files

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""A content security policy: nothing from other hosts, no inline scripts or styles, and no scripts made from text."""
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", "; ".join(f"{name} {value}" for name, value in POLICY.items()).encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"referrer-policy", b"no-referrer"),
)
"""Headers of these answers, instead of the service's usual ones."""


def playground() -> APIRouter:
    """The paths of all files; GET and HEAD, not in the OpenAPI document."""
    router = APIRouter()
    for path, file in static_files().items():
        router.add_api_route(path, _answer(file), methods=["GET", "HEAD"], include_in_schema=False)
    return router


def _answer(file: StaticFile) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def answer(request: Request) -> Response:
        request.scope["spotter.security_headers"] = SECURITY_HEADERS
        packed = file.packed if _takes_gzip(request.headers.get("accept-encoding", "")) else None
        tag = f'"{file.tag}"' if packed is None else f'"{file.tag}-gzip"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}  # revalidated each time, mostly with a 304
        if file.packed is not None:
            headers["Vary"] = "Accept-Encoding"
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        if packed is not None:
            headers["Content-Encoding"] = "gzip"
        return Response(file.body if packed is None else packed, media_type=file.media_type, headers=headers)

    return answer


def _matches(asked: str, tag: str) -> bool:
    """Whether an If-None-Match header names the tag (RFC 9110, 13.1.2: compared weakly)."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in asked.split(","))


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.lower().split(","):
        coding, _, quality = each.replace(" ", "").partition(";q=")
        if coding == "gzip":
            return quality.strip("0.") != "" or not quality
    return False
