"""`GET /v1/capacity` tells what is inside and what more is let in, as it then is."""

import asyncio
import threading
from typing import Any

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spotter.reading.imaging import OpenedPicture, Prepared
from spotter.service.batching.admission import Admission, Limits
from spotter.service.errors import OverloadedError
from spotter.service.lifecycle import State
from tests.reading.tiny import picture
from tests.service.conftest import Client
from tests.service.test_app import problem_of


def let_in(admission: Admission, pixels: int, most: int) -> int:
    """How many pictures of so many padded pixels are let in, one after the other, up to `most`."""
    for number in range(most):
        try:
            admission.enter().charge(pixels)
        except OverloadedError:
            return number
    return most


@given(
    st.integers(1, 30), st.integers(1, 5000), st.floats(0.5, 20), st.integers(1, 300), st.floats(0.01, 3),
    st.integers(0, 20),
)  # fmt: skip
def test_as_many_pictures_are_let_in_as_it_says(
    pictures: int, pixels: int, seconds: float, size: int, took: float, inside: int
) -> None:
    # A queue exactly as long as is let in is longer or not by the last bit of a quotient.
    assume(abs(seconds / took - round(seconds / took)) > 1e-6)
    admission = Admission(Limits(pictures, pixels, seconds), lambda: 0.0)
    admission.expect(size, took)
    let_in(admission, size, inside)
    room = admission.room()
    assert (room.inside_pictures, room.inside_pixels) == (admission.pictures, admission.pixels)
    assert (room.retry_after is None) == (room.pictures > 0)
    assert let_in(admission, size, pictures + 1) == pytest.approx(room.pictures, abs=1e-9)


def test_nothing_is_said_of_time_before_anything_was_read() -> None:
    room = Admission(Limits(3, 100, 10), lambda: 0.0).room()
    assert (room.pictures, room.pixels, room.queue, room.pace, room.retry_after) == (3, 100, None, None, None)


def test_what_waits_to_be_opened_counts_as_those_read_lately() -> None:
    now = 0.0
    admission = Admission(Limits(10, 1000, 10), lambda: now)
    admission.expect(100, 0.5)
    ticket = admission.enter()
    room = admission.room()
    assert (room.inside_pixels, room.pixels, room.queue, room.pace) == (0, 900, 0.5, (2.0, 200.0))
    ticket.charge(400)
    room = admission.room()
    assert (room.inside_pixels, room.pixels, room.queue, room.pictures) == (400, 600, 2.0, 6)
    now = 2.0
    ticket.leave(served=True)
    assert admission.room().queue == 0


async def capacity(http: httpx.AsyncClient) -> dict[str, Any]:
    response = await http.get("/v1/capacity")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_it_tells_of_a_real_queue(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, decode = threading.Event(), OpenedPicture.decode

    def slow(opened: OpenedPicture) -> Prepared:
        assert go_on.wait(60)
        return decode(opened)

    async def sent(red: int) -> asyncio.Task[httpx.Response]:
        """A picture that is inside, opened or waiting for it."""
        task = asyncio.create_task(http.post("/spot", content=picture((red, 0, 0))))
        while service.handler.admission.pictures < red or service.handler.admission.pixels < min(red, 2) * 8192:
            await asyncio.sleep(0.001)
        return task

    patient: dict[str, Any] = {"queue_seconds": 600, "timeout": 600}
    async with client(queue_pictures=4, max_pictures=2, decoders=2, **patient) as (http, service):
        monkeypatch.setattr(OpenedPicture, "decode", slow)
        idle = await capacity(http)
        assert idle["pictures"] == {"inside": 0, "most": 4, "room": 4}
        assert (idle["seconds"]["queue"], idle["seconds"]["room"], idle["retry_after"]) == (0, 600, None)
        assert idle["pace"]["pictures"] > 0, "measured while the model was warmed"
        tasks = [await sent(1), await sent(2), await sent(3)]
        busy = await capacity(http)
        assert busy["pictures"] == {"inside": 3, "most": 4, "room": 1}
        assert 0 <= busy["seconds"]["queue"] == pytest.approx(600 - busy["seconds"]["room"], abs=0.002)
        assert busy["pixels"]["inside"] == service.handler.admission.pixels > 0
        assert busy["pixels"]["room"] < busy["pixels"]["most"] - busy["pixels"]["inside"], (
            "the third waits to be opened"
        )
        tasks.append(await sent(4))
        full = await capacity(http)
        assert (full["pictures"]["room"], full["retry_after"] >= 1) == (0, True)
        problem_of(await http.post("/spot", content=picture((5, 0, 0))), 429, "overloaded")
        go_on.set()
        assert {(await task).status_code for task in tasks} == {200}
        assert (await capacity(http))["pictures"]["inside"] == 0
        service.lifecycle.to(State.DRAINING)
        problem_of(await http.get("/v1/capacity"), 503, "not-ready")
