from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spotter.model.config import ScoreConfig
from spotter.training import checkpoint
from spotter.training.data.annotations import read_folder
from spotter.training.data.cli import data
from spotter.training.data.self_teacher import SpotterReader
from spotter.training.predict import predict
from tests.model.small import small_config, talkative_spotter, write_even_language

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(name="weights")
def make_weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pt"
    checkpoint.save(path, {"model_config": small_config().to_dict(), "weights": talkative_spotter().state_dict()})
    return path


@pytest.fixture(name="calibrated")
def make_calibrated(tmp_path: Path) -> Path:
    """A checkpoint whose scores weigh the language model's margin, and all but ignore the rest."""
    config = replace(small_config(), score=ScoreConfig(bias=-12.0, detection=0.0, character=0.0, margin=100.0))
    path = tmp_path / "calibrated.pt"
    checkpoint.save(path, {"model_config": config.to_dict(), "weights": talkative_spotter().state_dict()})
    return path


@pytest.fixture(name="language")
def make_language(tmp_path: Path) -> Path:
    return write_even_language(tmp_path / "language.npz")


def noise() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def test_it_tells_what_its_network_reads(weights: Path) -> None:
    found = SpotterReader(weights, 128).words(noise())
    expected = [word for word in predict(talkative_spotter(), noise(), 128) if word.text]
    assert len(found) > 2
    assert [word.text for word in found] == [word.text for word in expected]
    assert [word.score for word in found] == pytest.approx([word.score for word in expected], abs=1e-5)
    assert all(word.polygon.shape == (4, 2) for word in found)


def test_pictures_are_labelled_with_its_sure_words(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.fromarray(noise()).save(tmp_path / "pictures" / "a.png")
    scores = sorted(word.score for word in SpotterReader(weights, 128).words(noise()))
    middle = scores[len(scores) // 2]
    command = ["pseudo-label", str(tmp_path / "pictures"), str(tmp_path / "out"), "--model", str(weights)]
    result = CliRunner().invoke(data, [*command, "--side", "128", "--confidence", str(middle)])
    assert result.exit_code == 0, result.output
    (picture,) = read_folder(tmp_path / "out")
    assert 0 < sum(not annotation.ignore for annotation in picture.annotations) < len(scores)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.pt").write_bytes(b"no weights")
    (tmp_path / "pictures").mkdir()
    command = ["pseudo-label", str(tmp_path / "pictures"), str(tmp_path / "out"), "--model", str(tmp_path / "odd.pt")]
    result = CliRunner().invoke(data, command)
    assert result.exit_code == 1
    assert "odd.pt" in result.output


def test_a_language_model_makes_a_calibrated_teacher_sure(calibrated: Path, language: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.fromarray(noise()).save(tmp_path / "pictures" / "a.png")
    command = ["pseudo-label", str(tmp_path / "pictures"), str(tmp_path / "out"), "--model", str(calibrated)]
    command += ["--side", "128", "--confidence", "0.001"]
    refused = CliRunner().invoke(data, command)
    assert refused.exit_code == 2
    assert "--language is needed" in refused.output
    assert not (tmp_path / "out").exists()
    assert all(word.score < 0.001 for word in SpotterReader(calibrated, 128).words(noise()))
    sure = {word.text for word in SpotterReader(calibrated, 128, language).words(noise()) if word.score >= 0.001}
    result = CliRunner().invoke(data, [*command, "--language", str(language)])
    assert result.exit_code == 0, result.output
    (picture,) = read_folder(tmp_path / "out")
    kept = {annotation.text for annotation in picture.annotations if not annotation.ignore}
    assert len(kept) > 3
    assert kept <= sure


def test_a_language_model_needs_a_checkpoint_of_ours(language: Path, tmp_path: Path) -> None:
    command = ["pseudo-label", str(tmp_path), str(tmp_path / "out"), "--language", str(language)]
    result = CliRunner().invoke(data, command)
    assert result.exit_code == 2
    assert "--language goes with --model" in result.output


def test_a_file_that_is_no_language_model_is_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.npz").write_bytes(b"no tables")
    command = ["pseudo-label", str(tmp_path), str(tmp_path / "out"), "--model", str(weights)]
    result = CliRunner().invoke(data, [*command, "--language", str(tmp_path / "odd.npz")])
    assert result.exit_code == 1
    assert "odd.npz" in result.output
