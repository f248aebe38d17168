import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import hints
from benchmarks.cli import bench
from benchmarks.comparison import Comparison, in_turns, turns
from benchmarks.http_client import Answer, Connection, get, parse_timing, post
from benchmarks.load import Load, Timed, closed_loop, open_loop, poisson
from benchmarks.process import free_port, parse_metrics
from benchmarks.servers import Peer
from benchmarks.serving import Batches, batches_between, overhead_ms, stages_ms
from tests.reading.tiny import picture, write_tiny_bundle

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """A server on a free port of loopback that answers by `handler`."""
    handling: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.append(asyncio.create_task(handle(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*handling)


async def answer_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, code: int, delay: float) -> None:
    """Answers every request of a connection with a code after a while."""
    while await reader.readline():
        while (await reader.readline()).strip():
            pass
        await asyncio.sleep(delay)
        head = f"HTTP/1.1 {code} X\r\nContent-Length: 2\r\nServer-Timing: decode;dur=1.50, infer;dur=2.50\r\n\r\n"
        writer.write(head.encode() + b"ok")


def test_the_service_is_measured_in_a_real_process(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(picture((10 + number, 0, 0)))
    (folder / "notes.txt").write_text("not a picture")
    arguments = ["serve", "--bundle", str(tmp_path / "tiny"), "--pictures", str(folder), "--seconds", "0.3"]
    arguments += ["--clients", "2", "--rates", "20", "--threads", "1", "--json"]
    result = CliRunner().invoke(bench, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    found = document["serve"]
    assert found["pictures"] == 3
    assert 0 < found["start_to_ready_seconds"] < 60
    assert found["overhead_ms"] > 0
    assert {"upload", "decode", "queue", "infer", "postprocess", "other"} <= found["stages_ms"].keys()
    assert set(found["plain_loop"]) == {"one by one", "in batches"}
    assert [run["load"] for run in found["runs"]] == ["1 client", "2 clients", "20.0 a second"]
    for run in found["runs"]:
        assert set(run["codes"]) == {"200"}
        assert run["p50_ms"] <= run["p95_ms"] <= run["p99_ms"]
        assert run["batch_pictures"] >= 1


def test_a_service_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny", golden=("999",))
    (tmp_path / "p.png").write_bytes(picture((1, 0, 0)))
    arguments = ["serve", "--bundle", str(tmp_path / "tiny"), "--pictures", str(tmp_path), "--seconds", "0.1"]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 1
    assert "Error: the service did not start" in result.output
    assert "the golden picture must read" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--clients", "1,x"], "is not a list of numbers"), (["--clients", "1.5"], "whole numbers"),
     (["--rates", "-1"], "must be positive")],
)  # fmt: skip
def test_lists_are_checked(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(bench, ["serve", *arguments])
    assert result.exit_code == 2
    assert sentence in result.output


async def test_closed_loop_keeps_its_clients_busy() -> None:
    async with listening(lambda r, w: answer_after(r, w, 200, 0.02)) as port:
        measured = await closed_loop(port, [get("/")], clients=3, seconds=0.2)
    assert measured.label == "3 clients"
    assert 6 <= len(measured.answers) <= 33
    assert min(measured.good) >= 20
    assert measured.answers[0].answer == Answer(200, {"decode": 1.5, "infer": 2.5}, b"ok")


async def test_open_loop_counts_time_from_the_arrival() -> None:
    """Arrivals at 100 a second do not wait for answers that take 0.1 s each."""
    async with listening(lambda r, w: answer_after(r, w, 200, 0.1)) as port:
        measured = await open_loop(port, [get("/")], rate=100, seconds=0.3)
    assert len(measured.answers) == len(poisson(100, 0.3, 0))
    assert min(measured.good) >= 100
    assert measured.unanswered == 0


async def test_a_server_that_breaks_off_is_code_0() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    async with listening(hang_up) as port:
        connection = Connection(port)
        assert (await connection.send(post("/spot", b"x", "image/png"))).code == 0
        assert (await connection.send(get("/"))).code == 0


def test_poisson_arrivals_have_their_rate() -> None:
    times = poisson(50, 100, seed=1)
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 100
    assert 4700 < len(times) < 5300  # 5000 expected, standard deviation 71


def timed(code: int, seconds: float, **stages: float) -> Timed:
    return Timed(Answer(code, stages), seconds)


def test_a_run_is_summed_up_by_hand() -> None:
    answers = (timed(200, 0.1), timed(200, 0.3), timed(429, 0.001), timed(0, 5.0))
    found = Load("x", answers, seconds=2.0, unanswered=3).as_dict()
    assert (found["throughput"], found["goodput"]) == (2.0, 1.0)
    assert found["p50_ms"] == pytest.approx(200)
    assert found["p95_ms"] == pytest.approx(290)
    assert found["codes"] == {"200": 2, "429": 1, "none": 1, "unanswered": 3}
    assert Load("x", (timed(429, 0.1),), 1.0).as_dict()["p50_ms"] is None


def test_overhead_is_the_wait_beyond_decode_and_model() -> None:
    answers = (
        timed(200, 0.100, decode=5, infer=90, queue=1),
        timed(200, 0.200, decode=6, infer=187, queue=2),
        timed(429, 9.0),
        timed(200, 0.099, decode=5, infer=90, queue=1),
    )
    one = Load("1 client", answers, 1.0)
    assert overhead_ms(one) == pytest.approx(5)  # of 5, 7 and 4
    assert stages_ms(one)["other"] == pytest.approx(4)  # of 4, 5 and 3
    assert stages_ms(one)["queue"] == pytest.approx(1)
    assert overhead_ms(Load("x", (), 1.0)) is None


def test_batches_are_counted_between_two_readings() -> None:
    page = """# HELP spotter_batch_pictures Pictures in a batch.
# TYPE spotter_batch_pictures histogram
spotter_batch_pictures_bucket{model="a",le="1.0"} 2.0
spotter_batch_pictures_count{model="a"} 3.0
spotter_batch_pictures_sum{model="a"} 5.0
spotter_batch_pictures_count{model="b"} 1.0
spotter_batch_pictures_sum{model="b"} 1.0
# TYPE spotter_batch_padding_ratio histogram
spotter_batch_padding_ratio_count 4.0
spotter_batch_padding_ratio_sum 0.4
"""
    before = parse_metrics(page)
    assert before["spotter_batch_pictures_sum"] == 6
    assert not any("bucket" in name for name in before)
    after = before | {"spotter_batch_pictures_count": 6.0, "spotter_batch_pictures_sum": 13.0}
    assert batches_between(before, after) == Batches(3.5, None)


def test_server_timing_is_read() -> None:
    assert parse_timing(b"upload;dur=0.20, decode;dur=5.91,infer;dur=120") == {
        "upload": 0.2, "decode": 5.91, "infer": 120.0,
    }  # fmt: skip
    assert parse_timing(b"cache") == {}


PEER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Peer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        picture = body.startswith(b"--spotter") and b"\\x89PNG" in body and self.path == "/predict"
        self.answer(200 if picture else 400)

    def answer(self, code):
        self.send_response(code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass

assert sys.argv[1:3] == ["-m", "benchmarks.under_litserve"], sys.argv
assert sys.argv[5:] == ["1", "2"], "threads and workers"
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[4])), Peer).serve_forever()
"""


def test_peers_are_measured_in_the_same_run(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    (tmp_path / "p.png").write_bytes(picture((1, 0, 0)))
    (tmp_path / "peer.py").write_text(PEER)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "peer.py"} "$@"\n')
    python.chmod(0o755)
    arguments = ["serve", "--bundle", str(tmp_path / "tiny"), "--pictures", str(tmp_path), "--seconds", "0.2"]
    arguments += ["--clients", "2", "--rates", "20", "--threads", "2", "--json"]
    arguments += ["--peer", "litserve:2", "--peer-python", str(python)]
    result = CliRunner().invoke(bench, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)["serve"]
    assert [(run["peer"], run["load"]) for run in found["peers"]] == [
        ("litserve, 2 workers", "1 client"), ("litserve, 2 workers", "2 clients"),
    ]  # fmt: skip
    for run in found["peers"]:
        assert set(run["codes"]) == {"200"}
        assert run["goodput_ratio"] > 0
        assert run["p99_ratio"] > 0


def test_a_peer_is_compared_with_our_turns() -> None:
    ours = (Load("x", (timed(200, 0.1),), 1.0), Load("x", (timed(200, 0.2),) * 3, 1.0))
    theirs = (Load("x", (timed(200, 0.4),), 1.0), Load("x", (), 1.0))
    found = Comparison("peer", ours, theirs).as_dict()
    assert (found["peer"], found["turns"], found["goodput"], found["goodput_ratio"]) == ("peer", 2, 0.5, 4.0)
    assert found["p99_ratio"] == pytest.approx(0.5)
    assert found["goodput_interval"] is None, "they answered nothing in a turn: of it alone there is no ratio"
    failed = (Load("x", (timed(500, 0.4),), 2.0),) * 2
    assert Comparison("peer", ours, failed).as_dict()["p99_ratio"] is None


def test_an_interval_spans_what_the_turns_differ_by() -> None:
    theirs = (Load("x", (timed(200, 0.1),) * 10, 1.0),) * 8
    alike = Comparison("peer", (Load("x", (timed(200, 0.05),) * 20, 1.0),) * 8, theirs).as_dict()
    assert alike["goodput_interval"] == (2.0, 2.0)
    assert alike["p99_interval"] == pytest.approx((0.5, 0.5))
    # Half of the turns give 10 a second and half 30: the mean of eight draws has a deviation of 10 / sqrt(8).
    swings = tuple(Load("x", (timed(200, 0.1),) * count, 1.0) for count in (10, 30) * 4)
    low, high = Comparison("peer", swings, theirs).as_dict()["goodput_interval"]
    assert low == pytest.approx(2 - 1.645 / 8**0.5, abs=0.15)
    assert high == pytest.approx(2 + 1.645 / 8**0.5, abs=0.15)


def test_neither_side_always_comes_second() -> None:
    order: list[tuple[str, float]] = []

    def side(name: str) -> Callable[[float], Load]:
        def work(seconds: float) -> Load:
            order.append((name, seconds))
            return Load(name, (), seconds)

        return work

    ours, theirs = in_turns(side("a"), side("b"), 12.0)
    assert [name for name, _ in order] == list("abbaabba")
    assert {seconds for _, seconds in order} == {3.0}
    assert [each.label for each in ours] == ["a"] * 4
    assert [each.label for each in theirs] == ["b"] * 4
    assert turns(0.2) == 2


@pytest.mark.parametrize("name", ["torchserve", "litserve:0", "bentoml:x"])
def test_a_peer_that_is_none_is_a_sentence(name: str) -> None:
    result = CliRunner().invoke(bench, ["serve", "--peer", name])
    assert result.exit_code == 1
    assert f"{name} is none of litserve, bentoml, rapidocr_api" in result.output


def test_bentoml_takes_the_picture_itself() -> None:
    assert Peer("bentoml", Path("python")).request(b"jpeg") == post("/spot", b"jpeg", "image/jpeg")
    request = Peer("rapidocr_api", Path("python")).request(b"jpeg")
    assert request.startswith(b"POST /ocr HTTP/1.1\r\n")
    assert b'; name="image_file"; filename="p"\r\n\r\njpeg\r\n--' in request


def test_a_benchmark_that_is_terminated_leaves_no_server_behind(tmp_path: Path) -> None:
    port = free_port()
    script = f"""
import os, sys, time
from pathlib import Path
from benchmarks.process import running
command = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
with running(command, os.environ, Path({str(tmp_path / "log")!r}), "http://127.0.0.1:{port}/"):
    print("ready", flush=True)
    time.sleep(60)
"""
    found = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}  # the benchmarks are not installed
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=found) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_hints_are_measured_beside_a_request_without_any(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    arguments = ["hints", "--bundle", str(tmp_path / "tiny"), "--threads", "1", "--rounds", "2", "--json"]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)["hints"]["overheads_ms"]
    assert set(found) == set(hints.VARIANTS)
    assert all(each["median"] >= each["least"] > 0 for each in found.values())
    assert found[hints.NONE]["more"] == 0
