"""`spotter bulk` as a whole: in this process, over Ray, interrupted, and with a worker killed."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from spotter.bulk.cli import bulk
from spotter.bulk.inputs import Item
from spotter.bulk.output import as_parquet
from spotter.bulk.plan import Part
from spotter.bulk.work import BulkRun, Count, Worker
from spotter.reading.imaging import PictureLimits, Prepared
from spotter.reading.pages import FilePage, pages
from spotter.reading.reader import Reader
from spotter.registry.folder import FolderStore
from tests.bulk.test_inputs import shard
from tests.lengths import half_a_minute_long
from tests.reading.tiny import picture, words_of, write_tiny_bundle

COUNT = 30


@pytest.fixture(name="registry")
def make_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tiny_bundle(tmp_path / "b", work=1)
    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "b").version)
    monkeypatch.setenv("SPOTTER_CACHE", str(tmp_path / "cache"))
    return store.root


def colour(number: int) -> tuple[int, int, int]:
    return number + 1, 200 - number, 0


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:03d}.png").write_bytes(picture(colour(number)))
    (folder / "bad.png").write_bytes(picture((1, 1, 0))[:50])
    (folder / "text.jpg").write_bytes(b"no picture at all")
    shard(folder / "shard.tar", {"a.png": picture((90, 0, 0)), "b.bmp": b"BM"})
    return folder


def command(registry: Path, folder: Path, output: Path, *more: str) -> list[str]:
    return [str(folder), str(output), "--registry", str(registry), "--part", "4", *more]


def run(registry: Path, folder: Path, output: Path, *more: str) -> Result:
    return CliRunner().invoke(bulk, command(registry, folder, output, *more))


def records(output: Path, prefix: str = "part-") -> list[dict[str, Any]]:
    files = sorted(output.glob(f"{prefix}*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def assert_whole(output: Path) -> None:
    """Every input is there exactly once, with its own words or with the reason."""
    read = {Path(record["input"]).name: record for record in records(output)}
    assert len(read) == len(records(output)) == COUNT + 1
    for number in range(COUNT):
        record = read[f"{number:03d}.png"]
        assert [word["text"] for word in record["words"]] == words_of(colour(number))
        assert (record["page"], record["width"], record["height"]) == (0, 96, 64)
        assert record["text"].split() == words_of(colour(number))
    dead = Counter(Path(record["input"]).name for record in records(output, "dead-"))
    assert dead == {"bad.png": 1, "text.jpg": 1, "shard.tar#b.bmp": 1}
    assert all(record["detail"] for record in records(output, "dead-"))
    left = {file.name for file in output.iterdir() if not file.name.startswith(("part-", "dead-part-"))}
    assert left == {"plan.json"}


def test_everything_is_read_once_or_said_why_not(registry: Path, folder: Path, tmp_path: Path) -> None:
    result = run(registry, folder, tmp_path / "out", "--in-process")
    assert result.exit_code == 0, result.output
    assert f"{COUNT + 1} pages read, 3 dead letters" in result.output
    assert_whole(tmp_path / "out")


def test_a_run_that_is_interrupted_goes_on(
    registry: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, really = tmp_path / "out", Worker.read
    read: list[int] = []

    def until_the_disk_is_full(self: Worker, part: Any) -> Any:
        if len(read) == 3:
            raise OSError(28, "No space left on device")
        read.append(part.number)
        return really(self, part)

    monkeypatch.setattr(Worker, "read", until_the_disk_is_full)
    result = run(registry, folder, output, "--in-process")
    assert result.exit_code == 1
    assert "No space left" in result.output
    assert "goes on from here" in result.output
    written = {file: file.stat().st_mtime_ns for file in output.glob("part-*")}
    assert len(written) == 3
    monkeypatch.setattr(Worker, "read", really)
    assert run(registry, folder, output, "--in-process").exit_code == 0
    assert_whole(output)
    assert {file: file.stat().st_mtime_ns for file in written} == written
    again = run(registry, folder, output, "--in-process")
    assert (again.exit_code, "0 pages read" in again.output) == (0, True)


def test_parquet_holds_the_same(registry: Path, folder: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="PARQUET IS NOT TESTED: pyarrow is not installed")
    assert run(registry, folder, tmp_path / "out", "--in-process", "--format", "parquet").exit_code == 0
    assert run(registry, folder, tmp_path / "lines", "--in-process").exit_code == 0
    table = [row for file in sorted((tmp_path / "out").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    words = [word for row in table for word in row["words"]]
    assert words
    assert {word.pop("script") for word in words} == {None}
    assert table == records(tmp_path / "lines")


def test_parquet_keeps_that_a_script_is_unknown() -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="PARQUET IS NOT TESTED: pyarrow is not installed")
    word = {"polygon": [[0.0, 0.0]] * 4, "text": "MocKBa", "score": 0.5, "line": 0, "block": 0, "script": "unknown"}
    (row,) = pq.read_table(io.BytesIO(as_parquet([{"input": "a.png", "page": 0, "words": [word]}]))).to_pylist()
    assert row["words"][0] | word == row["words"][0]


def test_object_stores_on_both_sides(registry: Path, folder: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(f"{folder}/", "/bulk-in/", recursive=True)
    arguments = ["memory://bulk-in", "memory://bulk-both", "--registry", str(registry), "--part", "4", "--in-process"]
    assert CliRunner().invoke(bulk, arguments).exit_code == 0
    memory.get("/bulk-both/", f"{tmp_path}/out/", recursive=True)
    memory.rm("/bulk-in", recursive=True)
    memory.rm("/bulk-both", recursive=True)
    assert_whole(tmp_path / "out")


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_names_that_are_not_utf_8_are_escaped(registry: Path, tmp_path: Path, form: str) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, data in ((b"caf\xe9.png", picture((7, 8, 0))), (b"th\xe9.png", b"no picture")):
        (folder / os.fsdecode(name)).write_bytes(data)
    result = run(registry, folder, output, "--in-process", "--format", form)
    assert (result.exit_code, "1 pages read, 1 dead letters" in result.output) == (0, True), result.output
    read = records(output)
    if form == "parquet":
        pq = pytest.importorskip("pyarrow.parquet", reason="PARQUET IS NOT TESTED: pyarrow is not installed")
        read = pq.read_table(output / "part-00000.parquet").to_pylist()
    assert [(record["input"], record["text"].split()) for record in read] == [
        (f"file://{folder}/caf\\udce9.png", words_of((7, 8, 0)))
    ]
    assert [record["input"] for record in records(output, "dead-")] == [f"file://{folder}/th\\udce9.png"]
    again = run(registry, folder, output, "--in-process", "--format", form)
    assert (again.exit_code, "0 pages read" in again.output) == (0, True)


def test_a_file_that_vanished_is_a_dead_letter_whatever_its_name(registry: Path, tmp_path: Path) -> None:
    bulk_run = BulkRun(str(tmp_path / "out"), "jsonl", {"registry": str(registry), "threads": 1})
    item = Item(f"file://{tmp_path}/caf\udce9.png")
    assert Worker(bulk_run).read(Part(0, (item,))) == Count(0, 1)
    (letter,) = records(tmp_path / "out", "dead-")
    assert letter["input"] == f"file://{tmp_path}/caf\\udce9.png"
    assert letter["detail"].startswith("FileNotFoundError: ")


def test_a_page_at_which_the_engine_fails_is_a_dead_letter(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, really = tmp_path / "in", Reader.read_prepared
    folder.mkdir()
    first, *rest = [Image.new("RGB", (96, 64), (red, 0, 0)) for red in (4, 5, 6)]
    first.save(folder / "a.tif", save_all=True, append_images=rest)
    (folder / "b.png").write_bytes(picture((7, 0, 0)))

    def failing(self: Reader, prepared: Prepared, *more: Any) -> Any:
        if prepared.padded[0, 0, 0] == 5:
            raise RuntimeError("Non-zero status code returned while running Conv node")
        return really(self, prepared, *more)

    monkeypatch.setattr(Reader, "read_prepared", failing)
    result = run(registry, folder, tmp_path / "out", "--in-process")
    assert (result.exit_code, "3 pages read, 1 dead letters" in result.output) == (0, True), result.output
    assert [(Path(record["input"]).name, record["page"], record["text"]) for record in records(tmp_path / "out")] == [
        ("a.tif", 0, "004"),
        ("a.tif", 2, "006"),
        ("b.png", 0, "007"),
    ]
    assert records(tmp_path / "out", "dead-") == [
        {
            "input": f"file://{folder}/a.tif",
            "page": 1,
            "type": "urn:spotter:problem:unreadable",
            "detail": "RuntimeError: Non-zero status code returned while running Conv node",
        }
    ]


def test_a_file_that_fails_to_open_is_a_dead_letter(
    registry: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(data: bytes, limits: PictureLimits) -> Iterator[FilePage]:
        if data == picture(colour(3)):
            raise KeyError("xref")
        return pages(data, limits)

    monkeypatch.setattr("spotter.bulk.work.pages", failing)
    result = run(registry, folder, tmp_path / "out", "--in-process")
    assert (result.exit_code, f"{COUNT} pages read, 4 dead letters" in result.output) == (0, True), result.output
    (letter,) = (record for record in records(tmp_path / "out", "dead-") if record["input"].endswith("003.png"))
    assert (letter["page"], letter["detail"]) == (0, "KeyError: 'xref'")


def test_mistakes_are_sentences(registry: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for inputs, why in ((tmp_path / "none", "not there"), (tmp_path / "empty", "nothing to read")):
        result = run(registry, inputs, tmp_path / "out", "--in-process")
        assert (result.exit_code, why in result.output) == (1, True)
    assert run(registry, folder, tmp_path / "out", "--in-process").exit_code == 0
    result = run(registry, folder, tmp_path / "out", "--in-process", "--min-score", "0.3")
    assert (result.exit_code, "other settings" in result.output) == (1, True)


@half_a_minute_long
@pytest.mark.timeout(240)
def test_over_ray_a_worker_that_is_killed_loses_nothing(registry: Path, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data", reason="WORKERS THAT DIE ARE NOT TESTED: ray is not installed")
    output = tmp_path / "out"
    arguments = [sys.executable, "-m", "spotter", "bulk", *command(registry, folder, output, "--workers", "2")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        end = time.monotonic() + 180
        killed = None
        while killed is None and process.poll() is None and time.monotonic() < end:
            if list(output.glob("part-*")):
                killed = kill_a_worker(process.pid)
            time.sleep(0.02)
        printed, _ = process.communicate(timeout=200)
    assert process.returncode == 0, printed
    assert killed is not None, printed
    assert_whole(output)


def kill_a_worker(driver: int) -> int | None:
    """Kills one of Ray's actors below the process `driver`; returns its process id."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::") and b"Map" in line and driver in ancestors(int(entry.name)):
            os.kill(int(entry.name), signal.SIGKILL)
            return int(entry.name)
    return None


def ancestors(process: int) -> list[int]:
    found: list[int] = []
    while process > 1:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            break
        found.append(process)
    return found


def test_without_ray_it_says_what_to_install(
    registry: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spotter.bulk.cli.find_spec", lambda name: None)
    result = CliRunner().invoke(bulk, [str(folder), str(tmp_path / "out"), "--workers", "1"])
    assert result.exit_code == 1
    assert "Ray is not installed: pip install 'spotter-ocr[bulk]', or --in-process" in result.output
