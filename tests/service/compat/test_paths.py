"""Requests as other services' clients send them, to ours."""

import asyncio
import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import ValidationError

from spotter.service.compat import cbor
from spotter.service.compat.dialects import DIALECTS
from spotter.service.settings import Settings
from tests.reading.documents import coloured, tiff
from tests.reading.tiny import picture
from tests.service.compat.requests import ALL, TARGET, Request, requests, text
from tests.service.conftest import Client
from tests.service.test_app import problem_of

PICTURE = picture((12, 200, 0), (300, 200))
WAYS = requests(PICTURE)


def texts_of(way: str, answer: Any) -> list[str]:
    """The words or lines of an answer."""
    match way.split(",")[0]:
        case "tesseract":
            return str(answer["data"]["stdout"]).split()
        case "doctr":
            blocks = [block for page in answer for item in page["items"] for block in item["blocks"]]
            return [word["value"] for block in blocks for line in block["lines"] for word in line["words"]]
        case "paddlex":
            return [each for page in answer["result"]["ocrResults"] for each in page["prunedResult"]["rec_texts"]]
        case "rapidocr":
            return [line["rec_txt"] for line in answer.values()]
        case "textract":
            return [block["Text"] for block in answer["Blocks"] if block["BlockType"] == "WORD"]
    return [each["text"] for each in answer["results"]]


ERRORS: dict[str, Callable[[Any], str]] = {
    "tesseract": lambda error: f"{error['error']}: {error['reason']}",
    "doctr": lambda error: error["detail"],
    "paddlex": lambda error: f"{error['errorCode']}: {error['errorMsg']}",
    "rapidocr": lambda error: error["detail"],
    "textract": lambda error: f"{error['__type']}: {error.get('Message') or error['message']}",
    "liteparse": lambda error: error["error"],
}


def error_of(way: str, response: httpx.Response) -> str:
    """What an answer says went wrong, in the dialect's own members."""
    return ERRORS[way.split(",")[0]](content_of(response))


def content_of(response: httpx.Response) -> Any:
    """What is in an answer, JSON or CBOR."""
    media_type = response.headers["content-type"]
    if media_type == "application/cbor":
        assert response.headers["smithy-protocol"] == "rpc-v2-cbor"
        return cbor.loads(response.content)
    assert media_type in ("application/json", "application/x-amz-json-1.1")
    return response.json()


@pytest.mark.parametrize("way", WAYS)
async def test_a_documented_request_is_answered_and_counted(client: Client, way: str) -> None:
    async with client(compat=ALL) as (http, service):
        path, how = WAYS[way]
        for address in (path, f"{path}/"):
            response = await http.post(address, **how)
            assert response.status_code == 200, response.text
            assert texts_of(way, content_of(response)) == ["012", "200"]
        stages = [part.split(";")[0] for part in response.headers["server-timing"].split(", ")]
        assert stages[:4] == ["upload", "decode", "queue", "infer"]
        page = service.metrics.render().decode()
        assert f'spotter_requests_total{{code="200",path="{path}"}} 2.0' in page
        assert f'spotter_request_seconds_count{{path="{path}"}} 2.0' in page
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)


async def test_none_is_there_unless_the_settings_ask_for_it(client: Client) -> None:
    async with client() as (http, _):
        for path, how in WAYS.values():
            problem_of(await http.post(path, **how), 404, "not-found")
        assert (await http.get("/v1/capabilities")).json()["compat"] == {}
    async with client(compat="doctr, textract") as (http, _):
        for way, (path, how) in WAYS.items():
            expected = 200 if way.startswith(("doctr", "textract")) else 404
            assert (await http.post(path, **how)).status_code == expected, way
        compat = (await http.get("/v1/capabilities")).json()["compat"]
        assert (list(compat), compat["doctr"]) == (["doctr", "textract"], ["/compat/doctr/ocr"])
        document = (await http.get("/openapi.json")).json()
        assert {path for path in document["paths"] if path.startswith("/compat")} == {
            *compat["doctr"],
            *compat["textract"],
        }
    with pytest.raises(ValidationError, match="'tesseract', 'doctr'"):
        Settings(compat="tesserract")  # type: ignore[arg-type]  # as the environment has it


@pytest.mark.parametrize("way", WAYS)
async def test_refusals_are_in_the_dialects_own_form(client: Client, way: str) -> None:
    async with client(compat=ALL, max_pixels=50_000) as (http, service):
        for data, status, message in (
            (b"no picture at all", 415, "no JPEG"),
            (picture((1, 2, 3))[:60], 422, "does not decode"),
            (PICTURE, 413, "pixels"),
        ):
            path, how = requests(data)[way]
            response = await http.post(path, **how)
            own = 400 if way.startswith("textract") else status
            assert (response.status_code, message in error_of(way, response)) == (own, True), response.text
            assert response.headers["x-request-id"]
        late = {**how, "headers": {**how.get("headers", {}), "X-Request-Timeout-Ms": "0"}}
        assert "greater than or equal to 1" in error_of(way, await http.post(path, **late))
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)


@pytest.mark.parametrize("way", WAYS)
async def test_a_full_service_says_so_in_the_dialects_form(client: Client, way: str) -> None:
    async with client(compat=ALL, queue_pictures=1, max_pictures=1) as (http, service):
        ticket = service.handler.admission.enter()
        path, how = WAYS[way]
        response = await http.post(path, **how)
        ticket.leave(served=False)
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        assert "1 pictures are being read" in error_of(way, response)


async def test_keys_are_asked_for_as_everywhere(client: Client, tmp_path: Path) -> None:
    key = "the-first-key-0001"
    (tmp_path / "keys").write_text(key)
    signature = f"Credential={key}/20261130/eu-west-1/textract/aws4_request, SignedHeaders=host, Signature=0"
    async with client(compat=ALL, api_keys_file=tmp_path / "keys") as (http, _):
        for way, (path, how) in WAYS.items():
            refused = await http.post(path, **how)
            assert refused.status_code == (400 if way.startswith("textract") else 401)
            assert "no valid API key" in error_of(way, refused)
            for value in (f"Bearer {key}", f"token {key}", f"AWS4-HMAC-SHA256 {signature}"):
                headers = {**how.get("headers", {}), "Authorization": value}
                assert (await http.post(path, **{**how, "headers": headers})).status_code == 200, value


@pytest.mark.parametrize("wait", [0, 0.02])
@pytest.mark.parametrize(
    "request_",
    [
        WAYS["liteparse"],
        Request("/spot?format=text", {"content": PICTURE}),
        Request("/spot", {"files": {"a": ("a.png", PICTURE), "b": ("b.png", PICTURE)}}),
    ],
    ids=["dialect", "form", "multipart"],
)
async def test_a_client_that_leaves_frees_its_place_however_soon(
    client: Client, request_: Request, wait: float
) -> None:
    async with client(compat="liteparse") as (http, service):
        task = asyncio.create_task(http.post(request_.path, **request_.how))
        while not service.handler.admission.pictures:
            await asyncio.sleep(0)
        if wait:  # else its pictures' own tasks have not begun
            await asyncio.sleep(wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)


COLOURS = [(5, 6, 0), (7, 0, 0)]


@pytest.mark.parametrize("data", [tiff(COLOURS), coloured(COLOURS)], ids=["TIFF", "PDF"])
async def test_pages_of_documents_are_answered_where_the_dialect_has_pages(client: Client, data: bytes) -> None:
    async with client(compat=ALL) as (http, service):
        for way, (path, how) in requests(data).items():
            response = await http.post(path, **how)
            if way.startswith(("rapidocr", "liteparse")):
                assert (response.status_code, "send one of them" in error_of(way, response)) == (422, True)
                continue
            answer = content_of(response)
            assert texts_of(way, answer) == ["005", "006", "007"], way
            match way:
                case "doctr":
                    assert [page["name"] for page in answer] == ["scan.jpg"] * 2
                case "paddlex":
                    assert answer["result"]["dataInfo"]["numPages"] == 2
                case "textract":
                    assert answer["DocumentMetadata"] == {"Pages": 2}
        assert (service.handler.admission.pictures, service.uploads.held, service.documents.open) == (0, 0, 0)


async def test_doctr_reads_several_files_and_names_them(client: Client) -> None:
    async with client(compat="doctr", max_pictures=3) as (http, _):
        files = [("files", (f"{red}.png", picture((red, 0, 0)), "image/png")) for red in (1, 2, 3)]
        answer = (await http.post("/compat/doctr/ocr", files=files)).json()
        assert [page["name"] for page in answer] == ["1.png", "2.png", "3.png"]
        assert texts_of("doctr", answer) == ["001", "002", "003"]
        corners = await http.post("/compat/doctr/ocr?assume_straight_pages=false", files=files[:1])
        (block,) = corners.json()[0]["items"][0]["blocks"]
        assert block["geometry"] == [0, 0, 1, 0, 1, 0.5, 0, 0.5]
        refused = await http.post("/compat/doctr/ocr", files=[*files, files[0]])
        assert (refused.status_code, refused.json()["detail"]) == (413, "more than 3 pictures in one request")
        wrong = await http.post("/compat/doctr/ocr?assume_straight_pages=perhaps", files=files)
        assert (wrong.status_code, "perhaps" in wrong.json()["detail"]) == (422, True)


async def test_paddlex_draws_what_it_reads_unless_told_not_to(client: Client) -> None:
    async with client(compat="paddlex") as (http, _):
        for visualize, drawn in ((None, True), (True, True), (False, False)):
            body = {"file": text(PICTURE), "visualize": visualize, "textRecScoreThresh": 0.25}
            (result,) = (await http.post("/compat/paddlex/ocr", json=body)).json()["result"]["ocrResults"]
            assert result["prunedResult"]["text_rec_score_thresh"] == 0.25
            assert (result["ocrImage"] is not None) == drawn
        shown = Image.open(io.BytesIO(base64.b64decode(await drawing(http))))
        assert shown.size == (300, 200)
        none = await http.post("/compat/paddlex/ocr", json={"file": text(PICTURE), "textRecScoreThresh": 0.95})
        assert texts_of("paddlex", none.json()) == []


async def drawing(http: httpx.AsyncClient) -> str:
    answer = (await http.post("/compat/paddlex/ocr", json={"file": text(PICTURE)})).json()
    drawn: str = answer["result"]["ocrResults"][0]["ocrImage"]
    return drawn


@pytest.mark.parametrize(
    ("variable", "begins"),
    [("tessedit_create_tsv", "level\tpage_num"), ("tessedit_create_hocr", "<?xml"), ("tessedit_create_txt", "012\n")],
)
async def test_tesseract_prints_what_its_variables_ask_for(client: Client, variable: str, begins: str) -> None:
    async with client(compat="tesseract") as (http, _):
        options = {"languages": ["eng"], "dpi": 300, "pageSegmentationMethod": 6, "configParams": {variable: "1"}}
        form = {"data": {"options": json.dumps(options)}, "files": {"file": ("a.png", PICTURE)}}
        answer = (await http.post("/compat/tesseract/tesseract", **form)).json()  # type: ignore[arg-type]
        assert answer["data"]["stdout"].startswith(begins)


async def test_every_dialect_is_in_the_guide_and_typed(client: Client) -> None:
    page = (Path(__file__).parents[3] / "docs" / "compat.md").read_text()
    for dialect in DIALECTS:
        first = f"[{dialect.name}]({dialect.wire.documentation})"
        row = f"| {first} | `POST {dialect.address}` | {dialect.request} | {dialect.answer} |"
        assert row in page, row
    async with client(compat=ALL) as (http, _):
        document = (await http.get("/openapi.json")).json()
    for dialect in DIALECTS:
        responses = document["paths"][dialect.address]["post"]["responses"]
        assert {"200", "400", "429", "503", "504"} <= set(responses)
        if dialect.wire.answer is not None:
            assert "schema" in responses["200"]["content"][dialect.wire.media_type]


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("paddlex/ocr", {"content": b"{"}),
    ("paddlex/ocr", {"content": b"[]"}),
    ("paddlex/ocr", {"content": b""}),
    ("paddlex/ocr", {"json": {}}),
    ("paddlex/ocr", {"json": {"file": None}}),
    ("paddlex/ocr", {"json": {"file": "not base64!"}}),
    ("paddlex/ocr", {"json": {"file": text(PICTURE), "fileType": 7}}),
    ("paddlex/ocr", {"json": {"file": text(PICTURE), "fileType": [1]}}),
    ("paddlex/ocr", {"json": {"file": text(PICTURE), "textRecScoreThresh": "high"}}),
    ("paddlex/ocr", {"json": {"file": text(PICTURE), "textRecScoreThresh": 1e300}}),
    ("paddlex/ocr", {"json": {"file": text(PICTURE), "visualize": 1}}),
    ("paddlex/ocr", {"json": {"file": "http://127.0.0.1/a.png"}}),
    ("paddlex/ocr", {"json": {"file": "HTTPS://169.254.169.254/latest/meta-data"}}),
    ("paddlex/ocr", {"json": {"file": "http://[::1]:8000/"}}),
    ("paddlex/ocr", {"json": {"file": "file:///etc/passwd"}}),
    ("paddlex/ocr", {"content": b'{"file": [' + b"[]," * 200_000 + b"[]]}"}),
    ("paddlex/ocr", {"content": b'{"file": ' + b"[" * 500_000}),
    ("paddlex/ocr", {"content": b"{" + b'"a":1,' * 200_000 + b'"file": ""}'}),
    ("textract", {"json": {"Document": {"Bytes": text(PICTURE)}}}),
    ("textract", {"json": {"Document": {"Bytes": text(PICTURE)}}, "headers": {"X-Amz-Target": "Textract.AnalyzeID"}}),
    ("textract", {"json": [], "headers": TARGET}),
    ("textract", {"json": {"Document": []}, "headers": TARGET}),
    ("textract", {"json": {"Document": {"Bytes": {}}}, "headers": TARGET}),
    ("textract", {"json": {"Document": {"S3Object": {"Bucket": "b", "Name": "n"}}}, "headers": TARGET}),
    ("textract", {"content": b"\xff" * 1000, "headers": TARGET}),
    ("rapidocr/ocr", {"data": {"image_data": "%%%"}}),
    ("rapidocr/ocr", {"data": {"image_data": ""}}),
    ("rapidocr/ocr", {"data": {f"field{number}": "1" for number in range(1000)}}),
    ("rapidocr/ocr", {"files": {"image_data": (None, "not base64!")}}),
    ("rapidocr/ocr", {"files": {"other": ("a", PICTURE)}}),
    ("rapidocr/ocr", {"files": [("image_file", ("a", PICTURE))] * 20}),
    ("rapidocr/ocr", {"content": PICTURE, "headers": {"Content-Type": "image/png"}}),
    ("rapidocr/ocr", {"content": b"&" * 100_000, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    ("liteparse/ocr", {"data": {"language": "en"}}),
    ("liteparse/ocr", {"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
    ("liteparse/ocr", {"files": [("language", (None, "x"))] * 200}),
    ("doctr/ocr", {"files": {"image": ("a", PICTURE)}}),
    ("doctr/ocr", {"files": [("files", ("a", tiff(COLOURS))), ("files", ("b", PICTURE))]}),
    ("doctr/ocr", {}),
    ("tesseract/tesseract", {"files": {"file": ("a", PICTURE), "options": (None, "{")}}),
    ("tesseract/tesseract", {"files": {"file": ("a", PICTURE), "options": (None, '{"lang": "eng"}')}}),
    ("tesseract/tesseract", {"files": {"file": ("a", PICTURE), "options": (None, '{"configParams": 3}')}}),
    ("tesseract/tesseract", {"files": {"file": ("a", PICTURE), "options": (None, '{"configParams": {"a": []}}')}}),
    (
        "tesseract/tesseract",
        {"files": {"file": ("a", PICTURE), "options": (None, '{"configParams": {"tessedit_create_pdf": "1"}}')}},
    ),
    ("tesseract/tesseract", {"data": {"options": "{}"}}),
]


async def test_nothing_that_is_sent_makes_a_5xx(client: Client) -> None:
    async with client(compat=ALL, fetch_urls=True) as (http, service):
        for path, how in HOSTILE:
            response = await http.post(f"/compat/{path}", **how)
            assert 400 <= response.status_code < 500, (path, how, response.text)
            error = error_of(path.split("/")[0], response)
            assert error, (path, how)
        for path, _ in WAYS.values():
            for method in ("GET", "PUT"):
                assert (await http.request(method, path)).status_code in (400, 405)
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)
        assert 'spotter_batch_pictures_count{model="spotter"} 0.0' in service.metrics.render().decode()


async def test_private_addresses_are_not_fetched_from_by_paddlex_either(client: Client) -> None:
    async with client(compat="paddlex", fetch_urls=True) as (http, _):
        body = {"file": "http://10.0.0.1/a.png", "fileType": 1}
        refused = await http.post("/compat/paddlex/ocr", json=body)
        assert (refused.status_code, refused.json()["errorCode"]) == (422, 422)
        assert "only public addresses" in refused.json()["errorMsg"]
    async with client(compat="paddlex") as (http, _):
        refused = await http.post("/compat/paddlex/ocr", json={**body, "file": "https://example.org/a.png"})
        assert (refused.status_code, "not fetched" in refused.json()["errorMsg"]) == (422, True)
