import io
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spotter.reading import imaging
from spotter.reading.pages import PDF_SIDE
from spotter.service.http.page import ERRORS
from tests.reading.documents import coloured, tiff
from tests.reading.tiny import picture
from tests.service.conftest import Client
from tests.service.test_app import problem_of

RED, GREEN = (200, 10, 10), (10, 200, 10)


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


def colour_of(body: bytes) -> tuple[int, ...]:
    image = opened(body).convert("RGB")
    return tuple(int(value) for value in np.asarray(image)[image.height // 2, image.width // 2])


async def test_a_page_is_drawn_as_its_words_are_placed(client: Client) -> None:
    async with client() as (http, service):
        body = coloured([RED, GREEN])
        answer = (await http.post("/spot?pages=2", content=body)).json()
        response = await http.post("/v1/page?page=2", content=body)
        assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
        size = opened(response.content).size
        assert {"width": size[0], "height": size[1]} == answer["pages"][0]["image"]
        assert max(size) == PDF_SIDE
        assert colour_of(response.content) == GREEN
        assert colour_of((await http.post("/v1/page", content=body)).content) == RED
        assert (service.documents.open, service.uploads.held, service.handler.admission.pictures) == (0, 0, 0)


async def test_pictures_and_tiffs_are_pages_too_and_may_be_made_smaller(client: Client) -> None:
    async with client() as (http, _):
        for body, query, size, colour in (
            (picture(RED, (300, 200)), "", (300, 200), RED),
            (picture(RED, (300, 200)), "?side=150", (150, 100), RED),
            (picture(RED, (300, 200)), "?side=4000", (300, 200), RED),
            (tiff([RED, GREEN], (300, 200)), "?page=2&side=30", (30, 20), GREEN),
        ):
            response = await http.post(f"/v1/page{query}", content=body)
            assert (opened(response.content).size, colour_of(response.content)) == (size, colour)
        small = await http.post("/v1/page?side=100&format=jpeg", content=coloured([GREEN]))
        assert small.headers["content-type"] == "image/jpeg"
        assert (opened(small.content).format, max(opened(small.content).size)) == ("JPEG", 100)
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = await http.post("/v1/page", content=picture(RED, (300, 200), "JPEG", exif=exif))
        assert opened(turned.content).size == (200, 300)


async def test_a_picture_may_come_as_a_part_or_in_json(client: Client) -> None:
    async with client() as (http, _):
        part = {"image": ("a.png", picture(RED), "image/png")}
        assert colour_of((await http.post("/v1/page", files=part)).content) == RED
        both = [("images", ("a.png", picture(RED), "image/png"))] * 2
        problem_of(await http.post("/v1/page", files=both), 400, "bad-request")


@pytest.mark.parametrize(
    ("query", "body", "status", "kind", "detail"),
    [
        ("?page=3", coloured([RED, GREEN]), 422, "invalid-parameter", "within the 2 pages"),
        ("?page=0", b"x", 422, "invalid-parameter", "page"),
        ("?side=1", b"x", 422, "invalid-parameter", "side"),
        ("?format=gif", b"x", 422, "invalid-parameter", "format"),
        ("?pages=1", b"x", 422, "invalid-parameter", "the nearest is 'page'"),
        ("", b"", 422, "broken-picture", "empty"),
        ("", b"nothing", 415, "unsupported-picture", "the bytes are no"),
        ("", picture(RED)[:60], 422, "broken-picture", ""),
        ("", picture(RED, (4000, 3000)), 413, "too-many-pixels", ""),
        ("", b"%PDF-1.7 cut", 422, "broken-picture", ""),
    ],
)
async def test_what_cannot_be_drawn_is_told(
    client: Client, query: str, body: bytes, status: int, kind: str, detail: str
) -> None:
    async with client(max_pixels=1_000_000) as (http, service):
        problem = problem_of(await http.post(f"/v1/page{query}", content=body), status, kind)
        assert detail in problem["detail"]
        assert (service.documents.open, service.uploads.held) == (0, 0)


async def test_pages_are_drawn_within_the_places_of_documents_and_in_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client(decoders=1) as (http, service):
        service.documents.open = 1
        problem = problem_of(await http.post("/v1/page", content=picture(RED)), 429, "overloaded")
        assert problem["retry_after"] >= 1
        service.documents.open = 0
    async with client(timeout=0.2) as (http, service):

        def slow(*given: Any) -> Image.Image:
            time.sleep(0.5)
            return Image.new("RGB", (1, 1))

        monkeypatch.setattr(imaging, "decode", slow)
        problem_of(await http.post("/v1/page", content=picture(RED)), 504, "too-late")
        assert service.documents.open == 0


async def test_every_error_of_a_page_is_documented(client: Client) -> None:
    async with client() as (http, _):
        document = (await http.get("/openapi.json")).json()["paths"]["/v1/page"]["post"]
    assert {"200", *(str(error.status) for error in ERRORS)} == set(document["responses"])
    assert {each["name"] for each in document["parameters"]} == {"page", "side", "format"}
    assert set(document["responses"]["200"]["content"]) == {"image/png", "image/jpeg"}
