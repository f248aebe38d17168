import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from spotter.cli.bench import bench
from spotter.cli.benchmarks import graph, pictures
from spotter.cli.benchmarks.environment import cpu_model, describe
from tests.service.tiny import GOLDEN, picture, write_tiny_bundle


def run(*arguments: str) -> str:
    result = CliRunner().invoke(bench, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "tiny"
    write_tiny_bundle(folder)
    return folder


def test_graph_reports_times_and_words(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(picture(GOLDEN, size=(96, 64)))
    output = run(
        "graph", "--bundle", str(tiny), "--bundle", str(tiny), "--picture", str(tmp_path / "p.png"),
        "--rounds", "3", "--json",
    )  # fmt: skip
    document = json.loads(output)
    assert document["environment"]["versions"]["onnxruntime"]
    assert document["threads"] == 1
    (result,) = document["graph"]
    assert (result["width"], result["height"]) == (96, 64)
    first, second = result["readers"]
    assert first["name"] == second["name"] == str(tiny)
    assert (first["words"], first["rounds"], first["ratio"]) == (2, 3, 1.0)
    assert 0 < first["graph_ms"]["p10"] <= first["graph_ms"]["median"] <= first["graph_ms"]["p90"]
    assert first["whole_ms"]["median"] >= first["graph_ms"]["p10"]


def test_graph_prints_a_table_under_one_line_about_the_machine(tiny: Path) -> None:
    lines = run("graph", "--bundle", str(tiny), "--size", "320x192", "--words", "3", "--rounds", "1").splitlines()
    assert "onnxruntime" in lines[0]
    assert "1 thread" in lines[0]
    assert lines[2] == "drawn, 3 words, 320 x 192 pixels"
    assert lines[4].split()[0] == str(tiny)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--peer", "nobody"], "there is no peer 'nobody'; known: rapidocr"),
        (["--bundle", "spotter@nowhere"], "no alias or version 'nowhere'"),
        (["--size", "100x60", "--words", "200"], "too few for 200 words"),
    ],
)
def test_graph_refuses_in_a_sentence(tiny: Path, arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(bench, ["graph", "--bundle", str(tiny), "--rounds", "1", *arguments])
    assert result.exit_code == 1
    assert sentence in result.output


def test_a_size_is_width_by_height(tiny: Path) -> None:
    result = CliRunner().invoke(bench, ["graph", "--bundle", str(tiny), "--size", "1280"])
    assert result.exit_code == 2
    assert "'1280' is not a size such as 1280x720" in result.output


def test_a_peer_without_its_models_is_an_error(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    arguments = ["graph", "--bundle", str(tiny), "--peer", "rapidocr", "--peer-models", str(tmp_path)]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 1
    assert "the peer's models lack" in result.output


def test_contestants_take_turns_and_another_begins_each_round() -> None:
    order: list[str] = []

    def contestant(name: str) -> graph.Contestant:
        def turn(pixels: graph.Pixels) -> graph.Turn:
            order.append(name)
            return graph.Turn(0.001, 1)

        return turn

    pixels = np.zeros((8, 12, 3), np.uint8)
    result = graph.measure("p", pixels, [(name, contestant(name)) for name in "abc"], rounds=3)
    assert "".join(order) == "aabbcc" + "abc" + "bca" + "cab"
    assert result.size == (12, 8)
    assert [(each.label, len(each.turns)) for each in result.measured] == [("a", 3), ("b", 3), ("c", 3)]


def test_a_peers_row_has_no_stages() -> None:
    whole = graph.Measured("peer", (graph.Turn(0.004, 7), graph.Turn(0.006, 7)))
    first = graph.Measured("ours", (graph.Turn(0.002, 7, 0.0, 0.002, 0.0), graph.Turn(0.002, 7, 0.0, 0.002, 0.0)))
    result = graph.PictureResult("p", (1, 1), (first, whole))
    row = result.as_dict()["readers"][1]
    assert (row["prepare_ms"], row["graph_ms"]) == (None, None)
    assert row["ratio"] == pytest.approx(2.5)
    assert result.as_table().splitlines()[-1].split() == ["peer", "-", "-", "-", *["5.00", "4.20", "5.80", "2.50", "7"]]


def test_drawn_pictures_are_the_same_everywhere_and_differ_by_seed() -> None:
    one, again, other = (np.asarray(pictures.draw(640, 360, 6, seed)) for seed in (1, 1, 2))
    assert one.shape == (360, 640, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert pictures.jpeg(pictures.draw(64, 64, 0))[:2] == b"\xff\xd8"


def test_the_processor_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Example 9000\n")
    assert cpu_model(tmp_path / "cpuinfo") == "Example 9000"
    assert cpu_model(tmp_path / "none") != ""
    assert "2 threads" in describe().line("2 threads")
