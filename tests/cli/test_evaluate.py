import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from spotter.cli import evaluate as module
from spotter.cli.predictors import OpenedPredictor, ReaderOptions
from spotter.export.card import scores
from spotter.model.config import ScoreConfig
from spotter.training import checkpoint
from spotter.training.prediction import Prediction
from tests.model.small import small_config
from tests.training.data import fake_tesseract


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

    def open_predictor(path: Path, options: ReaderOptions) -> OpenedPredictor:
        return OpenedPredictor(predict, 0.1)

    monkeypatch.setattr(module, "open_predictor", open_predictor)
    return write_checkpoint(tmp_path / "model.pt", ScoreConfig())


def write_checkpoint(path: Path, score: ScoreConfig) -> Path:
    checkpoint.save(path, {"model_config": replace(small_config(), score=score).to_dict(), "weights": {}})
    return path


def invoke(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(module.evaluate, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def run(*arguments: str | Path) -> str:
    return invoke(*arguments).output


def test_scores_go_to_the_terminal_and_to_a_file(model: Path, dataset: Path, tmp_path: Path) -> None:
    output = run(model, dataset, "--json", tmp_path / "out.json", "--errors", tmp_path / "errors.jsonl")
    assert "end to end                    50.0      50.0      50.0" in output
    (result,) = json.loads((tmp_path / "out.json").read_text())["results"]
    assert result["end_to_end"]["correct"] == 1
    assert result["pictures"] == 1
    errors = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text().splitlines()]
    assert [error["kind"] for error in errors] == ["missed", "false alarm"]


def test_a_model_of_the_registry_is_found_by_its_name(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the bundle that ships, in a checkout, whose folder `spotter` is the program."""
    opened: list[Path] = []

    def open_predictor(path: Path, options: ReaderOptions) -> OpenedPredictor:
        opened.append(path)
        return OpenedPredictor(lambda image: [], 0.1)

    monkeypatch.setattr(module, "open_predictor", open_predictor)
    (tmp_path / "spotter").mkdir()
    monkeypatch.chdir(tmp_path)
    invoke("spotter", dataset)
    invoke("spotter@live", dataset)
    assert (opened[0] / "model.onnx").is_file()
    assert opened[1] == opened[0]


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
    "arguments",
    [["missing.pt", "."], ["none", "."], ["none", "nowhere"], ["none", ".", "--aspect", "9"], ["none"]],
)
def test_mistakes_are_explained(arguments: list[str]) -> None:
    result = CliRunner().invoke(module.evaluate, arguments)
    assert result.exit_code == 2
    assert "Error" in result.output


@pytest.fixture(name="data")
def make_data(dataset: Path, tmp_path: Path) -> Path:
    """A street, forms and two lines, one of which the model of this module reads."""
    data = tmp_path / "data"
    for name in ("funsd", "icdar2003"):
        (data / name).mkdir(parents=True)
        (data / name / "val").symlink_to(dataset)
    (data / "lines" / "val").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(data / "lines" / "val" / name), np.zeros((20, 60, 3), np.uint8))
    (data / "lines" / "labels.tsv").write_text("val/a.png\tExit\nval/b.png\texit 24,100\n", encoding="utf-8")
    return data


def test_all_sets_below_a_folder_are_scored_in_one_table(model: Path, data: Path, tmp_path: Path) -> None:
    output = run(model, "--data", data, "--kinds", "--json", tmp_path / "out.json")
    rows = [line.split() for line in output.splitlines()]
    assert [row[:5] for row in rows[2:5]] == [
        ["icdar2003", "1", "end-to-end", "F", "50.0"],
        ["funsd", "1", "bag-of-words", "F", "50.0"],
        ["lines", "2", "words", "exact", "33.3"],
    ]
    # Of icdar2003 and funsd Exit is read of EXIT and GATE; of the lines Exit exactly and `exit` in another case.
    assert rows[-2:] == [["plain", "6", "50.0", "66.7", "16.7"], ["thousands", "1", "-", "0.0", "0.0"]]
    assert "detection      " not in output
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert [(each["name"], each["headline"]["measure"]) for each in results] == [
        ("icdar2003", "end_to_end"),
        ("funsd", "bag_of_words"),
        ("lines", "words_exact"),
    ]
    assert [each["bag_of_words_only"] for each in results] == [False, False, True]
    # What a bundle's card is made of.
    assert len(scores({"results": results})["results"]) == 3


def test_a_rival_is_scored_on_the_same_sets(model: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rapidocr(name: str, threads: int, reference: bool) -> OpenedPredictor:
        return OpenedPredictor(lambda image: [Prediction(box(60, 0, 30, 32), "gate", 0.9)])

    monkeypatch.setattr(module, "rapidocr", rapidocr)
    output = run("none", "--data", data, "--rapidocr", "small", "--kinds")
    # One reading, right, of two words.
    assert [line.split()[4] for line in output.splitlines()[2:5]] == ["66.7", "66.7", "0.0"]
    output = run(model, "--data", data, "--rapidocr", "small", "--kinds")
    assert [line.split()[0] for line in output.splitlines()[2:8]] == ["icdar2003"] * 2 + ["funsd"] * 2 + ["lines"] * 2
    assert output.splitlines()[-1].split() == ["thousands", "1", "-", "0.0", "0.0", "-", "0.0", "0.0"]


def test_tesseract_is_scored_beside_a_model(
    model: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tesseract.install(tmp_path, monkeypatch)
    (dataset / "gts" / "gt_a.txt").write_text("10,20,40,20,40,32,10,32,EXIT\n")
    output = run(model, dataset, "--tesseract", "eng+deu", "--threads", "2", "--json", tmp_path / "out.json")
    # The model reads the word, too, but in a box that overlaps it too little.
    assert "tesseract eng+deu on" in output
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert [each["reader"] for each in results] == [str(model), "tesseract eng+deu"]
    assert [each["end_to_end"]["correct"] for each in results] == [0, 1]
    assert (tmp_path / "asked").read_text() == "2 stdin stdout -l eng+deu --psm 3 tsv\n"
    run("none", dataset, "--tesseract", "eng", "--tesseract-sparse")
    assert (tmp_path / "asked").read_text() == "1 stdin stdout -l eng --psm 11 tsv\n"


def test_tesseract_or_a_language_that_is_missing_is_a_sentence(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tesseract.install(tmp_path, monkeypatch)
    arguments = ["none", str(dataset), "--tesseract", "eng+fra"]
    result = CliRunner().invoke(module.evaluate, arguments)
    assert (result.exit_code, result.output) == (1, "Error: tesseract lacks the language fra; it has deu, eng\n")
    (tmp_path / "tesseract").unlink()
    result = CliRunner().invoke(module.evaluate, arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: tesseract is not installed (Debian: ")
    assert result.output.count("\n") == 1


def test_readings_are_compared_in_the_composed_form(
    dataset: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dataset / "gts" / "gt_a.txt").write_text("0,0,50,0,50,32,0,32,\u00e9t\u00e9\n", encoding="utf-8")
    said = OpenedPredictor(lambda image: [Prediction(box(0, 0, 50, 32), "e\u0301te\u0301", 0.9)])
    monkeypatch.setattr(module, "open_predictor", lambda path, options: said)
    assert "end to end                   100.0     100.0     100.0" in run(model, dataset)


def test_a_folder_without_any_known_set_is_explained(model: Path, dataset: Path) -> None:
    result = CliRunner().invoke(module.evaluate, [str(model), "--data", str(dataset)])
    assert result.exit_code == 1
    assert "has none of the folders icdar2015/val" in result.output


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


def test_a_calibrated_checkpoint_without_its_language_model_is_warned_of(
    model: Path, dataset: Path, tmp_path: Path
) -> None:
    calibrated = write_checkpoint(tmp_path / "calibrated.pt", ScoreConfig(margin=0.5))
    (tmp_path / "language.npz").touch()
    assert "Warning" not in invoke(model, dataset).stderr
    assert f"Warning: the scores of {calibrated} weigh a language model's margin" in invoke(calibrated, dataset).stderr
    assert "Warning" not in invoke(calibrated, dataset, "--language", tmp_path / "language.npz").stderr


SUMMARY = [
    "data set",
    "pictures",
    "words",
    "detection F",
    "end to end F",
    "mean of IoU",
    "bag of words F",
    "words exact",
    "calibration error",
]


def cells(page: str) -> list[list[str]]:
    """What the rows of a page's tables say."""
    return [
        [re.sub("<[^>]*>", "", cell) for cell in re.findall("<t[dh]>(.*?)</t[dh]>", row)]
        for row in re.findall("<tr>(.*?)</tr>", page)
    ]


def test_a_page_tells_what_became_of_the_words(model: Path, dataset: Path, tmp_path: Path) -> None:
    run(model, dataset, "--report", tmp_path / "report")
    page = (tmp_path / "report" / "errors.html").read_text()
    rows = cells(page)
    assert rows[:2] == [
        SUMMARY,
        # The false alarm scores 0.2 and Exit 0.9: gaps of 0.2 and 0.1 over two words. Exit is not EXIT.
        [str(dataset), "1", "2", "50.0", "50.0", "50.0", "50.0", "0.0", "0.150"],
    ]
    for row in (
        ["detection", "50.0", "50.0", "50.0"],
        ["bag of words", "50.0", "50.0", "50.0"],
        ["missed", "1"],
        ["of the lost, read right but not located", "0"],
        # Of both words, 32 high, Exit is read; the false alarm is 10 high.
        ["24 to 40", "2", "50.0", "50.0", "66.7"],
        # The false alarm is of five letters.
        ["4 to 6", "2", "50.0", "50.0", "50.0"],
    ):
        assert row in rows, row
    assert "Expected calibration error" in page
    assert page.count("<h4>a.png</h4>") == 1
    assert "missed: <code>GATE</code>" in page


def test_a_page_on_receipts_tells_nothing_that_needs_places(model: Path, dataset: Path, tmp_path: Path) -> None:
    run(model, f"sroie={dataset}", "--report", tmp_path / "report")
    page = (tmp_path / "report" / "errors.html").read_text()
    assert cells(page) == [
        SUMMARY,
        [str(dataset), "1", "2", "", "", "", "50.0", "0.0", "0.150"],
        ["", "precision", "recall", "F"],
        ["bag of words", "50.0", "50.0", "50.0"],
        ["words, exact case", "0.0", "0.0", "0.0"],
        ["kind", "words", "read %", "exact %"],
        ["plain", "2", "50.0", "0.0"],
    ]
    for word in ("split", "text height"):
        assert word not in page
    assert page.count("<h4>a.png</h4>") == 1
    assert page.count("data:image/jpeg;base64,") == 1
    assert "missed: <code>GATE</code>; read, but not there: <code>FENCE</code>" in page


def test_a_page_reads_by_the_lexicon(model: Path, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("edit\ntence\n")
    run(model, dataset, "--report", tmp_path / "report", "--lexicon", tmp_path / "words.txt")
    page = (tmp_path / "report" / "errors.html").read_text()
    assert ["one character", "1"] in cells(page)
    assert "<code>EXIT</code> as <code>EDIT</code>" in page
    assert f"read by {tmp_path / 'words.txt'}" in page
