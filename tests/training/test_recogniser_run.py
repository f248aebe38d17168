from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.model.history import History
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.training.recipe import RecogniserRun
from spotter.training.recogniser_file import SavedRecogniser
from spotter.training.recogniser_run import recogniser_trainer, with_options
from tests.model.small import few_channels, loud
from tests.training.small import NoiseSource
from tests.training.test_recogniser_loop import SHORT


@pytest.fixture(autouse=True)
def _few_channels() -> Iterator[None]:
    with few_channels():
        yield


def write(path: Path, history: History | None = None) -> Path:
    torch.manual_seed(3)
    weights = loud(PPOCRRecogniser(PLANS["small"], 4)).state_dict()
    SavedRecogniser("small", Charset("abc"), weights, history=history or History()).save(path)
    return path


def test_options_go_before_the_recipe_and_a_shorter_schedule_falls_earlier() -> None:
    run = RecogniserRun(SHORT, "ppocrv6-small")  # 6 steps, of which the rate falls from the fourth
    assert with_options(run, None, None, None) == run
    changed = with_options(run, 3, 8, Path("mine.pt"))
    assert (changed.config.steps, changed.config.decay_from, changed.config.seed) == (3, 2, 8)
    assert changed.start == "mine.pt"
    with pytest.raises(ValueError, match="warmup <= decay_from"):
        with_options(run, 1, None, None)


def test_without_a_start_weights_are_random_and_characters_latin_and_greek(tmp_path: Path) -> None:
    trainer = recogniser_trainer(tmp_path, RecogniserRun(SHORT), NoiseSource(), "cpu", 0)
    assert trainer.charset.characters == LATIN_AND_GREEK
    assert trainer.history == History()


def test_a_file_brings_its_weights_characters_and_whose_it_was(tmp_path: Path) -> None:
    history = History(({"part": "recogniser", "name": "theirs", "licence": "MIT"},))
    start = str(write(tmp_path / "start.pt", history))
    trainer = recogniser_trainer(tmp_path / "run", RecogniserRun(SHORT, start), NoiseSource(), "cpu", 0)
    assert trainer.charset == Charset("abc")
    assert trainer.history == history
    torch.manual_seed(3)
    for name, value in loud(PPOCRRecogniser(PLANS["small"], 4)).state_dict().items():
        assert torch.equal(trainer.model.state_dict()[name], value.half().float())


def test_a_run_that_kept_its_start_goes_on_without_it(tmp_path: Path) -> None:
    history = History(({"part": "recogniser", "name": "theirs", "licence": "MIT"},))
    start = write(tmp_path / "start.pt", history)
    run = RecogniserRun(SHORT, str(start))
    recogniser_trainer(tmp_path / "run", run, NoiseSource(), "cpu", 0).train(minutes=1e-9)
    start.unlink()
    resumed = recogniser_trainer(tmp_path / "run", run, NoiseSource(), "cpu", 0)
    assert resumed.step == 1
    assert resumed.history == history
