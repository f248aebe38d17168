"""What clients can do to a connection before there is a request, over real sockets."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spotter.service.http.protocol import RESERVE, Corked, without_upgrade
from tests.reading.tiny import picture
from tests.service.serving import Serving, serving


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
        [HEAD + b"A: " + b"b" * 4500],
        [HEAD + b"A: " + b"b" * 1500, b"b" * 900],
        [b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n"],
    ],
    ids=["long", "many", "endless", "endless at once", "endless in two", "url"],
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


def get(path: str) -> bytes:
    """A request whose connection stays open, as far as the client is concerned."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@contextlib.contextmanager
def connections(server: Serving, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have a place each. Waits for the places, and until one is free again."""
    until = time.monotonic() + 10
    with contextlib.ExitStack() as open_:
        sockets: list[socket.socket] = []
        while len(sockets) < count:
            client = open_.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            client.sendall(get("/v1/model"))
            if client.recv(65536).startswith(b"HTTP/1.1 200 "):
                sockets.append(client)
            else:
                client.close()
                assert time.monotonic() < until
        yield sockets
    while httpx.get(f"{server.url}/v1/model").status_code == 503:
        assert time.monotonic() < until + 60


def test_connections_are_bounded_and_places_come_back(strict: Serving) -> None:
    with connections(strict, 8) as open_:
        answer = talk(strict, get("/v1/model"))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        assert b"8 connections are open" in answer
        open_[0].sendall(get("/v1/model"))  # who has a place keeps it
        assert open_[0].recv(65536).startswith(b"HTTP/1.1 200 ")
    assert httpx.post(f"{strict.url}/spot", content=picture((1, 0, 0))).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/metrics?name=x"])
def test_probes_and_scrapes_are_answered_though_every_connection_is_taken(strict: Serving, path: str) -> None:
    with connections(strict, 8):
        for _ in range(2 * RESERVE):  # each is closed with its answer, so that the next one finds a place
            answer = talk(strict, get(path))
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close\r\n" in answer


@pytest.mark.parametrize("path", ["/spot", "/docs", "/health", "//metrics", "/metrics/"])
def test_the_reserve_is_for_probes_only(strict: Serving, path: str) -> None:
    with connections(strict, 8):
        answer = talk(strict, get(path) + get("/health/live"))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert answer.count(b"HTTP/1.1 ") == 1


def test_beyond_the_reserve_a_connection_is_refused_before_it_asks(strict: Serving) -> None:
    with connections(strict, 8), contextlib.ExitStack() as silent:
        reserve = [
            silent.enter_context(socket.create_connection(("127.0.0.1", strict.port), timeout=10))
            for _ in range(RESERVE)
        ]
        assert talk(strict).startswith(b"HTTP/1.1 503 ")
        for client in reserve:  # until now nobody knew what they want
            client.sendall(get("/health/live"))
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_refused_clients_that_do_not_close_keep_no_probe_out(strict: Serving) -> None:
    with connections(strict, 8), contextlib.ExitStack() as lingering:
        for _ in range(3 * RESERVE):
            client = lingering.enter_context(socket.create_connection(("127.0.0.1", strict.port), timeout=10))
            client.sendall(get("/v1/model"))
            assert client.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert talk(strict, get("/health/live")).startswith(b"HTTP/1.1 200 ")


def test_a_connection_of_the_reserve_may_ask_for_all_once_there_is_room(strict: Serving) -> None:
    ninth = ("127.0.0.1", strict.port)
    with connections(strict, 8) as open_, socket.create_connection(ninth, timeout=10) as client:
        for each in open_[:2]:
            each.close()
        until = time.monotonic() + 5
        while httpx.get(f"{strict.url}/v1/model").status_code == 503:
            assert time.monotonic() < until
        client.sendall(get("/v1/model"))
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" not in answer


def post(*headers: str, body: bytes) -> tuple[bytes, bytes]:
    """Head and body of a POST /spot."""
    lines = ["POST /spot HTTP/1.1", "Host: x", "Content-Type: image/png", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode(), body


H2C = ("Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
SMUGGLED = get("/v1/model")


def words(answer: bytes) -> list[str]:
    """The words of the only answer, which is a good one."""
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    return [word["text"] for word in json.loads(answer.partition(b"\r\n\r\n")[2])["words"]]


@pytest.mark.parametrize("apart", [False, True], ids=["one packet", "two packets"])
@pytest.mark.parametrize("upgrade", ["Upgrade: h2c", "UPGRADE:websocket", "uPGRADE:\t h2c , TLS/1.0 "])
def test_an_upgrade_is_ignored(strict: Serving, upgrade: str, apart: bool) -> None:
    head, body = post(H2C[0], upgrade, H2C[2], body=picture((4, 5, 0)))
    parts = [head, body] if apart else [head + body]
    assert words(talk(strict, *parts, pause=0.1)) == ["004", "005"]


def test_an_upgrade_is_ignored_in_each_request_of_a_connection(strict: Serving) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as client:
        for red in (1, 2, 3):
            client.sendall(b"".join(post("Connection: Upgrade", "Upgrade: h2c", body=picture((red, 0, 0)))))
            assert words(client.recv(65536)) == [f"00{red}"]


@pytest.mark.parametrize("apart", [False, True], ids=["one packet", "two packets"])
def test_a_body_behind_an_upgrade_is_never_a_request(strict: Serving, apart: bool) -> None:
    head, body = post("Connection: Upgrade", "Upgrade: h2c", body=SMUGGLED)
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"  # begins where the body ends
    answers = talk(strict, *([head, body] if apart else [head + body]), last, pause=0.2)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"415", b"200"]
    assert answers.endswith(b'\r\n\r\n{"status":"live"}')


def test_a_body_that_speaks_of_an_upgrade_stays_as_it_is(strict: Serving) -> None:
    body = picture((6, 7, 0)) + b"\r\nUpgrade: h2c\r\n\r\n"
    together = b"".join(post("Connection: close", body=body))
    for parts in (post(*H2C, body=body), [together], [together[:-20], together[-20:]]):
        assert words(talk(strict, *parts, pause=0.1)) == ["006", "007"]


@pytest.mark.parametrize("cut", [1, 30, -60, -1])
def test_an_upgrade_in_a_head_that_comes_in_parts_is_refused(strict: Serving, cut: int) -> None:
    head, _ = post("Connection: Upgrade", "Upgrade: h2c", body=SMUGGLED)
    answer = talk(strict, head[:cut], head[cut:], SMUGGLED, SMUGGLED, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"urn:spotter:problem:bad-request" in answer
    assert b"send no Upgrade header" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_an_upgrade_behind_another_request_in_its_packet_is_refused(strict: Serving) -> None:
    head, body = post("Connection: Upgrade", "Upgrade: h2c", body=SMUGGLED)
    answer = talk(strict, get("/health/live") + head + body, SMUGGLED, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"GET / HTTP/1.1\r\nUpgrade: a\r\nA: b\r\nupgrade:\r\n\r\nc", b"GET / HTTP/1.1\r\nA: b\r\n\r\nc"),
        (b"GET / HTTP/1.1\r\nUpgraded: a\r\nA-Upgrade: b\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nA: b\r\n\r\n\r\nUpgrade: a\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nUpgrade: a\r\n", None),
        (b"GET / HTTP/1.1\r\nUpgrade: a\r\n b\r\n\r\n", None),
        (b"GET / HTTP/1.1\n\nx\r\nUpgrade: a\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nA: b\rx\r\nUpgrade: a\r\n\r\n", None),
        (b"\r\nUpgrade: a\r\nGET / HTTP/1.1\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nUpgrade: " + b"a" * 100 + b"\r\n\r\n", None),
    ],
    ids=["two", "other names", "body", "no end", "folded", "bare LF", "bare CR", "no request line", "long"],
)
def test_only_a_plain_head_loses_its_upgrade(before: bytes, after: bytes | None) -> None:
    assert without_upgrade(before, 100) == (before if after is None else after)


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
