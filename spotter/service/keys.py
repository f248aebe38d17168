"""API keys from a file, one a line; without a file no key is needed."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from spotter.service.errors import UnauthorizedError

OPEN = frozenset({"/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"})
"""Paths that need no key: probes, scrapes and the description of the interface."""
LEAST_LENGTH = 16
AWS, AWS_KEY = b"AWS4-HMAC-SHA256", re.compile(rb"\s*Credential=([^/,\s]+)/")
"""How clients of Amazon's services send keys. The id of the access key is the key here: the signature, made with a
secret that only the client and Amazon know, cannot be checked."""
RELOAD_SECONDS = 1.0


class ApiKeys:
    """The keys of a file. It is read again when it changes, so that keys are rotated without a restart.

    Only digests are kept, and all are compared in constant time, so neither timing nor a core dump reveals a key.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ValueError when the file cannot be read, holds no key, or holds a short one."""
        self._path = path
        self._clock = clock
        self._digests = read_keys(path)
        self._stamp = self._now_on_disk()
        self._looked = clock()

    def accepts(self, key: bytes) -> bool:
        """Whether the key is valid."""
        self._reload()
        digest = hashlib.sha256(key).digest()
        found = False
        for known in self._digests:  # all digests, so that the time does not depend on which one matches
            found |= hmac.compare_digest(digest, known)
        return found

    def _reload(self) -> None:
        if self._clock() - self._looked < RELOAD_SECONDS:
            return
        self._looked = self._clock()
        stamp = self._now_on_disk()
        if stamp != self._stamp:
            try:
                self._digests = read_keys(self._path)
            except ValueError:
                return  # half-written or missing: the old keys stay valid until the file can be read
            self._stamp = stamp

    def _now_on_disk(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def read_keys(path: Path) -> tuple[bytes, ...]:
    """SHA-256 digests of the keys of a file: one a line, empty lines and those that begin with # left out.

    Raises ValueError when the file cannot be read, holds no key, or holds one that is short or has a space.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ValueError(f"the keys' file {path} cannot be read: {error.strerror}") from None
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith(b"#")]
    if not keys:
        raise ValueError(f"the keys' file {path} holds no key")
    for key in keys:
        if len(key) < LEAST_LENGTH or len(key.split()) > 1:
            raise ValueError(f"each key in {path} must have at least {LEAST_LENGTH} characters and no space")
    return tuple(hashlib.sha256(key).digest() for key in keys)


class RequireKey:
    """Middleware that requires a key: `Authorization: Bearer KEY`, `Authorization: token KEY` as PaddleX's clients send
    it, the access key's id in one of Amazon's signatures, or `X-Api-Key: KEY`. Raises UnauthorizedError."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, also_open: Collection[str] = ()) -> None:
        """also_open: further paths that need no key."""
        self._app = app
        self._keys = keys
        self._open = OPEN.union(also_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in self._open and not self._keys.accepts(_key_of(scope)):
            raise UnauthorizedError("the request has no valid API key", WWW_Authenticate="Bearer")
        await self._app(scope, receive, send)


def _key_of(scope: Scope) -> bytes:
    headers = dict(scope["headers"])
    kind, _, key = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() in (b"bearer", b"token"):
        return bytes(key.strip())
    if kind == AWS and (named := AWS_KEY.match(key)):
        return bytes(named[1])
    return bytes(headers.get(b"x-api-key", b""))
