from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spotter.training import checkpoint
from spotter.training.data.annotations import read_folder
from spotter.training.data.cli import data
from spotter.training.data.self_teacher import SpotterReader
from spotter.training.validation import predict
from tests.model.small import small_config, talkative_spotter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(name="weights")
def make_weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pt"
    checkpoint.save(path, {"model_config": small_config().to_dict(), "weights": talkative_spotter().state_dict()})
    return path


def noise() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def test_it_tells_what_its_network_reads(weights: Path) -> None:
    told = SpotterReader(weights, 128).words(noise())
    expected = [word for word in predict(talkative_spotter(), noise(), 128) if word.text]
    assert len(told) > 2
    assert [word.text for word in told] == [word.text for word in expected]
    assert [word.score for word in told] == pytest.approx([word.score for word in expected], abs=1e-5)
    assert all(word.polygon.shape == (4, 2) for word in told)


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
