import contextlib
import json
import logging
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from spotter.service.server import FAILED_TO_LOAD, JsonFormatter, allow_files
from tests.reading.tiny import picture, words_of, write_tiny_bundle
from tests.service.serving import Serving, serving


@pytest.fixture(scope="module")
def slow(registry: Path) -> Iterator[Serving]:
    """A process whose model takes a good part of a second, shared by tests that leave it as they found it.

    Its queue may take minutes, so that on a slow machine, too, none of their uploads is refused.
    """
    with serving("--alias", "slow", registry=registry, threads=1, batch_pictures=1, queue_seconds=600) as server:
        server.ready()
        yield server


def texts(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [word["text"] for word in response.json()["words"]]


def metric(server: Serving, line: str) -> float:
    page = httpx.get(f"{server.url}/metrics").text
    return next((float(each.split()[-1]) for each in page.splitlines() if each.startswith(line)), 0.0)


def uploads(server: Serving) -> float:
    """How many uploads have been received. This only grows; the length of the queue also falls, when a busy machine
    answers a picture before the next one arrives."""
    return metric(server, 'spotter_stage_seconds_count{stage="upload"}')


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_many_clients_over_real_connections_get_their_own_words(registry: Path) -> None:
    with serving(registry=registry, threads=1, queue_pictures=64) as server:
        server.ready()

        def client(number: int) -> None:
            with httpx.Client(base_url=server.url) as http:
                for step in range(25):
                    colour = (number * 10 + step % 10, step * 9, 0)
                    size = (32 + 40 * (step % 3), 32)
                    assert texts(http.post("/spot", content=picture(colour, size))) == words_of(colour)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(client, range(1, 9)))
        assert metric(server, 'spotter_requests_total{code="200",path="/spot"}') == 200


def test_sigterm_drains_and_exits_0(registry: Path) -> None:
    with serving("--alias", "slow", registry=registry, threads=1, batch_pictures=1, grace=3) as server:
        server.ready()
        url = server.url
        with ThreadPoolExecutor(8) as pool:
            accepted = [
                pool.submit(httpx.post, f"{url}/spot", content=picture((n, 0, 0)), timeout=30) for n in range(1, 5)
            ]
            wait_for(lambda: uploads(server) == 4)
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: httpx.get(f"{url}/health/ready").status_code == 503)
            during_grace = pool.submit(httpx.post, f"{url}/spot", content=picture((9, 0, 0)), timeout=30)
            assert [texts(future.result()) for future in accepted] == [["001"], ["002"], ["003"], ["004"]]
            assert texts(during_grace.result()) == ["009"]
        assert server.exit_code() == 0
        assert all({"time", "level", "logger"} <= set(line) for line in server.logs())


def test_what_is_not_read_when_the_time_to_drain_is_over_is_a_503(registry: Path) -> None:
    with serving("--alias", "slow", registry=registry, threads=1, batch_pictures=1, grace=0, drain_timeout=1) as server:
        server.ready()
        with ThreadPoolExecutor(8) as pool:
            accepted = [
                pool.submit(httpx.post, f"{server.url}/spot", content=picture((n, 0, 0)), timeout=30)
                for n in range(1, 5)
            ]
            wait_for(lambda: uploads(server) == 4)
            server.process.send_signal(signal.SIGTERM)
            answers = [future.result() for future in accepted]
        assert server.exit_code() == 0
        stopped = [answer.json() for answer in answers if answer.status_code != 200]
        assert stopped
        for problem in stopped:
            assert (problem["status"], problem["type"]) == (503, "urn:spotter:problem:not-ready")
            assert "stopped" in problem["detail"]


def test_a_second_sigterm_exits_at_once(registry: Path) -> None:
    with serving(registry=registry, grace=60) as server:
        server.ready()
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: httpx.get(f"{server.url}/health/ready").status_code == 503)
        server.process.send_signal(signal.SIGTERM)
        assert server.exit_code(timeout=5) == 128 + signal.SIGTERM


def test_interrupt_skips_the_grace(registry: Path) -> None:
    with serving(registry=registry, grace=60) as server:
        server.ready()
        server.process.send_signal(signal.SIGINT)
        assert server.exit_code(timeout=10) == 0


def test_open_connections_are_shown_beside_their_limit(slow: Serving) -> None:
    held = [socket.create_connection(("127.0.0.1", slow.port)) for _ in range(3)]
    wait_for(lambda: metric(slow, 'spotter_connections{kind="open"}') == 4)  # with the one that asks
    for each in held:
        each.close()
    wait_for(lambda: metric(slow, 'spotter_connections{kind="open"}') == 1)
    assert metric(slow, 'spotter_connections{kind="limit"}') == 1024


def test_a_client_that_leaves_frees_its_place(slow: Serving) -> None:
    body = picture((5, 0, 0))

    def inferred() -> float:
        return metric(slow, "spotter_batch_pictures_sum")

    def uploaded() -> float:
        return uploads(slow)

    def answered() -> float:
        return metric(slow, "spotter_pictures_total")

    def gone() -> float:
        stages = "upload", "decode", "queue", "infer", "postprocess"
        return sum(metric(slow, f'spotter_cancellations_total{{stage="{stage}"}}') for stage in stages)

    before = {count: count() for count in (inferred, uploaded, answered, gone)}

    def new(count: Callable[[], float]) -> float:
        return count() - before[count]

    head = f"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
    with ThreadPoolExecutor(1) as pool:
        stays = pool.submit(httpx.post, f"{slow.url}/spot", content=body, timeout=30)
        wait_for(lambda: metric(slow, "spotter_queue_pictures ") == 1)
        with contextlib.ExitStack() as leavers:
            for _ in range(12):
                leaver = leavers.enter_context(socket.create_connection(("127.0.0.1", slow.port)))
                leaver.sendall(head.encode() + body)
            wait_for(lambda: new(uploaded) == 13)
        assert texts(stays.result()) == ["005"]
    wait_for(lambda: metric(slow, "spotter_queue_pictures ") == 0)
    # Where a busy machine took long over the uploads, some are answered before their clients leave.
    wait_for(lambda: new(gone) + new(answered) == 13)
    assert new(gone) >= 6
    assert new(inferred) < new(answered) + 3


def test_a_client_that_leaves_while_uploading_is_counted(slow: Serving) -> None:
    head = b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nsome"
    with socket.create_connection(("127.0.0.1", slow.port)) as leaver:
        leaver.sendall(head)
        wait_for(lambda: metric(slow, "spotter_upload_bytes ") == 4)
    wait_for(lambda: metric(slow, 'spotter_cancellations_total{stage="upload"}') == 1)
    assert metric(slow, "spotter_upload_bytes ") == 0


def test_an_upload_refused_early_is_answered_before_it_ends(slow: Serving) -> None:
    head = b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99999999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", slow.port), timeout=10) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_model_that_fails_its_golden_picture_ends_the_process(tmp_path: Path) -> None:
    root = tmp_path / "registry"
    write_tiny_bundle(root / "spotter" / "versions" / "1", golden=("999",))
    with serving("--alias", "1", registry=root) as server:
        assert server.exit_code() == FAILED_TO_LOAD
        server.find("the golden picture must read")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"max_bytes": 1}, "max_bytes"), ({"timeout": "inf"}, "timeout")],
)
def test_settings_that_cannot_be_are_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with serving(**settings) as server:
        assert server.exit_code() == 1
        server.find(f"Error: .*{sentence}")


def test_a_port_in_use_is_another_exit_code_than_a_model_that_cannot_be_loaded(registry: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving("--port", str(port), registry=registry) as server:
            assert server.exit_code() == 1
            server.find("address already in use")


def test_connections_are_not_lost_for_want_of_files_and_a_misspelt_setting_is_reported(registry: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as open_:
        resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))  # what the process begins with
        try:
            server = open_.enter_context(serving(registry=registry, threads=1, max_conections=9, max_connections=300))
            server.ready()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1000), hard))
            open_.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(250):
            open_.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert texts(httpx.post(f"{server.url}/spot", content=picture((3, 0, 0)))) == ["003"]
        server.find("SPOTTER_MAX_CONECTIONS is no setting")


def test_a_limit_of_files_that_cannot_be_raised_enough_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (50, 100))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: given.append(limits))
    allow_files(80)
    assert caplog.text == ""
    allow_files(200)
    allow_files(50)
    assert given == [(80, 100), (100, 100)]
    assert "100 files may be open, 200 are needed" in caplog.text


def test_log_lines_are_json_with_their_exception() -> None:
    try:
        raise ValueError("broken\nline")
    except ValueError:
        record = logging.LogRecord("spotter", logging.ERROR, "f", 1, "it is %s", ("bad",), exc_info=sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["level"], entry["message"]) == ("error", "it is bad")
    assert "ValueError: broken" in entry["exception"]


def test_the_service_needs_no_torch() -> None:
    code = "import sys, spotter.service.cli, spotter.registry.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
