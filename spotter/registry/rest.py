"""JSON and files over HTTP with the standard library, with limits on size and time, and with the registry's errors."""

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spotter.registry.errors import RegistryError

MAX_JSON_BYTES = 16 << 20
_PIECE = 1 << 20


class HttpError(RegistryError):
    """The server answered with an error. `code` is the server's own error code, where it gave one."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class RestClient:
    """A server's REST interface. Every method raises RegistryError when the server cannot be reached, HttpError when it
    answers with an error."""

    def __init__(self, url: str, authorization: Callable[[], str | None] = lambda: None, timeout: float = 20.0) -> None:
        """timeout: the longest time in seconds without a byte. Credentials in the URL are sent, but never shown."""
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.url = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._timeout = timeout
        self._authorization = authorization
        if parts.username is not None:
            basic = basic_authorization(
                urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
            )
            self._authorization = lambda: basic

    def get(self, path: str, /, **query: str) -> dict[str, Any]:
        """Reads an object."""
        return self._json("GET", path, query=query)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Sends an object, returns the answer."""
        return self._json(method, path, body=json.dumps(body).encode())

    def pieces(self, path: str) -> Iterator[bytes]:
        """A file's bytes."""
        with self._open("GET", path) as answer:
            while piece := self._read(answer, _PIECE):
                yield piece

    def put(self, path: str, file: Path) -> None:
        """Stores a file's bytes."""
        with file.open("rb") as body, self._open("PUT", path, body, length=file.stat().st_size) as answer:
            self._read(answer, MAX_JSON_BYTES)

    def _json(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        asked = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        with self._open(method, asked, body) as answer:
            content = self._read(answer, MAX_JSON_BYTES + 1)
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if len(content) > MAX_JSON_BYTES or not isinstance(document, dict):
            raise RegistryError(f"{self.url}{path} did not answer with a JSON object: is it such a server?")
        return document

    def _open(self, method: str, path: str, body: Any = None, length: int | None = None) -> http.client.HTTPResponse:
        headers = {"Accept": "*/*"}
        if body is not None:
            headers["Content-Type"] = "application/json" if length is None else "application/octet-stream"
            headers["Content-Length"] = str(len(body) if length is None else length)
        if (authorization := self._authorization()) is not None:
            headers["Authorization"] = authorization
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(method, path, error) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        return answer

    def _read(self, answer: http.client.HTTPResponse, size: int) -> bytes:
        try:
            content = answer.read(size)
            if len(content) < size and answer.length:
                raise http.client.IncompleteRead(content, answer.length)
            return content
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> RegistryError:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return RegistryError(f"{self.url} cannot be reached: {reason}")

    def _refusal(self, method: str, path: str, error: urllib.error.HTTPError) -> HttpError:
        try:
            document = json.loads(error.read(MAX_JSON_BYTES))
            code, message = str(document["error_code"]), str(document["message"])
        except (ValueError, LookupError, TypeError, OSError, http.client.HTTPException):
            code, message = "", str(error.reason)
        where = path.partition("?")[0]
        return HttpError(error.code, code, f"{self.url} answers {error.code} to {method} {where}: {message}")


def basic_authorization(user: str, password: str) -> str:
    """The Authorization header's value for a user (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
