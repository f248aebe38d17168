"""Clients that leave at any moment, among clients that stay: places come back, and the stayers get their words."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.load import closed_loop
from tests.lengths import LONG
from tests.reading.tiny import picture
from tests.service.serving import Serving, serving

SECONDS = 60.0 if LONG else 4.0
STAGES = ("upload", "decode", "queue", "infer")


@pytest.fixture
def quick(registry: Path) -> Iterator[Serving]:
    """A service that sleeps 20 ms a picture, two at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLEEPY_BATCH", "0.0")
        patch.setenv("SLEEPY_PICTURE", "0.02")
        with serving(module="tests.chaos.sleepy", registry=registry, threads=1, batch_pictures=2, decoders=1) as server:
            server.ready(60)
            yield server


def figures(server: Serving) -> dict[str, float]:
    page = httpx.get(f"{server.url}/metrics").text
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in page.splitlines() if line[0] != "#")}


async def leave(port: int, rng: random.Random, until: float) -> int:
    """Leaves in the middle of the body, or up to 100 ms after it, again and again; returns how often."""
    times = 0
    while time.monotonic() < until:
        body = picture((250, 251, 0), (rng.choice([32, 64, 300]), 64))
        part = rng.choice([len(body) // 2, len(body), len(body), len(body)])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body[:part])
        await writer.drain()
        await asyncio.sleep(rng.choice([0.0, 0.002, 0.02, 0.1]))
        writer.transport.abort()
        times += 1
    return times


def test_leavers_free_their_places_at_every_stage_and_are_counted(quick: Serving) -> None:
    async def crowd() -> tuple[list[int], int]:
        until = time.monotonic() + SECONDS
        leavers = asyncio.gather(*(leave(quick.port, random.Random(n), until) for n in range(12)))
        answers = await closed_loop(quick.port, 4, SECONDS)
        assert all(answer.own_words for answer in answers)
        return [answer.status for answer in answers], sum(await leavers)

    statuses, left = asyncio.run(crowd())
    until = time.monotonic() + 10
    while (now := figures(quick))["spotter_queue_pictures"] or now["spotter_upload_bytes"]:
        assert time.monotonic() < until, now
        time.sleep(0.05)
    gone = {stage: now.get(f'spotter_cancellations_total{{stage="{stage}"}}', 0.0) for stage in STAGES}
    print(f"\n{len(statuses)} stayed, {left} left: {gone}")
    assert set(statuses) == {200}
    assert (now["spotter_queue_pixels"], now['spotter_batch_queue_pictures{model="spotter"}']) == (0, 0)
    assert min(gone["upload"], gone["queue"], gone["infer"]) > 0
    # Every request of either kind ended once: those that left before their head was read are no requests.
    ended = sum(value for name, value in now.items() if name.startswith("spotter_requests_total") and "/spot" in name)
    assert len(statuses) + 0.5 * left < ended <= len(statuses) + left
    assert sum(gone.values()) <= left
    with contextlib.suppress(IndexError):
        errors = [line for line in quick.logs() if line["level"] == "error"]
        assert not errors, errors[0]
