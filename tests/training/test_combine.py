"""A detector and a recogniser that were trained apart, made one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from spotter.families.build import load_spotter
from spotter.families.config import SpotterConfig
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig, ScoreConfig
from spotter.model.history import History, Trained
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.training import checkpoint
from spotter.training.cli import combine as command
from spotter.training.combine import combine
from spotter.training.recogniser_file import SavedRecogniser
from tests.model.small import few_channels, loud, small_config, small_spotter
from tests.training.test_recogniser_loop import trainer

OURS = {"part": "backbone", "name": "ImageNet weights", "licence": "MIT"}
THEIRS = {"part": "recogniser", "name": "PP-OCRv6 small", "licence": "Apache-2.0"}
DETECTOR, READER = Trained("detector", "[[source]]"), Trained("reader", "[recogniser_run]  # alone\n[[source]]")
CHARSET = Charset("abc\u00e9")


@pytest.fixture(autouse=True)
def _few_channels() -> Iterator[None]:
    with few_channels():
        yield


@pytest.fixture(name="detector")
def make_detector(tmp_path: Path) -> Path:
    config = replace(small_config(candidates=33), score=ScoreConfig(margin=0.5))
    left_out = {"part": "recogniser", "name": "one that is left out", "licence": "MIT"}
    began = History((OURS, left_out), (DETECTOR, READER))
    state = checkpoint.shared(config.to_dict(), small_spotter().state_dict(), 9, 100, began)
    checkpoint.save(tmp_path / "detector.pt", state)
    return tmp_path / "detector.pt"


@pytest.fixture(name="recogniser")
def make_recogniser(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    network = loud(PPOCRRecogniser(PLANS["small"], CHARSET.classes))
    SavedRecogniser("small", CHARSET, network.state_dict(), 4, 30, History((THEIRS,), (READER,))).save(
        tmp_path / "recogniser.pt"
    )
    return tmp_path / "recogniser.pt"


def test_it_finds_as_the_one_and_reads_as_the_other(detector: Path, recogniser: Path, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "both.pt", combine(detector, recogniser))
    model = load_spotter(tmp_path / "both.pt")
    weights = model.state_dict()
    torch.manual_seed(5)
    network = loud(PPOCRRecogniser(PLANS["small"], CHARSET.classes))
    for name, value in network.state_dict().items():
        assert torch.equal(weights[f"recogniser.network.{name}"], value.half().float())
    for name, value in small_spotter().state_dict().items():
        if not name.startswith("recogniser."):
            torch.testing.assert_close(weights[name].float(), value.float(), atol=1e-3, rtol=1e-3)
    assert model.charset == CHARSET


def test_what_is_recorded_of_both_is_kept(detector: Path, recogniser: Path) -> None:
    state = combine(detector, recogniser)
    config = SpotterConfig.from_dict(state["model_config"])
    assert config.recogniser == PictureRecogniserConfig(plan="small")
    assert config.characters == CHARSET.characters
    assert config.detection.candidates == 33
    assert config.score == ScoreConfig()  # to be calibrated anew
    assert (state["step"], state["pictures"]) == (4, 130)
    assert History.of(state) == History((OURS, THEIRS), (DETECTOR, READER))
    assert all(value.dtype == torch.float16 for value in state["weights"].values() if value.is_floating_point())


def test_a_runs_whole_state_gives_its_averaged_weights(detector: Path, tmp_path: Path) -> None:
    run = trainer(tmp_path / "run")
    run.train()
    weights = combine(detector, run.last)["weights"]
    for name, value in run.ema.module.state_dict().items():
        assert torch.equal(weights[f"recogniser.network.{name}"], value.half())


def test_files_of_something_else_are_named(detector: Path, recogniser: Path) -> None:
    with pytest.raises(ValueError, match=r"recogniser of .*detector\.pt reads the detector's maps"):
        combine(detector, detector)
    with pytest.raises(ValueError, match=r"recogniser\.pt is not a Spotter checkpoint"):
        combine(recogniser, recogniser)


def test_parts_that_do_not_fit_are_refused(detector: Path, recogniser: Path) -> None:
    state = torch.load(recogniser, weights_only=True)
    state["charset"] = "ab"
    torch.save(state, recogniser)
    with pytest.raises(ValueError, match=r"(?s)do not fit: .*recogniser\.network\.head"):
        combine(detector, recogniser)


def test_the_command_writes_it_or_says_why_not(detector: Path, recogniser: Path, tmp_path: Path) -> None:
    output = tmp_path / "both.pt"
    done = CliRunner().invoke(command, [str(output), str(detector), str(recogniser)])
    assert done.exit_code == 0, done.output
    load_spotter(output)
    refused = CliRunner().invoke(command, [str(tmp_path / "no.pt"), str(detector), str(detector)])
    assert refused.exit_code == 1
    assert "reads the detector's maps, not the picture" in refused.output
    assert not (tmp_path / "no.pt").exists()
