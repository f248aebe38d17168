import asyncio
import base64
import io
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

import httpx
import pypdfium2
import pytest
from PIL import Image

from spotter.service.http import fetching
from tests.reading.documents import HELLO, coloured, encrypted, pdf, stamped_scan, tiff
from tests.reading.tiny import picture, words_of
from tests.service.conftest import Client

COLOURS = [(5, 6, 0), (7, 0, 0), (0, 250, 0)]
LINES = {"Accept": "application/x-ndjson"}


def texts(page: dict[str, Any]) -> list[str]:
    return [word["text"] for word in page["words"]]


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


async def test_pages_are_answered_each_as_a_picture_with_its_number(client: Client) -> None:
    async with client() as (http, service):
        for data in (tiff(COLOURS), coloured(COLOURS)):
            response = await http.post("/spot", content=data)
            assert response.status_code == 200, response.text
            answer = response.json()
            assert answer["page_count"] == 3
            assert [page["page"] for page in answer["pages"]] == [1, 2, 3]
            assert [texts(page) for page in answer["pages"]] == [words_of(colour) for colour in COLOURS]
            assert {page["source"] for page in answer["pages"]} == {"picture"}
            some = await http.post("/spot?pages=3,1-2,1", content=data, headers=LINES)
            assert [page["page"] for page in lines(some)] == [1, 2, 3]
            one = (await http.post("/spot?pages=2", content=data)).json()
            assert [texts(page) for page in one["pages"]] == [["007"]]
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)


async def test_a_body_that_comes_later_than_its_head_is_read_whole_in_lines_too(client: Client) -> None:
    body = coloured(COLOURS[:1])
    told: list[dict[str, Any]] = []
    arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(dict(message))

    async with client() as (http, _):
        app = cast(Any, http._transport).app
        scope = {"type": "http", "method": "POST", "path": "/spot", "query_string": b"", "root_path": ""}
        headers = [(b"accept", LINES["Accept"].encode()), (b"content-length", b"%d" % len(body))]
        answer: asyncio.Task[None] = asyncio.create_task(app({**scope, "headers": headers}, arriving.get, send))
        *early, last = body[:9], body[9:500], body[500:]
        for part in (*early, last):
            for _ in range(5):  # whoever waits for it gets to wait
                await asyncio.sleep(0.001)
            await arriving.put({"type": "http.request", "body": part, "more_body": part is not last})
        while not told or told[-1].get("more_body", True):
            await asyncio.sleep(0.001)
        await arriving.put({"type": "http.disconnect"})
        await answer
    assert told[0]["status"] == 200
    assert texts(json.loads(told[1]["body"])) == words_of(COLOURS[0])


async def test_a_picture_stays_a_picture_unless_pages_are_asked_for(client: Client) -> None:
    async with client() as (http, _):
        single = tiff(COLOURS[:1])
        assert texts((await http.post("/spot", content=single)).json()) == ["005", "006"]
        asked = (await http.post("/spot?pages=1", content=picture((7, 0, 0)))).json()
        assert [texts(page) for page in asked["pages"]] == [["007"]]
        assert [texts(each) for each in lines(await http.post("/spot", content=single, headers=LINES))] == [
            ["005", "006"]
        ]
        files = [("x", ("a", picture((7, 0, 0)))), ("y", ("b", tiff(COLOURS))), ("z", ("c", b"nothing"))]
        first, second, third = (await http.post("/spot", files=files)).json()["results"]
        assert (texts(first), len(second["pages"]), third["status"]) == (["007"], 3, 415)
        assert len(lines(await http.post("/spot", files=files, headers=LINES))) == 3


async def test_a_pdfs_own_text_is_taken_as_it_is(client: Client) -> None:
    async with client() as (http, _):
        data = pdf([HELLO, b"0.5 0 0 rg 0 0 612 792 re f"])
        auto = (await http.post("/spot", content=data)).json()["pages"]
        assert [page["source"] for page in auto] == ["text", "picture"]
        assert texts(auto[0]) == ["Hello", "World"]
        assert auto[0]["image"] == {"width": 1756, "height": 2272}
        assert [(page["reading"] is None, page["warnings"] == []) for page in auto] == [(True, True), (False, False)]
        seen = (await http.post("/spot?pdf=ocr", content=data)).json()["pages"]
        assert [page["source"] for page in seen] == ["picture", "picture"]
        carried = (await http.post("/spot?pdf=text", content=data)).json()["pages"]
        assert [(page["source"], len(page["words"])) for page in carried] == [("text", 2), ("text", 0)]
        (world,) = (await http.post("/spot?pages=1&region=370,0,400,400", content=data)).json()["pages"]
        assert texts(world) == ["World"]
        (stamped,) = (await http.post("/spot", content=stamped_scan())).json()["pages"]
        assert stamped["source"] == "picture"


async def test_a_searchable_pdf_of_a_pdf_has_its_own_pages(client: Client) -> None:
    async with client() as (http, service):
        data = pdf([HELLO, b"0.0196 0.0235 0 rg 0 0 612 792 re f"])
        answer = await http.post("/spot?format=pdf", content=data)
        assert answer.headers["content-type"] == "application/pdf", answer.text
        first, second = pypdfium2.PdfDocument(answer.content)
        assert first.get_textpage().get_text_range() == "Hello World"
        assert second.get_textpage().get_text_range().split() == words_of((5, 6, 0))
        assert (b"/DCTDecode" in answer.content, len(answer.content) < 6000) == (False, True)
        (only,) = pypdfium2.PdfDocument(
            (await http.post("/spot?format=pdf&pages=2&max_side=300", content=data)).content
        )
        assert only.get_size() == (612, 792)
        assert only.get_textpage().get_text_range().split() == words_of((5, 6, 0))
        scan = (await http.post("/spot?format=pdf", content=tiff(COLOURS[:2]))).content
        assert (len(pypdfium2.PdfDocument(scan)), b"/DCTDecode" in scan) == (2, True)
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)


async def test_a_broken_page_costs_only_itself(client: Client) -> None:
    data = bytearray(tiff(COLOURS, (300, 200)))
    async with client(max_pixels=50_000) as (http, service):
        response = await http.post("/spot", content=bytes(data))
        assert [page["status"] for page in response.json()["pages"]] == [413, 413, 413]
        assert [page["page"] for page in response.json()["pages"]] == [1, 2, 3]
        found = lines(await http.post("/spot?pages=1,2", content=pdf([HELLO], count=2), headers=LINES))
        assert found[0]["page"] == 1
        page = service.metrics.render().decode()
        assert 'spotter_failed_parts_total{type="too-many-pixels"} 3.0' in page


@pytest.mark.parametrize(
    ("query", "data", "status", "message"),
    [
        ("", tiff(COLOURS), 422, "more than the 2"),
        ("?pages=3", tiff(COLOURS[:2]), 422, "2 pages"),
        ("?pages=0", tiff(COLOURS), 422, "3 pages"),
        ("?pages=1-", coloured(COLOURS), 422, "more than the 2"),
        ("?pages=a", coloured(COLOURS), 422, "pages"),
        ("?pages=" + "1," * 900 + "1", coloured(COLOURS), 422, "pages"),
        ("?pdf=magic", coloured(COLOURS), 422, "pdf"),
        ("", encrypted(), 422, "password"),
        ("", b"%PDF-1.7\n" + b"1 0 obj <<" * 10_000, 422, "does not open"),
        ("?pages=2", picture((1, 2, 3)), 422, "1 pages"),
        ("?pages=1", b"no picture", 415, "no JPEG"),
        ("?pages=1", b"", 422, "empty"),
        ("?region=9999,0,10,10", picture((1, 2, 3)), 422, "off the picture"),
        ("?max_side=64&region=0,0,1,1&ignore=0,0,9,9", picture((1, 2, 3)), 200, "words"),
        ("?region=1,2,3", picture((1, 2, 3)), 422, "region"),
        ("?ignore=" + "&ignore=".join(["1,1,1,1"] * 65), picture((1, 2, 3)), 422, "ignore"),
        ("?min_height=nan", picture((1, 2, 3)), 422, "min_height"),
        ("?min_height=1e400", picture((1, 2, 3)), 422, "min_height"),
        ("?min_score=nan", picture((1, 2, 3)), 422, "min_score"),
        ("?" + "x" * 5000 + "=1", picture((1, 2, 3)), 422, "nearest"),
        ("?language_model=on", picture((1, 2, 3)), 422, "language_model"),
        ("?charset=" + "0" * 1001, picture((1, 2, 3)), 422, "charset"),
        ("?pattern=(a*)*" * 20 + "b", picture((1, 2, 3)), 422, "pattern"),
        ("?pattern=(a*)*(a*)*(a*)*(a*)*b", picture((1, 2, 3)), 200, "words"),
        ("?pattern=((a{99}){99}){99}", picture((1, 2, 3)), 422, "the most"),
        ("?lexicon=" + "a," * 201 + "a", picture((1, 2, 3)), 422, "lexicon"),
        ("?lexicon=" + "a" * 65, picture((1, 2, 3)), 422, "lexicon"),
        ("?lexicon=@../../etc/passwd", picture((1, 2, 3)), 422, "there is no list"),
    ],
)
async def test_what_cannot_be_is_the_clients_fault(
    client: Client, query: str, data: bytes, status: int, message: str
) -> None:
    async with client(max_pages=2) as (http, service):
        for headers in ({}, LINES):
            response = await http.post(f"/spot{query}", content=data, headers=headers)
            assert response.status_code == status, response.text
            assert message in response.text
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)


async def test_too_many_documents_at_once_are_refused_and_leave_no_trace(client: Client) -> None:
    async with client(decoders=1) as (http, service):
        answers = await asyncio.gather(*(http.post("/spot", content=coloured(COLOURS)) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers)[0] == 200
        assert {answer.status_code for answer in answers} == {200, 429}
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)


async def test_what_is_late_is_reported_by_page_or_as_a_whole(client: Client) -> None:
    async with client(document_timeout=0.01) as (http, _):
        assert (await http.post("/spot", content=coloured(COLOURS))).status_code == 504


async def test_regions_and_heights_are_heeded(client: Client) -> None:
    async with client() as (http, _):
        data = picture((5, 6, 0), (96, 64))
        whole = (await http.post("/spot", content=data)).json()["words"]
        assert [word["text"] for word in whole] == ["005", "006"]
        part = (await http.post("/spot?region=40,20,30,40", content=data)).json()
        assert part["image"] == {"width": 96, "height": 64}
        assert part["words"][0]["polygon"][0] == [40.0, 20.0]
        assert part["words"][1]["polygon"][2] == [70.0, 60.0]
        left = (await http.post("/spot?ignore=0,0,96,32", content=data)).json()["words"]
        assert [word["text"] for word in left] == ["006"]
        assert (await http.post("/spot?min_height=33", content=data)).json()["words"] == []


async def test_json_forms_and_anything_that_holds_a_picture_are_read(client: Client) -> None:
    data = picture((5, 6, 0))
    inside = json.dumps({"image": base64.b64encode(data).decode()})
    async with client() as (http, service):
        for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json", "x", ""):
            for content in (data, inside):
                response = await http.post("/spot", content=content, headers={"Content-Type": kind})
                assert texts(response.json()) == ["005", "006"], kind
        refused = await http.post("/spot", content='{"url": "https://example.org/a.png"}')
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:spotter:problem:url-not-read")
        assert service.uploads.held == 0


async def test_an_address_is_fetched_where_that_is_allowed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(fetch: fetching.Fetch) -> bytes:
        asked.append(fetch._url)
        return picture((7, 0, 0)) if "good" in fetch._url else bytes(5000)

    async with client(fetch_urls=True, max_bytes=4096) as (http, service):
        private = await http.post("/spot", content='{"url": "http://127.0.0.1/a.png"}')
        assert (private.status_code, private.json()["type"]) == (422, "urn:spotter:problem:url-not-read")
        monkeypatch.setattr(fetching.Fetch, "run", run)
        good = await http.post("/spot", content='{"url": "http://good.example/a.png"}')
        assert texts(good.json()) == ["007"]
        assert (await http.post("/spot", content='{"url": "http://large.example/"}')).status_code == 413
        assert service.uploads.held == 0
    assert len(asked) == 2


async def test_capabilities_say_what_is_true(client: Client) -> None:
    async with client(fetch_urls=True, max_pages=7) as (http, _):
        answer = (await http.get("/v1/capabilities")).json()
    assert {kind["name"] for kind in answer["reads"] if kind["read"]} >= {
        "JPEG",
        "GIF",
        "PNM",
        "JPEG 2000",
        "AVIF",
        "PDF",
    }
    assert [kind["name"] for kind in answer["reads"] if kind["pages"]] == ["TIFF", "PDF"]
    assert (answer["json"], answer["limits"]["max_pages"]) == (["image", "url"], 7)
    assert {"application/json", "application/x-ndjson", "text/plain", "application/pdf", "image/png"} < set(
        answer["writes"]
    )
    assert {"min_score", "region", "pages", "detail", "format"} <= {each["name"] for each in answer["parameters"]}
    assert {"charset", "pattern", "lexicon", "language_model"} <= {each["name"] for each in answer["parameters"]}
    assert answer["lexicons"] == []


async def test_pages_tell_lines_and_how_they_were_read(client: Client) -> None:
    async with client() as (http, _):
        for data in (tiff(COLOURS), pdf([HELLO])):
            for page in (await http.post("/spot?detail=blocks", content=data)).json()["pages"]:
                assert [line["text"].split() for line in page["lines"]] == [
                    [word["text"] for word in page["words"] if word["line"] == number]
                    for number in range(len(page["lines"]))
                ]
                assert {word["block"] for word in page["words"]} == set(range(len(page["blocks"])))
        page = (await http.post("/spot?detail=characters", content=pdf([HELLO]))).json()["pages"][0]
        word = page["words"][0]
        assert (word["text"], word["reading_score"], "characters" in word, "lines" in page) == (
            "Hello",
            None,
            False,
            False,
        )
        answer = lines(await http.post("/spot?detail=lines&format=json", content=pdf([HELLO]), headers=LINES))
        assert [line["text"] for line in answer[0]["lines"]] == ["Hello World"]


async def test_what_is_asked_for_at_a_size_has_one_look_and_ignored_words_are_none(client: Client) -> None:
    async with client() as (http, _):
        data = picture((5, 6, 0), (96, 64))
        answer = (await http.post("/spot?max_side=64&ignore=0,0,96,32&detail=lines", content=data)).json()
        assert [line["text"] for line in answer["lines"]] == ["006"]
        assert [(word["line"], word["block"]) for word in answer["words"]] == [(0, 0)]
        assert answer["reading"]["reason"] == "the request says at which size to read"
        part = (await http.post("/spot?region=40,20,30,40", content=data)).json()["reading"]
        assert (part["downscaled"], part["width"] / part["height"]) == (False, 0.75)


async def test_words_are_selected_and_repaired_by_what_is_expected(client: Client, tmp_path: Path) -> None:
    (tmp_path / "seen.txt").write_text("006\n007\n")
    async with client(lexicons=tmp_path) as (http, _):

        async def read(data: bytes, **hints: str) -> tuple[list[tuple[str, str | None]], int]:
            answer = (await http.post("/spot", params=hints, content=data)).json()
            answer = answer["pages"][0] if "pages" in answer else answer
            left_out = sum("Left out" in warning for warning in answer["warnings"])
            return [(word["text"], word.get("repaired_from")) for word in answer["words"]], left_out

        data = picture((5, 6, 0))
        assert await read(data) == ([("005", None), ("006", None)], 0)
        assert await read(data, charset="0567") == ([("005", None), ("006", None)], 0)
        assert await read(data, charset="05") == ([("005", None)], 1)
        assert await read(data, pattern=r"\d\d[A-Z]") == ([("00S", "005"), ("00G", "006")], 0)
        assert await read(data, pattern="[A-Z]+") == ([], 1)
        assert await read(data, lexicon="005,00b") == ([("005", None), ("00b", "006")], 0)
        assert await read(data, lexicon="@seen", region="0,32,96,32") == ([("006", None)], 1)
        assert await read(pdf([HELLO]), pattern="[A-Z][a-z0]+") == ([("Hello", None), ("World", None)], 0)
        assert await read(pdf([HELLO]), pattern="[A-Z][a-z]+0", pdf="text") == ([], 1), "it is not repaired"
        answer = (await http.post("/spot?language_model=off", content=data)).json()
        assert ("language_model" in answer["warnings"][-1], len(answer["words"])) == (True, 2)
        for query, message in (("pattern=(", "no end"), ("lexicon=@no", "there are: seen"), ("charset=", "charset")):
            refused = await http.post(f"/spot?{query}", content=data)
            assert (refused.status_code, message in refused.json()["detail"]) == (422, True), refused.text
        assert (await http.get("/v1/capabilities")).json()["lexicons"] == ["seen"]


@pytest.mark.parametrize("data", [tiff(COLOURS), coloured(COLOURS)], ids=["TIFF", "PDF"])
async def test_a_document_is_written_in_other_forms_page_by_page(client: Client, data: bytes) -> None:
    async with client() as (http, service):
        text = await http.post("/spot?format=text", content=data, headers=LINES)
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert [page.split() for page in text.text.split("\f")] == [words_of(colour) for colour in COLOURS]
        written = await http.post("/spot?format=pdf&pages=1,3", content=data)
        pages = list(pypdfium2.PdfDocument(written.content))
        assert [page.get_textpage().get_text_range().split() for page in pages] == [words_of(COLOURS[0]), ["250"]]
        red, green, blue = pages[1].render().to_pil().convert("RGB").getpixel((20, 9))
        assert max(red, blue) < 20 < 200 < green
        one = await http.post("/spot?format=png&pages=2", content=data)
        shown = (await http.post("/spot?pages=2", content=data)).json()["pages"][0]["image"]
        assert Image.open(io.BytesIO(one.content)).size == (shown["width"], shown["height"])
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)


async def test_a_pdfs_own_text_is_written_where_it_stands(client: Client) -> None:
    async with client() as (http, _):
        (page,) = pypdfium2.PdfDocument((await http.post("/spot?format=pdf", content=pdf([HELLO]))).content)
        assert page.get_textpage().get_text_range().split() == ["Hello", "World"]


async def test_no_half_of_a_document_is_written(client: Client) -> None:
    async with client(max_pixels=50_000) as (http, service):
        several = [("images", picture((7, 0, 0))), ("images", coloured(COLOURS))]
        for query, body, status, message in (
            ("format=png", {"content": tiff(COLOURS)}, 422, "ask for one, as by ?pages=1"),
            ("format=text", {"files": several}, 422, "a request of its own"),
            ("format=text", {"content": tiff(COLOURS, (300, 200))}, 413, "page 1: "),
            ("format=text&detail=lines", {"content": tiff(COLOURS)}, 422, "detail"),
        ):
            refused = await http.post(f"/spot?{query}", **body)
            assert (refused.status_code, message in refused.json()["detail"]) == (status, True), refused.text
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)
