from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spotter.model.charset import Charset
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.training.recogniser_file import SavedRecogniser, load_recogniser
from tests.model.small import few_channels, loud

TOLD = {"part": "recogniser", "name": "somebody's", "licence": "MIT"}


@pytest.fixture(autouse=True)
def _few_channels() -> Iterator[None]:
    with few_channels():
        yield


@pytest.fixture(name="saved")
def make_saved() -> SavedRecogniser:
    torch.manual_seed(0)
    network = loud(PPOCRRecogniser(PLANS["tiny"], 4))
    return SavedRecogniser("tiny", Charset("ab\u00e9"), network.state_dict(), 7, 20, (TOLD,))


def test_what_is_written_is_read_back_in_half_precision(saved: SavedRecogniser, tmp_path: Path) -> None:
    saved.save(tmp_path / "reader.pt")
    back = load_recogniser(tmp_path / "reader.pt")
    assert (back.plan, back.charset, back.step, back.pictures) == ("tiny", Charset("ab\u00e9"), 7, 20)
    assert list(back.started_from) == [TOLD]
    network = back.network()
    assert not network.training
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, saved.weights[name], atol=1e-2, rtol=1e-3)
        assert torch.equal(value, saved.weights[name].half().float())


def test_weights_of_another_plan_make_no_network(saved: SavedRecogniser) -> None:
    with pytest.raises(ValueError, match="not those of the plan 'small'"):
        replace(saved, plan="small").network()


@pytest.mark.parametrize("state", [{"weights": {}}, {"reading_config": {"plan": "medium"}}, [1, 2]])
def test_another_file_is_refused(state: object, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt is not a file of a recogniser alone"):
        load_recogniser(tmp_path / "other.pt")
