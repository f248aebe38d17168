import asyncio
import gc
import io
import json
import math
import re
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from prometheus_client import generate_latest

from spotter.reading import imaging, second_look, turning, words
from spotter.reading.errors import BrokenPictureError, ProblemError
from spotter.reading.imaging import OpenedPicture, Prepared
from spotter.reading.parts import Part, Partition
from spotter.reading.words import Page
from spotter.registry.errors import BundleError
from spotter.registry.folder import FolderStore
from spotter.service import spotting
from spotter.service.app import create_app
from spotter.service.batching import admission
from spotter.service.batching.jobs import BatchReport
from spotter.service.errors import SPOT_ERRORS, TooLateError
from spotter.service.http.middleware import PATHS
from spotter.service.http.parameters import SpotParameters
from spotter.service.lifecycle import State
from spotter.service.models.live import LoadedModel
from spotter.service.settings import Settings
from spotter.service.state import Service
from spotter.service.telemetry.metrics import Metrics
from spotter.service.telemetry.timing import Timing
from tests.reading.tiny import picture, words_of, write_tiny_bundle
from tests.service.conftest import Client

PNG = {"Content-Type": "image/png"}
ALLOWED_HEADERS = ("authorization", "x-api-key", "x-request-id", "x-request-timeout-ms", "traceparent", "tracestate")


def problem_of(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem in an answer, after checking that it is a whole one."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["type"] == f"urn:spotter:problem:{kind}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["remedy"]
    assert problem["fault"] in ("client", "server")
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


async def test_a_picture_is_answered_with_its_words(client: Client) -> None:
    async with client() as (http, service):
        response = await http.post("/spot", content=picture((12, 200, 0), (300, 200)), headers=PNG)
        assert response.status_code == 200
        assert service.models.default.live is not None
        scores = {"score": 0.9, "detection_score": None, "reading_score": 0.729}
        alike = {**scores, "direction": 0.0, "block": 0}
        assert response.json() == {
            "model": {"name": "spotter", "version": "1", "digest": service.models.default.live.digest},
            "image": {"width": 300, "height": 200},
            "words": [
                {"polygon": [[0, 0], [300, 0], [300, 100], [0, 100]], "text": "012", **alike, "line": 0},
                {"polygon": [[0, 100], [300, 100], [300, 200], [0, 200]], "text": "200", **alike, "line": 1},
            ],
            "reading": {
                "width": 300,
                "height": 200,
                "downscaled": False,
                "turned": 0,
                "closer_look": "not_needed",
                "reason": "the picture was read at its own size, or nearly so",
                "least_height": 9.0,
                "candidates_cut": False,
                "unread": None,
            },
            "warnings": [],
        }
        assert response.headers["content-type"] == "application/json"
        stages = [part.split(";")[0] for part in response.headers["server-timing"].split(", ")]
        assert stages == ["upload", "decode", "queue", "infer", "postprocess"]


@pytest.mark.parametrize("size", [(1280, 960), (31, 700), (1, 1), (640, 640), (3000, 20)])
async def test_polygons_are_in_upload_pixels_at_every_size(client: Client, size: tuple[int, int]) -> None:
    async with client() as (http, _):
        answer = (await http.post("/spot", content=picture((9, 0, 0), size), headers=PNG)).json()
        width, height = size
        assert answer["image"] == {"width": width, "height": height}
        expected = np.array([[0, 0], [width, 0], [width, height / 2], [0, height / 2]])
        np.testing.assert_allclose(answer["words"][0]["polygon"], expected, atol=0.051)


async def test_a_picture_without_words_is_an_ordinary_answer(client: Client) -> None:
    async with client() as (http, _):
        response = await http.post("/spot", content=picture((0, 0, 9)), headers=PNG)
        assert (response.status_code, response.json()["words"]) == (200, [])


async def test_min_score_moves_the_threshold(client: Client) -> None:
    async with client() as (http, _):
        body = picture((9, 9, 0))
        assert (await http.post("/spot?min_score=0.95", content=body)).json()["words"] == []
        assert len((await http.post("/spot?min_score=0.85", content=body)).json()["words"]) == 2
        for value in ("1.5", "-1", "nan", "inf", "x", ""):
            problem_of(await http.post(f"/spot?min_score={value}", content=body), 422, "invalid-parameter")


async def test_the_side_to_read_at_can_be_asked_for_up_to_a_limit(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    def decode(opened: OpenedPicture) -> Prepared:
        prepared = really(opened)
        seen.append(prepared.working)
        return prepared

    really = OpenedPicture.decode
    monkeypatch.setattr(OpenedPicture, "decode", decode)
    async with client(max_working_side=512) as (http, _):
        body = picture((9, 0, 0), (600, 600))
        for query in ("max_side=256", "max_side=512", "min_score=0"):
            assert (await http.post(f"/spot?{query}", content=body)).status_code == 200
        assert seen[-3:] == [(256, 256), (512, 512), (600, 600)]
        problem = problem_of(await http.post("/spot?max_side=513", content=body), 422, "invalid-parameter")
        assert "max_side" in problem["detail"]
        assert "512" in problem["detail"]
        for value in ("63", "0", "-1", "x", "1e3"):
            problem_of(await http.post(f"/spot?max_side={value}", content=body), 422, "invalid-parameter")


@pytest.mark.parametrize(
    ("settings", "query", "outcome"),
    [
        ({}, "", "taken"),
        ({}, "?max_side=128", None),
        ({"second_look": False}, "", None),
        ({"queue_pixels": 20_000}, "", "no room"),
    ],
)
async def test_small_words_are_looked_at_again_where_there_is_room(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], query: str, outcome: str | None
) -> None:
    asked: list[int] = []

    def closer(polygons: object, working: object, upload: object, limit: int) -> int:
        asked.append(limit)
        return 256

    monkeypatch.setattr(second_look, "closer_side", closer)
    async with client(**settings) as (http, service):
        answer = (await http.post(f"/spot{query}", content=picture((5, 6, 0)), headers=PNG)).json()
        assert [word["text"] for word in answer["words"]] == ["005", "006"]
        page = service.metrics.render().decode()
        counted = [line for line in page.splitlines() if line.startswith("spotter_second_looks_total{")]
        assert counted == ([f'spotter_second_looks_total{{outcome="{outcome}"}} 1.0'] if outcome else [])
        assert asked == ([service.settings.max_working_side] if outcome else [])
        assert "spotter_rejections_total{" not in page
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)
        expected = {"taken": "taken", "no room": "skipped", None: answer["reading"]["closer_look"]}
        assert answer["reading"]["closer_look"] == expected[outcome]
        assert any("too much work" in warning for warning in answer["warnings"]) == (outcome == "no room")


@pytest.mark.parametrize(("settings", "words"), [({}, ["007", "008"]), ({"second_look": False}, [])])
async def test_a_picture_on_its_head_is_read_upright(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], words: list[str]
) -> None:
    monkeypatch.setattr(turning, "_WORDS", 0)  # the tiny model reads two at most
    store = FolderStore(tmp_path / "registry")
    write_tiny_bundle(tmp_path / "bundle", orientation=True)
    store.set_alias("spotter", "live", store.publish(tmp_path / "bundle").version)
    image = Image.new("RGB", (80, 40), (7, 8, 0))
    image.paste((0, 0, 200), (0, 0, 40, 40))  # upright, its top left is where its bottom right is now
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    async with client(registry=str(store.root), **settings) as (http, service):
        answer = (await http.post("/spot", content=buffer.getvalue(), headers=PNG)).json()
        assert [word["text"] for word in answer["words"]] == words
        assert answer["reading"]["turned"] == (180 if words else 0)
        assert any("turned clockwise by 180 degrees" in warning for warning in answer["warnings"]) == bool(words)
        if words:
            assert answer["words"][0]["polygon"] == [[80, 40], [0, 40], [0, 20], [80, 20]]
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)


async def test_what_a_closer_look_does_not_show_in_time_the_first_one_does(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, go, looks = OpenedPicture.decode, threading.Event(), 0

    def slow(opened: OpenedPicture) -> Prepared:
        nonlocal looks
        looks += 1
        assert looks == 1 or go.wait(10)
        return prepare(opened)

    async with client(timeout=1.5) as (http, service):
        monkeypatch.setattr(second_look, "closer_side", lambda *given: 256)
        monkeypatch.setattr(OpenedPicture, "decode", slow)
        answer = await http.post("/spot", content=picture((5, 6, 0)), headers=PNG)
        go.set()
        assert (answer.status_code, looks) == (200, 2)
        assert [word["text"] for word in answer.json()["words"]] == ["005", "006"]
        assert answer.json()["reading"]["closer_look"] == "skipped"
        assert "deadline" in answer.json()["warnings"][-1]
        page = service.metrics.render().decode()
        assert 'spotter_second_looks_total{outcome="too slow"} 1.0' in page
        assert "spotter_expirations_total{" not in page
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)


def two_colours() -> bytes:
    """A picture whose upper half has another colour than its lower half."""
    image = Image.new("RGB", (128, 128), (5, 6, 0))
    image.paste((7, 8, 0), (0, 64, 128, 128))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("settings", "hints", "words"),
    [
        ({}, "", ["005", "006", "007", "008"]),
        ({}, "?region=0,64,128,64", ["007", "008", "007", "008"]),
        ({}, "?max_side=128", ["005", "006"]),
        ({"second_look": False}, "", ["005", "006"]),
    ],
)
async def test_a_full_picture_is_read_in_parts(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], hints: str, words: list[str]
) -> None:
    monkeypatch.setattr(spotting, "partition", lambda rows, seen, spec, limit: Partition(spec, (0.5,), 0.0))
    async with client(**settings) as (http, service):
        answer = (await http.post("/spot" + hints, content=two_colours(), headers=PNG)).json()
        assert [word["text"] for word in answer["words"]] == words
        inside = len(words) == 4
        assert (answer["reading"]["closer_look"] == "taken") == inside
        assert ("in parts" in answer["reading"]["reason"]) == inside
        top = 64 if "region" in hints else 0
        assert answer["words"][0]["polygon"][0] == [0, top]
        assert answer["words"][-1]["polygon"][2] == [128, 128]
        page = service.metrics.render().decode()
        assert ('spotter_second_looks_total{outcome="taken"} 1.0' in page) == inside
        assert _metric(page, "spotter_batch_pictures_sum") == ("3.0" if inside else "1.0")
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)


@pytest.mark.parametrize(("closer", "said"), [(None, "skipped"), (256, "taken")])
async def test_what_parts_do_not_show_in_time_the_looks_before_do(
    client: Client, monkeypatch: pytest.MonkeyPatch, closer: int | None, said: str
) -> None:
    """A closer look that was taken is not called skipped because the parts came too late."""
    monkeypatch.setattr(second_look, "closer_side", lambda *given: closer)
    monkeypatch.setattr(spotting, "partition", lambda rows, seen, spec, limit: Partition(spec, (0.5,), 0.0))
    go, cut = threading.Event(), Partition.parts

    def slow(plan: Partition, whole: Prepared) -> list[Part]:
        assert go.wait(10)
        return cut(plan, whole)

    async with client(timeout=1.5) as (http, service):
        monkeypatch.setattr(Partition, "parts", slow)
        answer = (await http.post("/spot", content=picture((5, 6, 0), (128, 128)), headers=PNG)).json()
        go.set()
        assert [word["text"] for word in answer["words"]] == ["005", "006"]
        assert answer["reading"]["closer_look"] == said
        assert 'spotter_second_looks_total{outcome="too slow"} 1.0' in service.metrics.render().decode()
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)


async def test_the_order_of_many_words_is_not_found_in_the_event_loop(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    opened = threading.Event()

    def slow(*given: Any) -> Page:
        threads.append(threading.current_thread())
        assert opened.wait(10)
        return really(*given)

    really = words.read_page
    monkeypatch.setattr(spotting, "read_page", slow)
    monkeypatch.setattr(spotting, "ORDERED_IN_LOOP", 1)
    async with client() as (http, service):
        leaves, stays = [asyncio.create_task(http.post("/spot", content=picture((7, 8, 0)))) for _ in range(2)]
        while len(threads) < 2:
            await asyncio.sleep(0.001)
        leaves.cancel()
        await asyncio.gather(leaves, return_exceptions=True)
        opened.set()
        assert [word["text"] for word in (await stays).json()["words"]] == ["007", "008"]
        assert threading.main_thread() not in threads
        assert 'spotter_cancellations_total{stage="postprocess"} 1.0' in service.metrics.render().decode()
        await http.post("/spot", content=picture((7, 0, 0)))
        assert threads[-1] is threading.main_thread()


async def test_multipart_answers_in_order_with_problems_in_their_places(client: Client) -> None:
    async with client() as (http, service):
        files = [
            ("images", ("a.png", picture((5, 6, 0)), "image/png")),
            ("images", ("b.txt", b"no picture at all", "text/plain")),
            ("images", ("c.png", picture((7, 0, 0))[:60], "image/png")),
            ("images", ("d.jpg", picture((0, 250, 0)), "image/jpeg")),
        ]
        response = await http.post("/spot", files=files)
        assert response.status_code == 200
        results = response.json()["results"]
        assert [[word["text"] for word in result["words"]] for result in results if "words" in result] == [
            ["005", "006"],
            ["250"],
        ]
        assert [result["status"] for result in results if "status" in result] == [415, 422]
        assert [("words" in result) for result in results] == [True, False, False, True]
        page = service.metrics.render().decode()
        for kind in ("unsupported-picture", "broken-picture"):
            assert _metric(page, f'spotter_failed_parts_total{{type="{kind}"}}') == "1.0"


@pytest.mark.parametrize(("threads", "batch"), [(1, 8), (3, 0), (3, 4)])
async def test_concurrent_requests_never_get_each_others_words(client: Client, threads: int, batch: int) -> None:
    rng = np.random.default_rng(1)

    async def one(http: httpx.AsyncClient, colour: NDArray[np.int64], size: NDArray[np.int64]) -> None:
        red, green = (int(value) for value in colour)
        body = picture((red, green, 0), (int(size[0]), int(size[1])))
        answer = (await http.post("/spot", content=body)).json()
        assert [word["text"] for word in answer["words"]] == words_of((red, green, 0))
        assert answer["image"] == {"width": size[0], "height": size[1]}

    # None is to be refused, however slow the pace at which a busy machine warmed the model.
    patient: dict[str, Any] = {"queue_pictures": 400, "queue_seconds": 600, "timeout": 600}
    async with client(threads=threads, batch_pictures=batch, **patient) as (http, service):
        sizes = rng.choice([32, 64, 100], (200, 2))
        await asyncio.gather(*(one(http, rng.integers(0, 256, 2), size) for size in sizes))
        page = service.metrics.render().decode()
        assert float(_metric(page, "spotter_batch_pictures_sum")) == 200
        assert (float(_metric(page, "spotter_batch_pictures_count")) < 200) == (batch > 0)
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)


def _metric(page: str, name: str) -> str:
    return next(line.split()[-1] for line in page.splitlines() if line.startswith(name))


@pytest.mark.parametrize(
    ("headers", "content", "status", "kind"),
    [
        ({"Content-Type": "text/plain"}, b"x", 415, "unsupported-picture"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"x", 415, "unsupported-picture"),
        ({"Content-Type": "image/png"}, b"GIF90a", 415, "unsupported-picture"),
        ({"Content-Type": "image/png", "Content-Encoding": "gzip"}, b"x", 415, "unsupported-picture"),
        ({"Content-Type": "image/png"}, b"", 422, "broken-picture"),
        ({"Content-Type": "image/png"}, picture((1, 2, 3))[:50], 422, "broken-picture"),
        ({"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n" + b"x" * 5000, 413, "too-many-bytes"),
        ({"Content-Type": "image/png"}, picture((1, 2, 3), (600, 400)), 413, "too-many-pixels"),
        ({"Content-Type": "multipart/form-data"}, b"x", 400, "bad-request"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"x", 400, "bad-request"),
        ({"Content-Type": "image/png", "X-Request-Timeout-Ms": "0"}, b"x", 422, "invalid-parameter"),
        ({"Content-Type": "image/png", "X-Request-Timeout-Ms": "soon"}, b"x", 422, "invalid-parameter"),
    ],
)
async def test_every_client_error_is_its_problem(
    client: Client, headers: dict[str, str], content: bytes, status: int, kind: str
) -> None:
    async with client(max_bytes=4096, max_pixels=100_000) as (http, _):
        response = await http.post("/spot", content=content, headers=headers)
        assert problem_of(response, status, kind)["fault"] == "client"


async def test_unknown_paths_and_methods_are_problems(client: Client) -> None:
    async with client() as (http, _):
        problem_of(await http.get("/nothing"), 404, "not-found")
        response = await http.get("/spot")
        problem_of(response, 405, "method-not-allowed")
        assert response.headers["allow"] == "POST"
        problem_of(await http.post("/spot/", content=b"x", headers={"Host": "elsewhere.example"}), 404, "not-found")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/v1/model"])
async def test_pages_may_be_asked_for_without_their_body(client: Client, path: str) -> None:
    async with client() as (http, _):
        page, head = await http.get(path), await http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == page.headers["content-type"]
        assert set(head.headers) == set(page.headers)
        for method in ("PUT", "DELETE", "POST", "PATCH", "OPTIONS"):
            response = await http.request(method, path)
            problem_of(response, 405, "method-not-allowed")
            assert sorted(response.headers["allow"].split(", ")) == ["GET", "HEAD"]
        assert set((await http.get("/openapi.json")).json()["paths"][path]) == {"get"}


async def test_a_chunked_upload_needs_no_length_and_is_still_bounded(client: Client) -> None:
    async def chunks(body: bytes) -> Any:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    async with client(max_bytes=4096) as (http, service):
        body = picture((3, 0, 0))
        answer = await http.post("/spot", content=chunks(body), headers=PNG)
        assert [word["text"] for word in answer.json()["words"]] == ["003"]
        problem_of(await http.post("/spot", content=chunks(bytes(5000)), headers=PNG), 413, "too-many-bytes")
        assert service.uploads.held == 0


async def test_a_slow_upload_times_out(client: Client) -> None:
    async def slow() -> Any:
        yield b"\x89PNG"
        await asyncio.sleep(5)
        yield b"never"

    async with client(upload_timeout=0.05) as (http, service):
        problem_of(await http.post("/spot", content=slow(), headers=PNG), 408, "upload-timeout")
        assert service.uploads.held == 0


async def test_a_full_service_says_so_and_when_to_come_back(client: Client) -> None:
    async with client(alias="slow", queue_pictures=3, max_pictures=2) as (http, service):
        requests = [asyncio.create_task(http.post("/spot", content=picture((n, 0, 0)))) for n in range(1, 9)]
        responses = await asyncio.gather(*requests)
        refused = [response for response in responses if response.status_code != 200]
        assert len(refused) == 5
        for response in refused:
            problem = problem_of(response, 429, "overloaded")
            assert int(response.headers["retry-after"]) == problem["retry_after"] >= 1
        texts = {response.json()["words"][0]["text"] for response in responses if response.status_code == 200}
        assert len(texts) == 3
        assert service.handler.admission.pictures == 0
        page = service.metrics.render().decode()
        assert 'spotter_rejections_total{reason="pictures"} 5.0' in page


async def test_a_multipart_that_does_not_fit_is_refused_whole(client: Client) -> None:
    async with client(alias="slow", queue_pictures=3, max_pictures=2) as (http, service):
        first = asyncio.create_task(http.post("/spot", files=[("images", picture((1, 0, 0)))] * 2))
        while service.handler.admission.pictures < 2:
            await asyncio.sleep(0.001)
        second = await http.post("/spot", files=[("images", picture((1, 0, 0)))] * 2)
        problem_of(second, 429, "overloaded")
        assert (await first).status_code == 200


@pytest.mark.parametrize(("own", "asked", "counted"), [(30, "20", 499), (0.02, "90000", 504)])
async def test_a_deadline_may_only_shorten(client: Client, own: float, asked: str, counted: int) -> None:
    async with client(alias="slow", timeout=own) as (http, service):
        headers = {"X-Request-Timeout-Ms": asked}
        problem_of(await http.post("/spot", content=picture((1, 0, 0)), headers=headers), 504, "too-late")
        assert service.handler.admission.pictures == 0
        page = service.metrics.render().decode()
        assert "spotter_expirations_total{stage=" in page
        assert re.findall(r'spotter_requests_total\{code="(\d+)",path="/spot"\}', page) == [str(counted)]


async def test_a_deadline_that_passes_during_the_upload_ends_it(client: Client) -> None:
    async def slow() -> Any:
        yield b"\x89PNG"
        await asyncio.sleep(5)

    async with client() as (http, service):
        headers = {**PNG, "X-Request-Timeout-Ms": "30"}
        problem_of(await http.post("/spot", content=slow(), headers=headers), 504, "too-late")
        page = service.metrics.render().decode()
        assert 'spotter_expirations_total{stage="upload"} 1.0' in page
        assert "spotter_stage_seconds_count" not in page


async def test_nothing_is_decoded_for_a_request_that_is_late_already(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client() as (_, service):
        monkeypatch.setattr(imaging, "OpenedPicture", lambda *_: pytest.fail("it was opened"))
        ticket, timing = service.handler.admission.enter(), Timing(time.monotonic())
        live = service.models.default.require_live()
        late = spotting.ReadRequest(live, time.monotonic() - 0.001, None, timing)
        with pytest.raises(TooLateError):
            await service.handler.read(picture((1, 0, 0)), ticket, late)
        assert service.handler.admission.pictures == 0


CORES = 2  # that the tests see
DECODING = pytest.mark.parametrize(
    ("form", "at_once", "settings"),
    [("PNG", 1, {"decoders": 1}), ("JPEG", CORES, {"threads": CORES})],
    ids=["by a decoding thread", "by the lanes"],
)
"""Where a small picture is decoded: by a lane if there is one for each core and it is a JPEG. Grey is exact in one."""


@DECODING
async def test_a_client_that_leaves_during_decoding_frees_its_place(
    client: Client, monkeypatch: pytest.MonkeyPatch, form: str, at_once: int, settings: dict[str, int]
) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()
    decode = OpenedPicture.decode

    def slow(opened: OpenedPicture) -> Prepared:
        entered.release()
        go_on.wait(10)
        return decode(opened)

    async with client(**settings) as (http, service):
        monkeypatch.setattr(OpenedPicture, "decode", slow)
        many = max(2, at_once)
        requests = [asyncio.create_task(http.post("/spot", content=picture((n, n, n), form=form))) for n in range(many)]
        for _ in range(at_once):
            assert await asyncio.to_thread(entered.acquire, timeout=10)
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        assert (service.handler.admission.pictures, service.uploads.held) == (0, 0)
        go_on.set()
        monkeypatch.undo()
        assert (await http.post("/spot", content=picture((3, 3, 3), form=form))).status_code == 200
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)
        page = service.metrics.render().decode()
        left = re.findall(r'spotter_cancellations_total{stage="(\w+)"} (\d+)', page)
        assert sum(int(count) for _, count in left) == many
        assert dict(left)["decode"] == str(many)
        assert _metric(page, "spotter_batch_pictures_sum") == "1.0"


@DECODING
async def test_what_is_late_when_decoded_is_not_run(
    client: Client, monkeypatch: pytest.MonkeyPatch, form: str, at_once: int, settings: dict[str, int]
) -> None:
    answered, ended = threading.Event(), threading.Event()
    decode = OpenedPicture.decode

    def slow(opened: OpenedPicture) -> Prepared:
        assert answered.wait(10)
        ended.set()
        return decode(opened)

    async with client(**settings) as (http, service):
        with monkeypatch.context() as patch:
            patch.setattr(OpenedPicture, "decode", slow)
            response = await http.post(
                "/spot", content=picture((1, 1, 1), form=form), headers={"X-Request-Timeout-Ms": "1000"}
            )
            problem_of(response, 504, "too-late")
            answered.set()
            assert await asyncio.to_thread(ended.wait, 10)
        assert (await http.post("/spot", content=picture((3, 3, 3), form=form))).status_code == 200
        page = service.metrics.render().decode()
        assert 'spotter_expirations_total{stage="decode"} 1.0' in page
        assert _metric(page, "spotter_batch_pictures_sum") == "1.0"


@DECODING
async def test_a_picture_that_does_not_decode_costs_only_its_own_request(
    client: Client, form: str, at_once: int, settings: dict[str, int]
) -> None:
    async with client(**settings) as (http, service):
        whole = picture((3, 3, 3), form=form)
        answers = await asyncio.gather(
            *(http.post("/spot", content=whole[:size]) for size in [len(whole), len(whole) // 2] * 8)
        )
        for answer in answers[1::2]:
            problem_of(answer, 422, "broken-picture")
        assert [answer.json()["words"][0]["text"] for answer in answers[::2]] == ["003"] * 8
        assert service.models.default.require_live().engine.failures == 0
        assert (service.handler.admission.pictures, service.handler.admission.pixels) == (0, 0)


@DECODING
async def test_decoding_is_timed_wherever_it_happens(
    client: Client, monkeypatch: pytest.MonkeyPatch, form: str, at_once: int, settings: dict[str, int]
) -> None:
    decode = OpenedPicture.decode

    def slow(opened: OpenedPicture) -> Prepared:
        time.sleep(0.1)
        return decode(opened)

    monkeypatch.setattr(OpenedPicture, "decode", slow)
    async with client(**settings) as (http, _):
        answer = await http.post("/spot", content=picture((3, 3, 3), form=form))
        stages = {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"])}
        assert 100 <= stages["decode"] < 1000
        assert stages["queue"] < 100


async def test_a_decoder_at_work_for_nobody_does_not_hold_up_the_end(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, go_on = threading.Event(), threading.Event()

    def endless(_: OpenedPicture) -> Prepared:
        opened.set()
        go_on.wait(30)
        raise AssertionError

    began = time.monotonic()
    async with client(decoders=1) as (http, _):
        monkeypatch.setattr(OpenedPicture, "decode", endless)
        request = asyncio.create_task(http.post("/spot", content=picture((1, 0, 0))))
        await asyncio.to_thread(opened.wait, 10)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        page = (await http.get("/metrics")).text
        assert _metric(page, 'spotter_decoders{kind="busy"}') == _metric(page, 'spotter_decoders{kind="all"}') == "1.0"
        assert 0 < float(_metric(page, "spotter_decode_longest_seconds")) < 10
    assert time.monotonic() - began < 10
    go_on.set()


@DECODING
async def test_what_was_refused_is_forgotten_without_the_collector(
    client: Client, monkeypatch: pytest.MonkeyPatch, form: str, at_once: int, settings: dict[str, int]
) -> None:
    """An error in a cycle with the frames that it went through would keep their uploads until it was collected."""
    refused: list[weakref.ref[BaseException]] = []

    def refuse(*_: object) -> Prepared:
        error = BrokenPictureError("for the test")
        refused.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async with client(**settings) as (http, _):
        monkeypatch.setattr(OpenedPicture, "decode", refuse)
        gc.disable()
        try:
            assert (await http.post("/spot", content=picture((1, 1, 1), form=form))).status_code == 422
            await asyncio.sleep(0.01)
            assert [error() for error in refused] == [None]
        finally:
            gc.enable()


async def test_a_queue_before_the_decoders_is_bounded_like_any_other(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = OpenedPicture.decode

    def slow(opened: OpenedPicture) -> Prepared:
        time.sleep(0.1)
        return decode(opened)

    async with client(decoders=1, queue_seconds=0.5) as (http, _):
        monkeypatch.setattr(OpenedPicture, "decode", slow)
        waits: list[float] = []
        codes: list[int] = []

        async def post(number: int) -> None:
            began = time.monotonic()
            response = await http.post("/spot", content=picture((number, 0, 0)))
            codes.append(response.status_code)
            if response.status_code == 200:
                waits.append(time.monotonic() - began)

        for _ in range(3):  # tell the pace
            await post(1)
        await asyncio.gather(*map(post, range(30)))
        assert codes.count(429) >= 20
        assert codes.count(200) + codes.count(429) == 33
        assert max(waits) < 2


async def test_the_first_model_is_forgotten_like_any_other(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "registry")
    versions = []
    for number in range(3):
        write_tiny_bundle(tmp_path / str(number), work=number)
        versions.append(store.publish(tmp_path / str(number)).version)
    store.set_alias("spotter", "live", versions[0])
    app = create_app(Settings(registry=str(store.root), threads=1, poll_seconds=0.02))
    async with app.router.lifespan_context(app):
        service: Service = app.state.service
        while service.models.default.live is None:
            await asyncio.sleep(0.005)
        first = weakref.ref(service.models.default.live)
        for version in versions[1:]:
            store.set_alias("spotter", "live", version)
            while service.models.default.live is None or service.models.default.live.manifest.version != version:
                await asyncio.sleep(0.005)
        for _ in range(1000):
            if first() is None:
                break
            await asyncio.sleep(0.01)
        assert first() is None


async def test_expired_pictures_are_not_run(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_TRUSTED", math.inf)  # they are let in, although the queue will outlast them
    async with client(alias="slow", batch_pictures=1) as (http, service):
        running = asyncio.create_task(http.post("/spot", content=picture((1, 0, 0))))
        while 'spotter_stage_seconds_count{stage="decode"} 1.0' not in service.metrics.render().decode():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)  # the engine takes it at once
        late = [
            asyncio.create_task(http.post("/spot", content=picture((n, 0, 0)), headers={"X-Request-Timeout-Ms": "30"}))
            for n in range(2, 6)
        ]
        for response in await asyncio.gather(*late):
            problem_of(response, 504, "too-late")
        assert (await running).status_code == 200
        assert _metric(service.metrics.render().decode(), "spotter_batch_pictures_sum") == "1.0"


async def test_not_ready_before_the_model_is_loaded(registry: Path) -> None:
    app = create_app(Settings(registry=str(registry)))  # without its lifespan nothing is loaded
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://spotter") as http:
        assert (await http.get("/health/live")).status_code == 200
        for response in (
            await http.get("/health/ready"),
            await http.get("/v1/model"),
            await http.post("/spot", content=picture((1, 1, 1))),
        ):
            problem_of(response, 503, "not-ready")
            assert response.headers["retry-after"] == "1"


async def test_a_model_that_cannot_be_loaded_fails_the_service(registry: Path) -> None:
    def loader(settings: Settings, metrics: Metrics) -> LoadedModel:
        raise BundleError("the golden picture must read EXIT")

    app = create_app(Settings(registry=str(registry)), loader)
    async with app.router.lifespan_context(app):
        while app.state.service.lifecycle.state is State.STARTING:
            await asyncio.sleep(0.001)
        assert app.state.service.lifecycle.state is State.FAILED


async def test_a_model_that_fails_on_a_batch_is_a_retryable_503(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client() as (http, service):
        assert service.models.default.live is not None

        def fail(*_: object) -> None:
            raise RuntimeError("no memory")

        monkeypatch.setattr(service.models.default.live.engine._workers, "runner", type("Broken", (), {"run": fail})())
        several = [("images", picture((1, 1, n))) for n in range(2)]
        for response in (
            await http.post("/spot", content=picture((1, 1, 1))),
            await http.post("/spot", files=several),
        ):
            problem_of(response, 503, "engine-failed")
            assert response.headers["retry-after"] == "1"
        mixed = await http.post("/spot", files=[*several, ("images", b"GIF90a")])
        assert [each["status"] for each in mixed.json()["results"]] == [503, 503, 415]


async def test_a_mistake_of_ours_is_a_500_without_its_insides(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client() as (http, service):
        monkeypatch.setattr(service, "refresh_gauges", None)
        response = await http.get("/metrics")
        problem = problem_of(response, 500, "internal")
        assert "NoneType" not in json.dumps(problem)


async def test_request_ids_are_kept_when_sane(client: Client) -> None:
    async with client() as (http, _):
        response = await http.get("/health/live", headers={"X-Request-Id": "abc-123"})
        assert response.headers["x-request-id"] == "abc-123"
        response = await http.get("/health/live", headers={"X-Request-Id": "a b\x7f<script>"})
        assert len(response.headers["x-request-id"]) == 32


async def test_an_access_line_is_json_with_stages_and_trace(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with client() as (http, _):
        with caplog.at_level("INFO", "spotter.access"):
            headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            await http.post("/spot", content=picture((1, 1, 1)), headers=headers)
            await http.get("/health/live")
    (line,) = [cast(dict[str, Any], record.msg) for record in caplog.records if record.name == "spotter.access"]
    assert (line["path"], line["status"], line["trace_id"]) == ("/spot", 200, trace)
    assert {"upload_ms", "decode_ms", "queue_ms", "infer_ms", "postprocess_ms"} <= set(line)


async def test_the_model_page(client: Client) -> None:
    async with client() as (http, service):
        page = (await http.get("/v1/model")).json()
        assert service.models.default.live is not None
        assert (page["name"], page["version"], page["digest"]) == ("spotter", "1", service.models.default.live.digest)
        assert page["input"]["max_side"] == 640


async def test_openapi_types_every_error(client: Client) -> None:
    async with client() as (http, _):
        document = (await http.get("/openapi.json")).json()
        assert (await http.get("/docs")).status_code == 200
    responses = document["paths"]["/spot"]["post"]["responses"]
    for error in SPOT_ERRORS:
        schema = responses[str(error.status)]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
        assert error.title in responses[str(error.status)]["description"]
    assert "type" in document["components"]["schemas"]["Problem"]["properties"]
    named = {each["name"] for each in document["paths"]["/spot"]["post"]["parameters"] if each["in"] == "query"}
    assert named == set(SpotParameters.model_fields)


async def test_the_metrics_page_is_complete_and_quick(client: Client) -> None:
    async with client(batch_pictures=8) as (http, _):
        await http.post("/spot", content=picture((1, 1, 1)))
        await http.get("/metrics")
        page = (await http.get("/metrics")).text
    for line in (
        'spotter_requests_total{code="200",path="/spot"} 1.0',
        'spotter_stage_seconds_count{stage="decode"} 1.0',
        'spotter_dispatches_total{model="spotter",reason="free"} 1.0',
        'spotter_reloads_total{model="spotter",outcome="loaded"} 1.0',
        'spotter_pictures_total{model="spotter"} 1.0',
        'spotter_words_total{model="spotter"} 2.0',
        "spotter_queue_pictures 0.0",
        "spotter_ready 1.0",
    ):
        assert line in page
    assert "spotter_model_info{" in page
    types = dict(re.findall(r"^# TYPE (spotter_\w+) (\w+)$", page, re.MULTILINE))
    for name, kind in (
        ("spotter_requests_total", "counter"),
        ("spotter_request_seconds", "histogram"),
        ("spotter_stage_seconds", "histogram"),
        ("spotter_batch_pictures", "histogram"),
        ("spotter_batch_padding_ratio", "histogram"),
        ("spotter_batch_seconds", "histogram"),
        ("spotter_queue_pictures", "gauge"),
        ("spotter_queue_pixels", "gauge"),
        ("spotter_batch_queue_pictures", "gauge"),
        ("spotter_upload_bytes", "gauge"),
        ("spotter_connections", "gauge"),
        ("spotter_decoders", "gauge"),
        ("spotter_decode_longest_seconds", "gauge"),
        ("spotter_failed_parts_total", "counter"),
        ("spotter_dispatches_total", "counter"),
        ("spotter_rejections_total", "counter"),
        ("spotter_cancellations_total", "counter"),
        ("spotter_expirations_total", "counter"),
        ("spotter_second_looks_total", "counter"),
        ("spotter_reloads_total", "counter"),
    ):
        assert types[name] == kind
    stages = re.findall(r'^spotter_stage_seconds_count{stage="(\w+)"} 1.0$', page, re.MULTILINE)
    assert stages == ["upload", "decode", "queue", "infer", "postprocess"]


def test_the_metrics_page_stays_short_when_it_is_full() -> None:
    """Each of its lines costs some 15 microseconds, so that the page costs about 5 ms."""
    metrics = Metrics()
    for path in (*PATHS, "other"):
        for code in ("200", "401", "405", "503"):
            metrics.requests.labels(path, code).inc()
    for error in SPOT_ERRORS:
        metrics.requests.labels("/spot", str(error.status)).inc()
        metrics.failed_parts.labels(error.kind).inc()
    metrics.request_seconds.labels("/spot").observe(0.1)
    for stage in ("upload", "decode", "queue", "infer", "postprocess"):
        metrics.stage_seconds.labels(stage).observe(0.1)
        metrics.cancellations.labels(stage).inc()
        metrics.expirations.labels(stage).inc()
    metrics.batch("spotter", BatchReport(4, 1000, 900, "full", 0.1))
    lines = metrics.render().decode().splitlines()
    assert len(PATHS) * 4 < len(lines) < 350

    def cost(write: Callable[[], bytes]) -> float:
        began = time.thread_time()
        write()
        return time.thread_time() - began

    costs = [(cost(metrics.render), cost(lambda: generate_latest(metrics.registry))) for _ in range(15)]
    whole, writing = map(min, zip(*costs, strict=True))
    assert whole < 1.5 * writing, "hardly more than writing the lines"


async def test_security_headers_are_on_every_answer_and_no_version_in_errors(client: Client) -> None:
    async with client() as (http, _):
        for response in (
            await http.get("/health/live"),
            await http.post("/spot", content=picture((1, 1, 1))),
            await http.post("/spot", content=b"x"),
            await http.get("/nothing"),
        ):
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["content-security-policy"].startswith("default-src 'none'")
            assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(response.headers)
            if response.status_code >= 400:
                assert not re.search(r"\d+\.\d+\.\d+|spotter/|uvicorn|starlette|pillow", response.text, re.IGNORECASE)
        assert "content-security-policy" not in (await http.get("/docs")).headers


async def test_other_origins_are_answered_only_where_they_are_named(client: Client) -> None:
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    async with client() as (http, _):
        problem_of(await http.options("/spot", headers=preflight), 405, "method-not-allowed")
    async with client(cors_origins="https://a.example, https://b.example") as (http, _):
        allowed = await http.options("/spot", headers=preflight)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://a.example")
        assert {"x-request-id", "x-content-type-options"} <= set(allowed.headers)
        for header in ALLOWED_HEADERS:
            asked = {**preflight, "Access-Control-Request-Headers": f"{header}, content-type"}
            assert (await http.options("/spot", headers=asked)).status_code == 200
        asked = {**preflight, "Access-Control-Request-Headers": "x-other"}
        problem_of(await http.options("/spot", headers=asked), 400, "bad-request")
        strangers = {**preflight, "Origin": "https://c.example"}
        problem_of(await http.options("/spot", headers=strangers), 400, "bad-request")
        refused = await http.post("/spot", content=b"x", headers={"Origin": "https://b.example"})
        problem_of(refused, 415, "unsupported-picture")
        assert refused.headers["access-control-allow-origin"] == "https://b.example"
        other = await http.post("/spot", content=b"x", headers={"Origin": "https://c.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("error", SPOT_ERRORS)
def test_problems_render_alone(error: type[ProblemError]) -> None:
    body = json.loads(error("why", retry_after=2.3).render("id"))
    assert (body["status"], body["retry_after"], body["request_id"]) == (error.status, 3, "id")
