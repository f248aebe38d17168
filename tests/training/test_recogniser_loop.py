"""The recogniser's own training: what it is given, that it learns, and that it goes on as if it had never stopped."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spotter.families.fots.boxes import polygons_to_boxes
from spotter.families.fots.family import FOTS
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.history import History
from spotter.model.ppocr import PLANS, PPOCRRecogniser
from spotter.training.recogniser_file import load_recogniser
from spotter.training.recogniser_loop import RecogniserTrainConfig, RecogniserTrainer, WordBatch, WordBatches, cut_words
from spotter.training.sample import Sample
from tests.model.small import few_channels
from tests.training.small import NoiseSource

pytestmark = pytest.mark.usefixtures("one_thread")

CHARSET = Charset("abc\u00e9")
SHORT = RecogniserTrainConfig(
    seed=3, words=3, units=1000, steps=6, warmup=2, decay_from=4, learning_rate=1e-3, save_every=100, log_every=2
)


@pytest.fixture(autouse=True)
def _few_channels() -> Iterator[None]:
    with few_channels():
        yield


class FixedSource:
    """One picture whose words a test chooses."""

    def __init__(self, boxes: list[tuple[float, float, float, float]], texts: list[str], ignore: list[bool]) -> None:
        corners = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in boxes]
        self.sample_ = Sample(
            np.zeros((512, 512, 3), np.uint8), np.array(corners, np.float32), texts, np.array(ignore, np.bool_)
        )

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        return self.sample_


def trainer(run: Path, source: Any = None, **changes: Any) -> RecogniserTrainer:
    return RecogniserTrainer(run, source or NoiseSource(), replace(SHORT, **changes), None, CHARSET)


def whole_state(trainer: RecogniserTrainer) -> dict[str, Tensor]:
    state = {f"weights.{name}": value for name, value in trainer.model.state_dict().items()}
    state |= {f"ema.{name}": value for name, value in trainer.ema.state_dict().items()}
    for index, moments in trainer.optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return state


def same(first: WordBatch, second: WordBatch) -> bool:
    tensors = ("images", "shapes", "image_index")
    return first.targets == second.targets and all(
        torch.equal(getattr(first, name), getattr(second, name)) for name in tensors
    )


def test_a_batch_is_a_function_of_the_seed_and_the_step() -> None:
    one = WordBatches(NoiseSource(), SHORT, CHARSET)
    assert same(one.batch(2), WordBatches(NoiseSource(), SHORT, CHARSET).batch(2))
    assert same(one.batch(2), WordBatches(NoiseSource(), SHORT, CHARSET, first=2)[0])
    assert not same(one.batch(2), one.batch(3))
    assert not same(one.batch(2), WordBatches(NoiseSource(), replace(SHORT, seed=4), CHARSET).batch(2))
    assert len(WordBatches(NoiseSource(), SHORT, CHARSET, first=2)) == 4


def test_a_batch_is_filled_to_its_words_or_units() -> None:
    words = WordBatches(NoiseSource(), replace(SHORT, words=5), CHARSET).batch(0)
    assert len(words.targets) == len(words.shapes) == len(words.images) == 5  # a word a picture
    assert words.image_index.tolist() == [0, 1, 2, 3, 4]
    # A word of 46 x 16 pixels counts 46 / 16 x 6 + 5 = 22.25 units: after the second it is enough.
    assert len(WordBatches(NoiseSource(), replace(SHORT, words=99, units=40), CHARSET).batch(0).targets) == 2


def test_only_words_that_can_be_read_are_drawn() -> None:
    usual = (10.0, 10.0, 60.0, 20.0)
    readable = ["ab", "c\u00e9"]
    given = [
        (usual, "ab", False),
        (usual, "c\u00e9", False),
        (usual, "aa", True),  # to be ignored
        (usual, "", False),
        (usual, "dd", False),  # outside the charset
        ((10.0, 10.0, 20.0, 5.0), "bb", False),  # too small
        ((10.0, 10.0, 900.0, 400.0), "bb", False),  # too large
        ((10.0, 10.0, 20.0, 20.0), "abcabcabcabc", False),  # six columns for twelve characters
    ]
    source = FixedSource([box for box, _, _ in given], [text for _, text, _ in given], [hide for _, _, hide in given])
    batch = WordBatches(source, SHORT, CHARSET).batch(0)
    assert {CHARSET.decode(target) for target in batch.targets} == set(readable)
    few = WordBatches(source, replace(SHORT, per_picture=1), CHARSET).batch(0)
    assert few.image_index.tolist() == [0, 1, 2]


def test_sources_without_a_word_to_read_are_an_error() -> None:
    source = FixedSource([(10.0, 10.0, 60.0, 20.0)], ["xyz"], [False])
    with pytest.raises(ValueError, match="no word that can be read"):
        WordBatches(source, SHORT, CHARSET).batch(0)


def test_words_are_cut_into_rows_of_few_different_lengths() -> None:
    batch = WordBatches(NoiseSource(), SHORT, CHARSET).batch(0)
    made = cut_words(batch, PictureRecogniserConfig(), FOTS())
    assert made.patches.shape[:3] == (1, 4, 48)
    assert made.patches.shape[3] % (128 * 8) == 0
    assert len(made.packing.lengths) == len(batch.targets)


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    config = RecogniserTrainConfig(warmup=10, decay_from=100, steps=200, learning_rate=1e-3)
    assert config.rate(0) == pytest.approx(1e-4)
    assert config.rate(4) == pytest.approx(5e-4)
    assert config.rate(9) == config.rate(50) == config.rate(100) == pytest.approx(1e-3)
    assert config.rate(125) == pytest.approx(0.5e-3)  # 1 - sqrt(1 / 4)
    assert config.rate(200) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plan": "medium"}, "plan must be one of small, tiny"),
        ({"words": 0}, "at least 1"),
        ({"warmup": 5, "decay_from": 4}, "warmup <= decay_from <= steps"),
        ({"decay_from": 7}, "warmup <= decay_from <= steps"),
        ({"ema": 1.0}, "ema"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"astray": 1.5}, "astray"),
        ({"family": "fotz"}, "family must be one of fots"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SHORT, **changes)


def small_batch() -> WordBatch:
    """Three words of pictures smaller than training's, which are quick to look at."""
    samples = [NoiseSource().sample(np.random.default_rng(seed), 64) for seed in range(3)]
    corners = torch.from_numpy(np.concatenate([sample.polygons for sample in samples]))
    images = torch.from_numpy(np.stack([sample.image for sample in samples]))
    targets = [CHARSET.encode(text) for sample in samples for text in sample.texts]
    return WordBatch(images, polygons_to_boxes(corners), torch.arange(3), targets)


def test_the_loss_of_one_batch_falls_when_it_is_repeated(tmp_path: Path) -> None:
    learner = trainer(tmp_path, steps=80, warmup=1, decay_from=80, learning_rate=2e-2)
    batch = small_batch()
    losses = [learner.advance(batch) for _ in range(80)]
    assert np.mean(losses[-5:]) < 0.25 * losses[0]
    assert (learner.step, learner.words, learner.pictures) == (80, 240, 240)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_was_stopped_ends_in_the_weights_of_one_that_was_not(tmp_path: Path, workers: int) -> None:
    whole = trainer(tmp_path / "whole")
    whole.train()
    for _ in range(6):
        part = RecogniserTrainer(tmp_path / "parts", NoiseSource(), SHORT, None, CHARSET, workers=workers)
        part.train(minutes=1e-9)
    assert (part.step, part.pictures, part.words) == (whole.step, whole.pictures, whole.words) == (6, 18, 18)
    expected, found = whole_state(whole), whole_state(part)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name
    assert part.seconds > 0


def test_a_run_leaves_a_log_and_averaged_weights(tmp_path: Path) -> None:
    done = trainer(tmp_path)
    done.train()
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [2, 4, 6]
    assert records[-1]["words"] == 18
    assert all(record["loss"] > 0 for record in records)
    done.export_weights(tmp_path / "weights.pt")
    for saved in (load_recogniser(tmp_path / "weights.pt"), load_recogniser(done.last)):
        assert (saved.plan, saved.charset, saved.step, saved.pictures) == ("small", CHARSET, 6, 18)
        for name, value in done.ema.module.state_dict().items():
            torch.testing.assert_close(saved.weights[name].float(), value, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step_and_saves(tmp_path: Path, number: int) -> None:
    class Raising(NoiseSource):
        def sample(self, rng: np.random.Generator, size: int) -> Sample:
            if self.pictures == 4:  # in the second step
                signal.raise_signal(number)
            return super().sample(rng, size)

    stopped = trainer(tmp_path, Raising())
    stopped.train()
    assert stopped.step == 2
    assert trainer(tmp_path).step == 2


def test_a_run_begins_with_weights_and_keeps_whose_they_were(tmp_path: Path) -> None:
    torch.manual_seed(9)
    start = PPOCRRecogniser(PLANS["small"], CHARSET.classes)
    history = History(({"part": "recogniser", "name": "somebody's", "licence": "MIT"},))
    begun = RecogniserTrainer(tmp_path, NoiseSource(), SHORT, start, CHARSET, history=history)
    for name, value in start.state_dict().items():
        assert torch.equal(begun.model.state_dict()[name], value)
    begun.save()
    resumed = trainer(tmp_path)
    assert resumed.history == history
    resumed.export_weights(tmp_path / "weights.pt")
    assert load_recogniser(tmp_path / "weights.pt").history == history


def test_the_state_of_another_run_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    with pytest.raises(ValueError, match="other characters"):
        RecogniserTrainer(tmp_path, NoiseSource(), SHORT, None, Charset("xyz"))
    with pytest.raises(ValueError, match="not the state of a run of this recogniser"):
        trainer(tmp_path, plan="tiny")
    (tmp_path / "last.pt").write_bytes(b"spoilt")
    with pytest.raises(ValueError, match=r"last\.pt is not a readable checkpoint"):
        trainer(tmp_path)


def test_a_state_from_before_runs_kept_their_start_goes_on(tmp_path: Path) -> None:
    old = trainer(tmp_path)
    old.save()
    state = torch.load(old.last, weights_only=True)
    del state["started_from"]
    torch.save(state, old.last)
    history = History(({"part": "recogniser", "name": "somebody's", "licence": "MIT"},))
    assert RecogniserTrainer(tmp_path, NoiseSource(), SHORT, None, CHARSET, history=history).history == history
