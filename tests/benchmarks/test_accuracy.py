import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks import accuracy, bundles
from benchmarks.cli import bench
from benchmarks.peers import PeerError
from spotter.cli.predictors import OpenedPredictor
from spotter.reading.reader import Reader
from spotter.reading.session import Session, SessionOptions
from spotter.training.prediction import Prediction
from tests.training.data import fake_tesseract


@pytest.fixture(name="data")
def make_data(tmp_path: Path) -> Path:
    """One picture with one word, as a street and as a receipt."""
    for name in ("icdar2003", "sroie"):
        folder = tmp_path / name / "val"
        (folder / "images").mkdir(parents=True)
        (folder / "gts").mkdir()
        Image.new("RGB", (640, 480), (255, 255, 255)).save(folder / "images" / "one.png")
        (folder / "gts" / "gt_one.txt").write_text("10,20,40,20,40,32,10,32,EXIT\n")
    return tmp_path


def test_readers_are_scored_on_every_set(data: Path) -> None:
    polygon = np.array([[10, 20], [40, 20], [40, 32], [10, 32]], np.float32)
    right = OpenedPredictor(lambda image: [Prediction(polygon, "exit", 0.9)])
    blind = OpenedPredictor(lambda image: [Prediction(polygon + 100, "exit", 0.4)], 0.5)
    results = accuracy.measure([("right", right), ("blind", blind)], accuracy.datasets(data), None)
    assert [(r.dataset, r.reader, r.detection, r.end_to_end, r.bag_of_words) for r in results] == [
        ("icdar2003", "right", 100, 100, 100),
        ("icdar2003", "blind", 0, 0, 0),
        ("sroie", "right", None, None, 100),
        ("sroie", "blind", None, None, 0),
    ]
    assert accuracy.as_table(results).splitlines()[3].split()[:2] == ["sroie", "right"]


def test_the_command_scores_the_bundle(data: Path) -> None:
    result = CliRunner().invoke(bench, ["accuracy", str(data), "--json"])
    assert result.exit_code == 0, result.output
    sets = [each["dataset"] for each in json.loads(result.output)["accuracy"]["results"]]
    assert sets == ["icdar2003", "sroie"]


def test_tesseract_looks_for_text_anywhere(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tesseract.install(tmp_path, monkeypatch)
    label, reader = accuracy.open_peer("tesseract", 2, "small")
    (street, receipt) = accuracy.measure([(label, reader)], accuracy.datasets(data), None)
    assert (street.reader, street.end_to_end, receipt.bag_of_words) == ("Tesseract 5.3.0", 100, 100)
    assert "--psm 11" in (tmp_path / "asked").read_text()


def test_a_bundle_is_scored_at_every_side_asked_for(data: Path) -> None:
    result = CliRunner().invoke(bench, ["accuracy", str(data), "--json", "--side", "128", "--side", "256"])
    assert result.exit_code == 0, result.output
    readers = [each["reader"] for each in json.loads(result.output)["accuracy"]["results"]]
    assert [reader.partition(" at ")[2] for reader in readers] == ["128", "256"] * 2


def test_the_side_is_that_at_which_a_picture_is_read() -> None:
    (named,) = bundles.at_sides([bundles.find("spotter")], [320])
    reader = Reader(named.bundle, Session(named.bundle, SessionOptions(1)))
    assert reader.prepare(np.zeros((720, 1280, 3), np.uint8)).working == (320, 180)
    refused = CliRunner().invoke(bench, ["graph", "--side", "20000"])
    assert refused.exit_code == 1
    assert "max_side must be between" in refused.output


def test_no_data_and_no_peer_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no icdar2015/val" in CliRunner().invoke(bench, ["accuracy", str(tmp_path)]).output
    assert "no peer 'nobody'" in CliRunner().invoke(bench, ["accuracy", str(tmp_path), "--peer", "nobody"]).output
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerError, match="not installed"):
        accuracy.open_peer("tesseract", 1, "small")
    missing = str(tmp_path / "models")
    with pytest.raises(PeerError, match="the peer's models lack"):
        accuracy.open_peer("rapidocr-reference", 1, missing)
    assert "tesseract is not installed" in CliRunner().invoke(bench, ["graph", "--peer", "tesseract"]).output
