"""Both clients against servers that misbehave: what was not taken is sent again, what may have been is not, and all is
over in time."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from spotter.client import (
    AsyncClient,
    BadAnswerError,
    Client,
    ConnectionLostError,
    DeadlineError,
    PictureAnswer,
    ProblemError,
    Retries,
    SpotterError,
    UnreachableError,
)
from spotter.client.errors import NotReadyError, OverloadedError, TooLateError, UnauthorizedError
from tests.client.misbehaving import (
    ANSWER,
    Behaviour,
    answers,
    breaks_off,
    hangs,
    hangs_up,
    misbehaving,
    refuses,
    trickles,
)

QUICK = Retries(attempts=4, first=0.01, longest=0.02)
Read = Callable[..., Any]


def read_sync(url: str, source: Any = b"x", **options: Any) -> Any:
    with Client(url, retries=QUICK, api_key=options.pop("api_key", None)) as client:
        return client.read(source, **options)


def read_async(url: str, source: Any = b"x", **options: Any) -> Any:
    async def read() -> Any:
        async with AsyncClient(url, retries=QUICK, api_key=options.pop("api_key", None)) as client:
            return await client.read(source, **options)

    return asyncio.run(read())


@pytest.fixture(params=[read_sync, read_async])
def read(request: pytest.FixtureRequest) -> Read:
    """Each client."""
    found: Read = request.param
    return found


def test_refusals_of_the_moment_are_waited_out(read: Read) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=0.5), usegmt=True)
    behaviours = [
        refuses(429, "overloaded", Retry_After="0"),
        refuses(503, "not-ready", Retry_After="0"),
        answers(503, b"<html>busy</html>", "text/html", Retry_After=date),
        answers(),
    ]
    with misbehaving(*behaviours) as server:
        assert isinstance(read(server.url, b"abc"), PictureAnswer)
        assert [sent.body for sent in server.sent] == [b"abc"] * 4


def test_it_does_not_come_back_before_it_was_told_to(read: Read) -> None:
    with misbehaving(refuses(429, "overloaded", Retry_After="1"), answers()) as server:
        began = time.monotonic()
        read(server.url)
        assert time.monotonic() - began >= 1


def test_a_wait_that_is_too_long_is_not_begun(read: Read) -> None:
    with misbehaving(refuses(429, "overloaded", Retry_After="60")) as server:
        began = time.monotonic()
        with pytest.raises(OverloadedError, match=r"429 T: D R\.") as caught:
            read(server.url, timeout=20)
        assert time.monotonic() - began < 10
        assert (caught.value.retry_after, caught.value.request_id) == (60, "r1")


def test_attempts_end(read: Read) -> None:
    with misbehaving(*[refuses(503, "not-ready", Retry_After="0")] * 9) as server:
        with pytest.raises(NotReadyError):
            read(server.url)
        assert len(server.sent) == QUICK.attempts


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (hangs_up, ConnectionLostError),
        (breaks_off, ConnectionLostError),
        (hangs, DeadlineError),
        (trickles, DeadlineError),
        (answers(502, b"<html>bad gateway</html>", "text/html", Retry_After="0"), ProblemError),
        (refuses(500, "internal"), ProblemError),
        (refuses(504, "too-late"), TooLateError),
        (answers(503, b"", "text/html"), ProblemError),
        (answers(200, b"<html>hello</html>", "text/html"), BadAnswerError),
        (answers(200, [1]), BadAnswerError),
        (answers(200, {"hello": 1}), BadAnswerError),
    ],
)
def test_what_may_have_been_taken_is_posted_once(read: Read, behaviour: Behaviour, error: type[SpotterError]) -> None:
    with misbehaving(behaviour, answers()) as server:
        began = time.monotonic()
        with pytest.raises(error):
            read(server.url, timeout=0.4 if error is DeadlineError else 30)
        assert time.monotonic() - began < 5, "a call ends within its time"
        assert len(server.sent) == 1


def test_an_upload_that_stalls_ends_in_time(read: Read) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        with pytest.raises(DeadlineError):
            read(f"http://127.0.0.1:{deaf.getsockname()[1]}", bytes(32 << 20), timeout=0.5)
        assert 0.5 <= time.monotonic() - began < 5


def test_whoever_is_not_there_yet_is_asked_again(read: Read) -> None:
    with socket.create_server(("127.0.0.1", 0)) as placeholder:
        address = f"http://127.0.0.1:{placeholder.getsockname()[1]}"
    with pytest.raises(UnreachableError, match="cannot be reached"):
        read(address)

    calls = 0

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json=ANSWER)

    own = httpx.Client(transport=httpx.MockTransport(handle))
    with own, Client(address, retries=QUICK, http=own) as client:
        assert isinstance(client.read(b"x"), PictureAnswer)
    assert calls == 3


def test_the_service_is_told_how_long_its_client_waits(read: Read) -> None:
    with misbehaving(refuses(429, "overloaded", Retry_After="1"), answers()) as server:
        read(server.url, timeout=9, min_score=0.5, region=(1, 2, 3, 4), ignore=[(0, 0, 5, 5)], pages=[1, 3])
        first, second = (int(sent.headers["x-request-timeout-ms"]) for sent in server.sent)
        assert 8000 < first <= 9000
        assert second <= first - 1000
        query = "?detail=blocks&min_score=0.5&region=1%2C2%2C3%2C4&ignore=0%2C0%2C5%2C5&pages=1%2C3"
        assert {sent.path for sent in server.sent} == {f"/spot{query}"}


def test_the_key_is_sent_and_stays_here(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving(answers()) as elsewhere:
        moved = answers(302, b"", "text/plain", Location=f"{elsewhere.url}/spot")
        with misbehaving(refuses(401, "unauthorized"), answers(), moved) as server:
            with pytest.raises(UnauthorizedError):
                read(server.url)
            monkeypatch.setenv("SPOTTER_API_KEY", "of-the-environment")
            monkeypatch.setenv("SPOTTER_URL", f"{server.url}/")
            read(None)
            with pytest.raises(ProblemError, match=f"the service is at {elsewhere.url}"):
                read(server.url, api_key="given")
            keys = [sent.headers.get("authorization") for sent in server.sent]
            assert keys == [None, "Bearer of-the-environment", "Bearer given"]
        assert not elsewhere.sent


def test_questions_about_the_service_are_asked_again_whatever_happened() -> None:
    with misbehaving(hangs_up, breaks_off, answers(200, {"version": "3"})) as server:
        with Client(server.url, retries=QUICK) as client:
            assert client.model() == {"version": "3"}
        assert [sent.path for sent in server.sent] == ["/v1/model"] * 3


def test_waiting_for_readiness_ends_with_it_or_with_the_reason() -> None:
    starting = [refuses(503, "not-ready", Retry_After="30")] * 2
    with misbehaving(*starting, answers(200, {"status": "ready"})) as server, Client(server.url) as client:
        client.wait_until_ready(20)
        assert len(server.sent) == 3
    with Client(server.url) as client:
        with pytest.raises(DeadlineError) as caught:
            client.wait_until_ready(0.3)
        assert isinstance(caught.value.__cause__, UnreachableError)


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://example.org", "http://", "/spot"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(ValueError, match="no address like"):
        Client(address)


def wide(width: int) -> Behaviour:
    return answers(200, {**ANSWER, "image": {"width": width, "height": 1}})


def outcomes_sync(url: str, sources: Any, **options: Any) -> list[Any]:
    with Client(url, retries=QUICK) as client:
        return list(client.read_many(sources, **options))


def outcomes_async(url: str, sources: Any, **options: Any) -> list[Any]:
    async def read() -> list[Any]:
        async with AsyncClient(url, retries=QUICK) as client:
            return [outcome async for outcome in client.read_many(sources, **options)]

    return asyncio.run(read())


@pytest.mark.parametrize("many", [outcomes_sync, outcomes_async])
def test_many_come_in_order_or_as_they_are_read(many: Read) -> None:
    with misbehaving(wide(0), wide(1), refuses(422, "broken-picture"), wide(3)) as server:
        found = many(server.url, iter([b"0", b"1", b"2", b"3"]), concurrency=1)
        assert [each.index for each in found] == [0, 1, 2, 3]
        assert [each.error is None for each in found] == [True, True, False, True]
        assert found[3].result().image.width == 3
        with pytest.raises(ProblemError):
            found[2].result()

    def waits(request: Any) -> None:
        while len(server.sent) < 4:
            time.sleep(0.01)
        time.sleep(0.5)  # until the last of the others is there, too
        wide(0)(request)

    with misbehaving(waits, *[wide(1)] * 3) as server:
        found = many(server.url, [b"0", b"1", b"2", b"3"], concurrency=2, in_order=False)
        assert sorted(each.index for each in found) == [0, 1, 2, 3]
        assert found[-1].answer.image.width == 0


@pytest.mark.parametrize("many", [outcomes_sync, outcomes_async])
def test_sources_are_taken_as_they_are_needed_and_requests_bounded(many: Read) -> None:
    inside, most, together = 0, 0, threading.Barrier(3, timeout=30)

    def behave(request: Any) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        together.wait()
        inside -= 1
        answers()(request)

    taken = 0

    def sources() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(21):
            taken += 1
            assert taken - len(server.sent) <= 6
            yield b"x"

    with misbehaving(*[behave] * 21) as server:
        assert len(many(server.url, sources(), concurrency=3)) == 21
    assert most == 3


def test_whoever_stops_early_leaves_nothing_behind() -> None:
    async def first(url: str) -> int:
        async with AsyncClient(url, retries=QUICK) as client:
            outcomes = client.read_many([b"x"] * 50, concurrency=2)
            index = (await anext(outcomes)).index
            await outcomes.aclose()
            assert len(asyncio.all_tasks()) == 1
            return index

    with misbehaving(*[answers()] * 50) as server:
        assert asyncio.run(first(server.url)) == 0
        assert len(server.sent) < 10
    with misbehaving(*[answers()] * 50) as server, Client(server.url) as client:
        for outcome in client.read_many([b"x"] * 50, concurrency=2):
            assert outcome.index == 0
            break
        assert len(server.sent) < 10


def test_a_bar_shows_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with misbehaving(answers(), answers()) as server:
        assert len(outcomes_sync(server.url, [b"x", b"y"], progress=True)) == 2
    assert "2/2" in capsys.readouterr().err
    with pytest.raises(ValueError, match="concurrency"):
        outcomes_sync(server.url, [], concurrency=0)
