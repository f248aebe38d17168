"""The parts that both clients share: the service's address, and the translation of its answers and failures."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from spotter import __version__
from spotter.client.attempts import Attempts
from spotter.client.calls import Call
from spotter.client.errors import (
    BadAnswerError,
    ConnectionLostError,
    ProblemError,
    UnreachableError,
    problem_from,
)

URL, KEY = "SPOTTER_URL", "SPOTTER_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT = 120.0
CONNECT_SECONDS = 10.0
"""The time after which connecting is tried again: packets may be lost, or the machine may be down."""
POLL_SECONDS = 0.2
_PROBLEM = "application/problem+json"
_SHOWN = 200
"""The most characters that an error shows of an answer in an unknown form."""


def base_url(url: str | None) -> str:
    """The service's address: as given, or from SPOTTER_URL, or else on this machine. Raises ValueError."""
    found = url or os.environ.get(URL) or DEFAULT_URL
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{found!r} is no address like {DEFAULT_URL}")
    return found.rstrip("/")


def base_headers(api_key: str | None) -> dict[str, str]:
    """The headers of every request. The key is as given, or from SPOTTER_API_KEY."""
    key = api_key or os.environ.get(KEY)
    headers = {"User-Agent": f"spotter-client/{__version__}"}
    return {**headers, "Authorization": f"Bearer {key}"} if key else headers


@contextlib.contextmanager
def translated(call: Call, url: str, attempts: Attempts) -> Iterator[None]:
    """Converts httpx's errors to this package's."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise UnreachableError(f"{url} cannot be reached: {_said(error)}") from error
    except httpx.TimeoutException as error:
        raise attempts.late() from error
    except httpx.TransportError as error:
        lost = ConnectionLostError(f"the connection to {url} was lost before the answer: {_said(error)}")
        lost.again = call.repeatable
        raise lost from error
    except httpx.DecodingError as error:
        raise BadAnswerError(f"what {url} answers cannot be decoded: {error}") from error


def failure_from(response: httpx.Response, body: bytes) -> ProblemError:
    """The error for an unsuccessful answer, from the service or from a proxy before it."""
    members: dict[str, Any] = {"title": response.reason_phrase, "detail": _text(body)}
    if response.headers.get("content-type", "").startswith(_PROBLEM):
        with contextlib.suppress(ValueError):
            told = json.loads(body)
            members = told if isinstance(told, dict) else members
    elif location := response.headers.get("location"):
        members["detail"] = f"the service is at {location}"
    members["status"] = response.status_code
    if (seconds := _retry_after(response.headers)) is not None:
        members["retry_after"] = seconds
    return problem_from(members)


def decoded(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises BadAnswerError."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise BadAnswerError(f"the answer is no JSON object: {_text(body)}")
    return members


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3), which may also be given as a date."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None


def _text(body: bytes) -> str:
    return " ".join(body[: 4 * _SHOWN].decode(errors="replace").split())[:_SHOWN]


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
