"""A small server that answers each request with the next of its behaviours, and remembers what it was sent."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Misbehaving:
    """Where it is, and what it was sent."""

    def __init__(self, behaviours: tuple[Behaviour, ...]) -> None:
        self.sent: list[Sent] = []
        self.end = threading.Event()
        self._behaviours = iter(behaviours)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):  # clients that leave are what some tests are about
                    super().handle_one_request()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.sent.append(Sent(self.path, headers, body))
                next(outer._behaviours, hangs_up)(self)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server.server_port}"


@contextlib.contextmanager
def misbehaving(*behaviours: Behaviour) -> Iterator[Misbehaving]:
    """Runs it; requests beyond the behaviours are hung up on."""
    running = Misbehaving(behaviours)
    running.server.daemon_threads = True
    running.server.end = running.end  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield running
    finally:
        running.end.set()
        running.server.shutdown()
        running.server.server_close()
        thread.join()


def answers(status: int = 200, body: object = None, kind: str = "application/json", **headers: str) -> Behaviour:
    """Answers with JSON, or with bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(ANSWER if body is None else body).encode()

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return behave


def refuses(status: int, kind: str, **headers: str) -> Behaviour:
    """A problem of the service."""
    problem = {"type": f"urn:spotter:problem:{kind}", "title": "T", "status": status, "detail": "D", "remedy": "R."}
    return answers(status, {**problem, "fault": "server", "request_id": "r1"}, "application/problem+json", **headers)


def hangs_up(request: BaseHTTPRequestHandler) -> None:
    """Closes the connection instead of answering."""
    request.close_connection = True


def hangs(request: BaseHTTPRequestHandler) -> None:
    """Says nothing until the end of the test."""
    request.server.end.wait()  # type: ignore[attr-defined]
    request.close_connection = True


def breaks_off(request: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"model"')
    request.close_connection = True


def trickles(request: BaseHTTPRequestHandler) -> None:
    """Sends a byte now and then, for ever."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    with contextlib.suppress(OSError):
        while not request.server.end.wait(0.05):  # type: ignore[attr-defined]
            request.wfile.write(b" ")


ANSWER: dict[str, Any] = {
    "model": {"name": "spotter", "version": "1", "digest": "sha256:0"},
    "image": {"width": 8, "height": 8},
    "words": [],
    "lines": [],
    "blocks": [],
    "reading": None,
    "warnings": [],
}
