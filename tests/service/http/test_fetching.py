import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from spotter.service.errors import TooManyBytesError, UrlNotReadError
from spotter.service.http.fetching import Fetch, is_public

Answer = Callable[[socket.socket, str], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server whose `answer` gets each connection and the path asked for; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with closing(connection):
                try:
                    answer(connection, connection.recv(4096).split(b" ")[1].decode())
                except (OSError, IndexError):
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode() + body


def fetched(url: str, limit: int = 1000, seconds: float = 10) -> bytes:
    return Fetch(url, limit, seconds, lambda address, port: address == "127.0.0.1").run()


def test_a_picture_is_fetched_through_redirects() -> None:
    def answer(connection: socket.socket, path: str) -> None:
        further = {"/a": "b?x=1", "/b?x=1": "/c"}.get(path)
        connection.sendall(reply("302 Found", b"", f"Location: {further}") if further else reply("200 OK", b"picture"))

    with answering(answer) as url:
        assert fetched(f"{url}/a") == b"picture"


@pytest.mark.parametrize(
    ("answered", "message"),
    [
        (reply("404 Not Found"), "404"),
        (reply("302 Found", b"", "Location: /again"), "leads on"),
        (reply("302 Found", b"", "Location: http://10.0.0.1/"), "only public"),
        (reply("302 Found", b"", "Location: file:///etc/passwd"), "no http"),
        (reply("302 Found"), "302"),
        (b"no HTTP at all\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n", "cannot be read"),
    ],
)
def test_answers_that_are_no_picture_are_reported(answered: bytes, message: str) -> None:
    with (
        answering(lambda connection, _: connection.sendall(answered)) as url,
        pytest.raises(UrlNotReadError, match=message),
    ):
        fetched(url)


def test_more_bytes_than_allowed_end_it() -> None:
    def endless(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(1000))

    with answering(endless) as url, pytest.raises(TooManyBytesError):
        fetched(url)


def test_one_that_trickles_is_ended_in_time() -> None:
    def trickle(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)

    began = time.monotonic()
    with answering(trickle) as url, pytest.raises(UrlNotReadError, match="in time"):
        fetched(url, seconds=0.3)
    assert time.monotonic() - began < 5


def wait(ended: threading.Event) -> None:
    ended.wait(10)


def test_one_that_is_given_up_ends() -> None:
    ended = threading.Event()
    with answering(lambda connection, _: wait(ended)) as url:
        fetch = Fetch(url, 1000, 60, lambda address, port: True)
        timer = threading.Timer(0.2, fetch.abort)
        timer.start()
        with pytest.raises(UrlNotReadError):
            fetch.run()
        ended.set()
        timer.join()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::ffff:169.254.169.254",
    ],
)  # fmt: skip
def test_addresses_within_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_others_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://a/", "file:///a", "http://", "http://u:p@example.org/", "http://a:99999/", "http://[", "http:///a",
     "http://" + "a" * 5000, "http://\N{SNOWMAN}" + "\N{SNOWMAN}" * 100 + "/", "http://a b/", "http://127.0.0.1:22/"],
)  # fmt: skip
def test_addresses_that_are_none_are_reported(url: str) -> None:
    with pytest.raises(UrlNotReadError):
        Fetch(url, 1000, 5).run()
