"""Memory that stays flat: after many requests of every kind, good and bad, the service is as large as after the first
of them."""

import asyncio
import base64
import contextlib
import itertools
import random
import statistics
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lengths import LONG
from tests.reading.corpus import FORMATS, HEIC, encode, noise
from tests.reading.documents import HELLO, pdf, tiff
from tests.reading.tiny import picture
from tests.service.serving import Serving, serving

REQUESTS = 20_000
BEFORE = 2_000
"""Requests until every kind was seen several times, and the allocator has what it keeps."""
EVERY = 50
"""Requests between two measurements."""
GROWTH = 0.03
CLIENTS = 4
COLOURS = [(1, 2, 0), (3, 0, 0), (0, 4, 0)]
Kind = tuple[int, str, dict[str, Any], int]
"""How often it is sent, of 100 or so; path; arguments of the request; status."""


def kinds() -> list[Kind]:
    """Requests of all kinds."""
    small, large = picture((5, 6, 0)), picture((7, 8, 0), (1500, 1100), "JPEG")
    files = [("images", ("a.png", small)), ("images", ("b.jpg", large)), ("images", ("c", b"no picture"))]
    textract = {
        "json": {"Document": {"Bytes": base64.b64encode(small).decode()}},
        "headers": {"X-Amz-Target": "Textract.DetectDocumentText"},
    }
    spot = "/spot"
    forms: list[Kind] = [
        (1, f"{spot}?format={form}", {"content": small}, 200) for form in ("text", "hocr", "alto", "tsv", "png", "pdf")
    ]
    formats: list[Kind] = [
        (1, spot, {"content": encode(noise(), form, **options)}, 200) for form, options in FORMATS.items()
    ]
    hints: list[Kind] = [
        (1, f"{spot}?{query}", {"content": small}, 200)
        for query in (
            "charset=0123456789",
            r"pattern=\d%2BS",
            "lexicon=005,007",
            "region=1,2,30,40",
            "ignore=1,2,30,40",
            "min_height=5",
            "max_side=128",
            "language_model=off",
            "min_score=0.5",
            "pages=1",
            "detail=characters",
            "detail=blocks",
        )
    ]
    decoded_apart: list[Kind] = [
        (1, spot, {"content": encode(noise(), "AVIF")}, 200),
        (1, spot, {"content": encode(noise(), "JPEG2000")}, 200),
        (1, spot, {"content": base64.b64decode(HEIC)}, 200 if find_spec("pi_heif") else 415),
        (1, f"{spot}?pdf=ocr&pages=2", {"content": pdf([HELLO] * 3)}, 200),
        (1, f"{spot}?pages=2-&format=text", {"content": tiff(COLOURS)}, 200),
    ]
    return [
        (25, spot, {"content": small}, 200),
        (15, spot, {"content": large}, 200),
        (5, spot, {"files": files}, 200),
        (3, spot, {"json": {"image": base64.b64encode(small).decode()}}, 200),
        (3, spot, {"content": tiff(COLOURS)}, 200),
        (1, spot, {"content": pdf([HELLO])}, 200),
        (1, f"{spot}?format=pdf&pdf=ocr", {"content": pdf([HELLO])}, 200),
        (1, spot, {"content": tiff(COLOURS), "headers": {"Accept": "application/x-ndjson"}}, 200),
        *forms,
        *formats,
        *hints,
        *decoded_apart,
        (3, spot, {"content": small[:60]}, 422),
        (3, spot, {"content": b"no picture"}, 415),
        (2, spot, {"content": b"\0" * 200_001}, 413),
        (2, f"{spot}?min_skore=1", {"content": small}, 422),
        (2, "/compat/textract", textract, 200),
        (1, "/compat/doctr/ocr", {"files": [("files", ("a.png", small))]}, 200),
    ]


def resident(server: Serving) -> int:
    """Bytes of the process that are in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


async def send(server: Serving, requests: int) -> list[int]:
    """Sends requests of all kinds, and leaves in the middle of some; returns the resident sizes on the way."""
    found, numbers, rng = kinds(), itertools.count(), random.Random(7)
    sizes: list[int] = []

    async def one(http: httpx.AsyncClient) -> None:
        while (number := next(numbers)) < requests:
            _, path, arguments, status = rng.choices(found, [kind[0] for kind in found])[0]
            if number % 40 == 0:
                with contextlib.suppress(httpx.TimeoutException):
                    await http.post(path, **arguments, timeout=rng.choice([0.001, 0.01]))
                continue
            while (response := await http.post(path, **arguments)).status_code == 429:
                await asyncio.sleep(0.1)  # as many documents are open as may be
            assert response.status_code == status, (path, response.text)
            if number % EVERY == 1:
                assert (await http.get("/metrics")).status_code == 200
                sizes.append(resident(server))

    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        await asyncio.gather(*(one(http) for _ in range(CLIENTS)))
    return sizes


@pytest.fixture
def server(registry: Path) -> Iterator[Serving]:
    with serving(registry=registry, threads=1, max_bytes=200_000, compat="textract,doctr") as process:
        process.ready(60)
        yield process


@pytest.mark.skipif(not LONG, reason="it takes minutes: make chaos")
def test_many_requests_leave_the_process_as_large_as_it_was(server: Serving) -> None:
    sizes = asyncio.run(send(server, BEFORE + REQUESTS))
    measured = sizes[BEFORE // EVERY :]
    part = max(1, len(measured) // 10)
    before, after = statistics.median(measured[:part]), statistics.median(measured[-part:])
    print(f"\n{REQUESTS} requests: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB after")
    assert after < before * (1 + GROWTH)
