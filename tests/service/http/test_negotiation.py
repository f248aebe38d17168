import io
import threading

import pypdfium2
import pytest
from PIL import Image

from spotter.service.http.fast_path import is_plain
from spotter.service.http.negotiation import accepted
from tests.reading.tiny import picture, words_of
from tests.service.conftest import Client
from tests.service.http.test_fast_path import scope

CONTENT_TYPES = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "hocr": "text/vnd.hocr+html; charset=utf-8",
    "alto": "application/alto+xml",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "png": "image/png",
    "pdf": "application/pdf",
}


@pytest.mark.parametrize(
    ("accept", "form"),
    [("", "json"), ("*/*", "json"), ("application/json", "json"), ("text/plain", "text"), ("Application/PDF", "pdf"),
     ("text/html, application/xhtml+xml, */*;q=0.8", "json"), ("application/xml;q=0.5, text/plain;q=0.7", "text"),
     ("application/pdf;q=0, */*;q=0.1", "json"), ("image/png, application/json", "png"), ("text/xml", "alto"),
     ("image/webp", "json"), ("Application/X-NDJSON;q=0.9, */*;q=0.1", "lines"),
     ("text/plain;q=x", "json"), (";;,,", "json")],
)  # fmt: skip
def test_the_best_of_the_accepted_forms_is_taken(accept: str, form: str) -> None:
    assert accepted(accept) == form


@pytest.mark.parametrize(("accept", "plain"), [(b"*/*", True), (b"application/json", True), (b"text/plain", False)])
def test_only_answers_in_json_take_the_fast_path(accept: bytes, plain: bool) -> None:
    assert is_plain(scope(headers=[(b"accept", accept)])) == plain


@pytest.mark.parametrize("form", CONTENT_TYPES)
async def test_every_form_is_answered_by_parameter_and_by_header(client: Client, form: str) -> None:
    async with client() as (http, _):
        body = picture((1, 2, 3), (300, 200))
        asked = await http.post(f"/spot?format={form}", content=body)
        accepted = await http.post("/spot", content=body, headers={"Accept": CONTENT_TYPES[form].split(";")[0]})
        assert asked.status_code == accepted.status_code == 200
        assert asked.headers["content-type"] == accepted.headers["content-type"] == CONTENT_TYPES[form]
        assert asked.content == accepted.content
        if form == "png":
            assert Image.open(io.BytesIO(asked.content)).size == (300, 200)
        elif form == "pdf":
            (page,) = pypdfium2.PdfDocument(asked.content)
            assert page.get_textpage().get_text_range().split() == words_of((1, 2, 3))
        else:
            assert all(word in asked.text for word in words_of((1, 2, 3)))


async def test_the_parameter_weighs_more_than_the_header(client: Client) -> None:
    async with client() as (http, _):
        answer = await http.post("/spot?format=text", content=picture((1, 2, 0)), headers={"Accept": "application/pdf"})
        assert answer.text == "001\n002\n"


async def test_lines_and_blocks_are_given_where_they_are_asked_for(client: Client) -> None:
    async with client() as (http, _):
        body = picture((1, 2, 3), (300, 200))
        answers = [set((await http.post(f"/spot?detail={each}", content=body)).json()) for each in ("words", "lines")]
        assert answers[1] - answers[0] == {"lines"}
        answer = (await http.post("/spot?detail=blocks", content=body)).json()
        assert [line["text"] for line in answer["lines"]] == words_of((1, 2, 3))
        assert [block["text"] for block in answer["blocks"]] == ["\n".join(words_of((1, 2, 3)))]
        for query in ("detail=letters", "format=docx", "detail=lines&format=text", "detail=lines&format=alto"):
            refused = await http.post(f"/spot?{query}", content=body)
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:spotter:problem:invalid-parameter")
            assert refused.headers["content-type"] == "application/problem+json"


async def test_hocr_and_alto_tell_characters_where_they_are_asked_for(client: Client) -> None:
    async with client() as (http, _):
        body = picture((1, 2, 3), (300, 200))
        for form, mark in (("hocr", '"ocrx_cinfo"'), ("alto", "<Glyph ")):
            plain = await http.post(f"/spot?format={form}", content=body)
            answer = await http.post(f"/spot?format={form}&detail=characters", content=body)
            assert answer.status_code == 200, answer.text
            assert (plain.text.count(mark), answer.text.count(mark)) == (0, len("".join(words_of((1, 2, 3)))))


async def test_a_document_has_a_page_for_each_picture_or_is_refused_with_its_problem(client: Client) -> None:
    async with client() as (http, service):
        good = [("images", picture((number, 0, 0), (200, 100))) for number in (1, 2)]
        pages = pypdfium2.PdfDocument((await http.post("/spot?format=pdf", files=good)).content)
        assert [page.get_textpage().get_text_range() for page in pages] == ["001", "002"]
        assert (await http.post("/spot?format=text", files=good)).text == "001\n\f002\n"
        for query, files, status in (("png", good, 422), ("text", [*good, ("images", b"no picture")], 415)):
            assert (await http.post(f"/spot?format={query}", files=files)).status_code == status
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)


async def test_a_document_that_is_not_written_in_time_is_a_504(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(timeout=0.3) as (http, service):
        began, go = threading.Event(), threading.Event()

        def slow(*given: object) -> Image.Image:
            began.set()
            assert go.wait(10)
            return Image.new("RGB", (9, 9))

        monkeypatch.setattr("spotter.service.spotting.imaging.decode", slow)
        answer = await http.post("/spot?format=pdf", content=picture((1, 2, 3)))
        go.set()
        assert (answer.status_code, began.is_set()) == (504, True)
        assert 'spotter_expirations_total{stage="postprocess"} 1.0' in service.metrics.render().decode()
