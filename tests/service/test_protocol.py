"""What clients can do to a connection before there is a request, over real sockets."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spotter.service.protocol import Corked
from tests.service.serving import Serving, serving
from tests.service.tiny import picture


@pytest.fixture(scope="module")
def strict(registry: Path) -> Iterator[Serving]:
    """A process with small limits."""
    with serving(
        registry=registry,
        threads=1,
        max_header_bytes=2000,
        header_timeout=0.5,
        upload_timeout=0.5,
        max_connections=8,
        max_bytes=100_000,
    ) as server:
        server.ready()
        yield server


def talk(server: Serving, *parts: bytes, pause: float = 0.0) -> bytes:
    """Sends the parts and returns all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused while we spoke
        received = b""
        try:
            while chunk := client.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD, b"A: " + b"b" * 3000 + b"\r\n\r\n"],
        [HEAD, *[b"A%d: b\r\n" % number for number in range(400)], b"\r\n"],
        [HEAD, b"A: ", *[b"b" * 900] * 5],
        [b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n"],
    ],
    ids=["long", "many", "endless", "url"],
)
def test_headers_are_bounded(strict: Serving, parts: list[bytes]) -> None:
    answer = talk(strict, *parts)
    assert answer.startswith(b"HTTP/1.1 431 "), answer
    assert b"urn:spotter:problem:headers-too-large" in answer


def test_headers_within_the_limit_pass(strict: Serving) -> None:
    with httpx.Client(base_url=strict.url) as http:
        for _ in range(5):  # on one connection: each head is counted alone
            assert http.get("/health/live", headers={"A": "b" * 1500}).status_code == 200


def test_a_refused_client_may_go_on_sending_for_a_moment(strict: Serving) -> None:
    """Its answer is not lost to a reset, and its connection does not stay open."""
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as client:
        client.sendall(HEAD + b"A: " + b"b" * 3000)
        time.sleep(0.2)
        client.sendall(b"b" * 100_000)
        time.sleep(0.2)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        assert received.startswith(b"HTTP/1.1 431 ")
        began = time.monotonic()
        with pytest.raises(OSError, match=r"reset|Broken pipe"):  # noqa: PT012
            while time.monotonic() - began < 10:
                client.sendall(b"b")
                time.sleep(0.05)


@pytest.mark.parametrize("bytes_", [b"hello there\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_a_problem_that_names_nobody(strict: Serving, bytes_: bytes) -> None:
    answer = talk(strict, bytes_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert b"server:" not in answer.lower()
    assert b"uvicorn" not in answer.lower()
    request_id = json.loads(answer.partition(b"\r\n\r\n")[2])["request_id"]
    strict.find(f'"status": 400, "request_id": "{request_id}"')


@pytest.mark.parametrize("start", [b"", b"GET /health/live HTTP/1.1\r\nHost"], ids=["nothing", "half"])
def test_heads_that_never_end_are_cut_off(strict: Serving, start: bytes) -> None:
    began = time.monotonic()
    answer = talk(strict, start)
    assert 0.4 < time.monotonic() - began < 5
    assert answer == b"" if not start else answer.startswith(b"HTTP/1.1 408 ")


def test_a_trickled_head_gets_no_more_time(strict: Serving) -> None:
    began = time.monotonic()
    talk(strict, HEAD, *[b"A: b\r\n"] * 30, pause=0.1)
    assert time.monotonic() - began < 4.5


def test_a_trickled_body_is_a_408(strict: Serving) -> None:
    head = b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n"
    answer = talk(strict, head, *[b"x"] * 8, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_the_rest_of_a_refused_body_is_not_read_for_ever(strict: Serving) -> None:
    head = b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99999999\r\n\r\n"
    began = time.monotonic()
    answer = talk(strict, head, *[b"x" * 100] * 25, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - began < 5, "it read on"


@pytest.mark.parametrize("more", [b"", b"GET / HTTP/1.1\r\n\r\n"], ids=["the rest", "more"])
def test_a_refused_body_can_be_sent_to_its_end_though_the_connection_is_closed_then(
    strict: Serving, more: bytes
) -> None:
    """So does a balancer, which answers 502 or nothing where it cannot."""
    head = b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as client:
        client.sendall(head)
        for part in (b"", b"", more):
            time.sleep(0.1)
            client.sendall(b"x" * 100_000 + part)
        began = time.monotonic()
        answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert time.monotonic() - began < 0.4, "it is closed once the body has arrived"
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"}")
    assert answer.count(b"HTTP/1.1") == 1


def test_connections_are_bounded_and_places_come_back(strict: Serving) -> None:
    open_ = [socket.create_connection(("127.0.0.1", strict.port), timeout=10) for _ in range(8)]
    try:
        time.sleep(0.1)
        answer = talk(strict, HEAD + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
    finally:
        for each in open_:
            each.close()
    until = time.monotonic() + 5
    while talk(strict, HEAD + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 503"):
        assert time.monotonic() < until
    assert httpx.post(f"{strict.url}/spot", content=picture((1, 0, 0))).status_code == 200


def test_trailers_of_a_chunked_body_are_not_headers(strict: Serving) -> None:
    body = picture((3, 0, 0))
    request = b"POST /spot HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = talk(strict, request + b"%x\r\n" % len(body) + body + b"\r\n0\r\nX-Request-Id: forged\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"forged" not in answer


class Written(asyncio.Transport):
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_the_head_of_an_answer_leaves_with_its_body() -> None:
    written = Written()
    corked = Corked(written)
    corked.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert written.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]  # that one is waited for
    for part in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 in a body", b"more"):
        corked.write(part)
    assert written.writes[1:] == [b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 in a body", b"more"]
    corked.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    corked.close()
    assert written.writes[3:] == [b"HTTP/1.1 204 No Content\r\n\r\n"]
    assert corked.is_closing()
