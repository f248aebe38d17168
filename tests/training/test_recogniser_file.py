from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.history import History, Trained
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.training import checkpoint
from spotter.training.recogniser_file import SavedRecogniser, load_recogniser
from tests.model.small import few_channels, loud, picture_spotter, small_config, small_spotter

ORIGIN = {"part": "recogniser", "name": "somebody's", "licence": "MIT"}
RUNS = Trained("detector", "[[source]]"), Trained("reader", "[recogniser_run]\n[[source]]")


@pytest.fixture(autouse=True)
def _few_channels() -> Iterator[None]:
    with few_channels():
        yield


@pytest.fixture(name="saved")
def make_saved() -> SavedRecogniser:
    torch.manual_seed(0)
    network = loud(PPOCRRecogniser(PLANS["tiny"], 4))
    return SavedRecogniser("tiny", Charset("ab\u00e9"), network.state_dict(), 7, 20, History((ORIGIN,)))


def test_what_is_written_is_read_back_in_half_precision(saved: SavedRecogniser, tmp_path: Path) -> None:
    saved.save(tmp_path / "reader.pt")
    back = load_recogniser(tmp_path / "reader.pt")
    assert (back.plan, back.charset, back.step, back.pictures) == ("tiny", Charset("ab\u00e9"), 7, 20)
    assert back.history == History((ORIGIN,))
    network = back.network()
    assert not network.training
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, saved.weights[name], atol=1e-2, rtol=1e-3)
        assert torch.equal(value, saved.weights[name].half().float())


def test_weights_of_another_plan_make_no_network(saved: SavedRecogniser) -> None:
    with pytest.raises(ValueError, match="not those of the plan 'small'"):
        replace(saved, plan="small").network()


def test_the_recogniser_is_taken_out_of_a_spotter_that_reads_the_picture(tmp_path: Path) -> None:
    model = picture_spotter()
    config = replace(small_config(), recogniser=PictureRecogniserConfig("small", longest=24))
    detector = {"part": "detector", "name": "another's", "licence": "MIT"}
    state = checkpoint.shared(config.to_dict(), model.state_dict(), 5, 40, History((detector, ORIGIN), RUNS))
    checkpoint.save(tmp_path / "spotter.pt", state)
    taken = load_recogniser(tmp_path / "spotter.pt")
    assert (taken.plan, taken.charset, taken.history) == ("small", model.charset, History((ORIGIN,), RUNS[1:]))
    recogniser = model.recogniser
    assert isinstance(recogniser, PictureRecogniser)
    for name, value in recogniser.network.state_dict().items():
        assert torch.equal(taken.weights[name].float(), value.half().float())


def test_a_recogniser_of_the_detectors_maps_is_refused(tmp_path: Path) -> None:
    checkpoint.save(
        tmp_path / "old.pt", checkpoint.shared(small_config().to_dict(), small_spotter().state_dict(), 5, 40)
    )
    with pytest.raises(ValueError, match="reads the detector's maps"):
        load_recogniser(tmp_path / "old.pt")


def test_a_file_with_the_former_key_of_the_configuration_is_read(saved: SavedRecogniser, tmp_path: Path) -> None:
    saved.save(tmp_path / "reader.pt")
    state = torch.load(tmp_path / "reader.pt", weights_only=True)
    state["reading_config"] = state.pop("recogniser_config")
    torch.save(state, tmp_path / "old.pt")
    assert load_recogniser(tmp_path / "old.pt").plan == "tiny"


@pytest.mark.parametrize(
    "state",
    [{"weights": {}}, {"recogniser_config": {"plan": "medium"}}, {"reading_config": {"plan": "medium"}}, [1, 2]],
)
def test_another_file_is_refused(state: object, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt is not a file of a recogniser alone"):
        load_recogniser(tmp_path / "other.pt")
