import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from spotter.cli.bench import bench
from spotter.cli.benchmarks import serving
from spotter.cli.benchmarks.picture import jpeg, picture
from spotter.cli.benchmarks.tables import summary, table
from spotter.registry.folder import FolderStore
from tests.service.tiny import write_tiny_bundle


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bench")
    store = FolderStore(root / "registry")
    write_tiny_bundle(root / "tiny")
    store.set_alias("spotter", "live", store.publish(root / "tiny").version)
    return root


def run(*arguments: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(bench, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    reports = [json.loads(line) for line in result.output.splitlines()]
    assert all({"processor", "cores", "commit"} <= report["environment"].keys() for report in reports)
    return [row for report in reports for row in report["rows"]]


def test_summary_is_of_milliseconds_with_linear_percentiles() -> None:
    found = summary([n / 1000 for n in range(1, 102)])
    assert found == {"median": 51.0, "p10": 11.0, "p90": 91.0, "p95": 96.0, "p99": 100.0}


def test_table_aligns_words_left_and_numbers_right() -> None:
    text = table([{"name": "a", "ms": 1.5}, {"name": "long", "ms": 10.0}])
    assert text.splitlines() == ["name     ms", "a      1.50", "long  10.00"]
    assert table([]) == ""


def test_the_drawn_picture_is_the_same_every_time_and_has_its_words() -> None:
    first = picture()
    assert first.shape == (720, 1280, 3)
    assert np.array_equal(first, picture())
    assert not np.array_equal(first, picture(seed=1))
    assert picture(words=0).std() < first.std()


def test_graphs_are_timed_in_turn_and_compared_with_the_first(registry: Path) -> None:
    tiny = str(registry / "tiny")
    rows = run("graph", "--bundle", tiny, "--size", "320x200", "--words", "4", "--rounds", "3")
    assert [row["reader"] for row in rows] == ["tiny"]
    assert rows[0]["ratio"] == 1
    whole, inside = rows[0]["whole ms"], rows[0]["graph ms"]
    assert isinstance(whole, float)
    assert isinstance(inside, float)
    assert 0 < inside < whole


@pytest.mark.parametrize("arguments", [["--size", "wide"], ["--size", "0x9"], ["--threads", "0"], ["--bundle", "/no"]])
def test_impossible_options_are_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(bench, ["graph", *arguments])
    assert result.exit_code == 2
    assert "Invalid value" in result.output


def test_a_folder_that_is_no_bundle_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(bench, ["graph", "--bundle", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


def test_a_real_service_is_measured(registry: Path) -> None:
    rows = run(
        *("serve", "--registry", str(registry / "registry"), "--threads", "1"),
        *("--seconds", "0.5", "--clients", "1,4", "--loads", "0.5"),
    )
    one, alone, four, opened = rows
    assert float(str(one["start to ready s"])) > 0
    assert 0 < float(str(one["overhead ms"])) < float(str(one["wall ms"]))
    for row in (alone, four, opened):
        assert row["ok"] == row["requests"]
        assert float(str(row["p50 ms"])) <= float(str(row["p99 ms"]))
        assert float(str(row["batch"])) >= 1
    assert four["clients"] == 4
    assert 0 < float(str(opened["ok/s"])) < 2 * float(str(opened["rate"]))


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(bench, ["serve", "--registry", str(tmp_path / "empty"), "--seconds", "0.1"])
    assert result.exit_code == 1
    assert "ended with code 3" in result.output


def test_the_open_loop_sends_whether_or_not_it_is_answered(registry: Path) -> None:
    body = jpeg(picture(160, 96, 2))
    with serving.service(registry / "registry", 1) as started:
        row = serving.open_loop(started.port, [body], 40.0, 0.5)
    assert row["requests"] == 20
    assert math.isfinite(float(str(row["p50 ms"])))


def test_training_steps_are_timed() -> None:
    (row,) = run("train-step", "--steps", "1", "--batch", "1", "--side", "128")
    assert float(str(row["step ms"])) > 0
