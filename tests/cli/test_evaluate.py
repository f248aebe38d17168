import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from spotter.cli import evaluate as module
from spotter.cli.predictors import Opened, ReaderOptions
from spotter.export.card import scores
from spotter.training.evaluation.predictor import Prediction


def box(x: float, y: float, width: float, height: float) -> NDArray[np.float32]:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


@pytest.fixture(name="dataset")
def make_dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "val"
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), np.zeros((64, 96, 3), np.uint8))
    (folder / "gts" / "gt_a.txt").write_text("0,0,50,0,50,32,0,32,EXIT\n60,0,90,0,90,32,60,32,GATE\n")
    return folder


@pytest.fixture(name="model")
def make_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that reads Exit at its place in the picture of 96 x 54, and one false alarm."""

    def predict(image: NDArray[np.uint8]) -> list[Prediction]:
        scale = image.shape[0] / 64
        return [
            Prediction(box(0, 0, 50, 32 * scale), "Exit", 0.9),
            Prediction(box(0, 40 * scale, 50, 10), "fence", 0.2),
        ]

    def open_predictor(path: Path, options: ReaderOptions) -> Opened:
        return Opened(predict, 0.1)

    monkeypatch.setattr(module, "open_predictor", open_predictor)
    (tmp_path / "model.pt").touch()
    return tmp_path / "model.pt"


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(module.evaluate, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_scores_go_to_the_terminal_and_to_a_file(model: Path, dataset: Path, tmp_path: Path) -> None:
    output = run(model, dataset, "--json", tmp_path / "out.json", "--errors", tmp_path / "errors.jsonl")
    assert "end to end                    50.0      50.0      50.0" in output
    (result,) = json.loads((tmp_path / "out.json").read_text())["results"]
    assert result["end_to_end"]["correct"] == 1
    assert result["pictures"] == 1
    errors = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text().splitlines()]
    assert [error["kind"] for error in errors] == ["missed", "false alarm"]


def test_a_threshold_and_a_sweep(model: Path, dataset: Path) -> None:
    output = run(model, dataset, "--score-threshold", "0.5", "--sweep")
    assert "end to end                   100.0      50.0      66.7" in output
    assert any(line.split() == ["0.95", "0.0", "0.0", "0.0"] for line in output.splitlines())


@pytest.mark.parametrize("how", ["prefix", "preset", "aspect"])
def test_squeezed_pictures_are_corrected(model: Path, dataset: Path, tmp_path: Path, how: str) -> None:
    arguments: dict[str, list[str | Path]] = {
        "prefix": [model, f"icdar2015={dataset}"],
        "preset": [model, dataset, "--preset", "icdar2015"],
        "aspect": [model, dataset, "--aspect", "16:9"],
    }
    run(*arguments[how], "--json", tmp_path / "out.json")
    (result,) = json.loads((tmp_path / "out.json").read_text())["results"]
    # Words of 27 pixels, not 32, show that picture and polygons were made 54 high.
    assert [part["from"] for part in result["by_height"] if part["truths"]] == [24.0]
    assert result["end_to_end"]["correct"] == 1


def test_receipts_are_scored_without_places(model: Path, dataset: Path, tmp_path: Path) -> None:
    output = run(model, f"sroie={dataset}", "--json", tmp_path / "out.json")
    assert "detection" not in output
    assert "bag of words" in output
    # What a bundle's card is made of.
    (result,) = scores(json.loads((tmp_path / "out.json").read_text()))["results"]
    assert result["dataset"].endswith(", validation part")
    assert result["bag_of_words_only"]


@pytest.mark.parametrize(
    "arguments", [["missing.pt", "."], ["none", "."], ["none", "nowhere"], ["none", ".", "--aspect", "9"]]
)
def test_mistakes_are_explained(arguments: list[str]) -> None:
    result = CliRunner().invoke(module.evaluate, arguments)
    assert result.exit_code == 2
    assert "Error" in result.output


def test_the_threshold_is_the_readers_own_unless_given(model: Path, dataset: Path, tmp_path: Path) -> None:
    thresholds = []
    for arguments in ([], ["--score-threshold", "0.0"]):
        run(model, dataset, "--json", tmp_path / "out.json", *arguments)
        thresholds.append(json.loads((tmp_path / "out.json").read_text())["results"][0]["threshold"])
    assert thresholds == [0.1, 0.0]


def test_a_bad_checkpoint_is_explained(dataset: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"no checkpoint")
    result = CliRunner().invoke(module.evaluate, [str(bad), str(dataset)])
    assert result.exit_code == 1
    assert "checkpoint" in result.output
