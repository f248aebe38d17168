import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from spotter.cli import calibrate as module
from spotter.model.config import PictureRecogniserConfig, ScoreConfig
from spotter.model.weights import load_state
from spotter.training.evaluation.calibration import Evidence
from tests.model.small import few_channels, picture_spotter, small_config, talkative_spotter, write_even_language


@pytest.fixture(name="dataset")
def make_dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "val"
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8)
    cv2.imwrite(str(folder / "images" / "a.png"), noise)
    (folder / "gts" / "gt_a.txt").write_text("0,0,50,0,50,32,0,32,EXIT\n")
    return folder


@pytest.fixture(name="checkpoint")
def make_checkpoint(tmp_path: Path) -> Path:
    state = {
        "model_config": small_config().to_dict(),
        "weights": talkative_spotter().state_dict(),
        "pictures": 7,
        "started_from": [{"part": "recogniser", "name": "theirs", "licence": "MIT"}],
    }
    torch.save(state, tmp_path / "last.pt")
    return tmp_path / "last.pt"


@pytest.fixture(name="language")
def make_language(tmp_path: Path) -> Path:
    return write_even_language(tmp_path / "language.npz")


@pytest.fixture(name="seen")
def make_seen(monkeypatch: pytest.MonkeyPatch) -> list[Evidence]:
    """What was to be fitted; noise has no right word to fit by."""
    seen: list[Evidence] = []

    def fit(evidence: Sequence[Evidence], before: ScoreConfig) -> ScoreConfig:
        assert before == small_config().score
        seen.extend(evidence)
        return ScoreConfig(0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

    monkeypatch.setattr(module, "fit", fit)
    return seen


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(module.calibrate, [str(argument) for argument in arguments])


def test_the_fitted_numbers_are_written_with_the_weights(
    checkpoint: Path, dataset: Path, seen: list[Evidence], tmp_path: Path
) -> None:
    result = run(checkpoint, dataset, "--side", "192", "--output", tmp_path / "out.pt")
    assert result.exit_code == 0, result.output
    state = load_state(tmp_path / "out.pt")
    fitted = {"bias": 0.5, "detection": 0.6, "character": 0.7, "margin": 0.8, "text": 0.9, "length": 1.0}
    assert state["model_config"]["score"] == fitted
    assert state["pictures"] == 7
    assert state["started_from"] == [{"part": "recogniser", "name": "theirs", "licence": "MIT"}]
    (words,) = seen
    assert len(words.right) > 3
    assert ((words.detection > 0) & (words.detection <= 1) & (words.character >= 0) & (words.character <= 1)).all()
    assert not words.margin.any()
    assert (words.text < 0).all()


def test_programs_get_json(checkpoint: Path, dataset: Path, seen: list[Evidence], tmp_path: Path) -> None:
    result = run(checkpoint, dataset, "--side", "192", "--output", tmp_path / "out.pt", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["output"] == str(tmp_path / "out.pt")
    assert answer["score"] == load_state(tmp_path / "out.pt")["model_config"]["score"]
    (found,) = answer["datasets"]
    assert (found["folder"], found["words"]) == (str(dataset), len(seen[0].right))
    assert all(0 <= found[gap] <= 1 for gap in ("ece_before", "ece_after"))


def test_how_readily_regions_are_cut_is_written_and_reads_otherwise(
    dataset: Path, seen: list[Evidence], tmp_path: Path
) -> None:
    config = replace(small_config(), recogniser=PictureRecogniserConfig("small", longest=24))
    state = {"model_config": config.to_dict(), "weights": picture_spotter().state_dict()}
    torch.save(state, tmp_path / "last.pt")
    for name, more in (("plain", []), ("spaced", ["--space", "1e5", "--rare", "-1.5"])):
        with few_channels():
            result = run(tmp_path / "last.pt", dataset, "--side", "192", *more, "--output", tmp_path / name)
        assert result.exit_code == 0, result.output
    plain, spaced = (load_state(tmp_path / name)["model_config"]["recogniser"] for name in ("plain", "spaced"))
    assert (plain["space"], spaced["space"]) == (0.0, 1e5)
    assert (plain["rare"], spaced["rare"]) == (0.0, -1.5)
    assert len(seen[0].right) > 3
    assert len(seen[1].right) == 0  # nothing but spaces is written


def test_a_recogniser_of_maps_has_no_such_number(checkpoint: Path, dataset: Path, tmp_path: Path) -> None:
    result = run(checkpoint, dataset, "--space", "1", "--output", tmp_path / "out.pt")
    assert result.exit_code == 1
    assert "only a recogniser that reads the picture" in result.output


def test_a_language_model_gives_margins(
    checkpoint: Path, dataset: Path, seen: list[Evidence], language: Path, tmp_path: Path
) -> None:
    result = run(checkpoint, dataset, "--side", "192", "--language", language, "--output", tmp_path / "out.pt")
    assert result.exit_code == 0, result.output
    assert (seen[0].margin >= 0).all()
    assert seen[0].margin.any()


def test_nothing_right_is_explained(checkpoint: Path, dataset: Path, tmp_path: Path) -> None:
    result = run(checkpoint, dataset, "--side", "192", "--output", tmp_path / "out.pt")
    assert result.exit_code == 1
    assert "read right" in result.output
    assert not (tmp_path / "out.pt").exists()


def test_a_file_that_is_no_language_model_is_named(checkpoint: Path, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "language.npz").write_text("words")
    result = run(checkpoint, dataset, "--language", tmp_path / "language.npz", "--output", tmp_path / "out.pt")
    assert result.exit_code == 1
    assert "language.npz holds no language model" in result.output
