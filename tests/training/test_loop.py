import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spotter.families.build import build_spotter, load_spotter
from spotter.families.config import SpotterConfig
from spotter.families.fots.family import FOTS
from spotter.model.charset import Charset
from spotter.model.spotter import Spotter
from spotter.model.weights import load_state
from spotter.training import checkpoint
from spotter.training.batch import collate
from spotter.training.config import Stage
from spotter.training.loop import DivergedError
from spotter.training.sample import Sample
from spotter.training.step_batches import StepBatches
from tests.model.small import detector_out, small_config
from tests.training.small import SHORT, NoiseSource, make_other_trainer, make_trainer, whole_state

pytestmark = pytest.mark.usefixtures("one_thread")


class Interrupting(NoiseSource):
    """Sends this process a signal while it makes a picture."""

    def __init__(self, number: int, picture: int) -> None:
        super().__init__()
        self.number = number
        self.picture = picture

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        made = super().sample(rng, size)
        if self.pictures == self.picture:
            signal.raise_signal(self.number)
        return made


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    assert first.keys() == second.keys()
    return [name for name, value in first.items() if not torch.equal(value, second[name])]


@pytest.fixture(scope="module", name="whole")
def make_whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A run of six steps without a stop, and its state."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("whole")
    trainer = make_trainer(run)
    trainer.train()
    torch.set_num_threads(threads)
    return run, whole_state(trainer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_and_resumed_ends_as_one_that_is_not(
    number: int, tmp_path: Path, whole: tuple[Path, dict[str, Tensor]]
) -> None:
    before = signal.getsignal(number)
    # Sides of 64 and 128 give steps of 2 or 1 pictures; whichever, the signal falls within the first three steps.
    first = make_trainer(tmp_path, Interrupting(number, 3))
    first.train()
    assert 1 <= first.step <= 3
    assert signal.getsignal(number) is before
    second = make_trainer(tmp_path)
    second.resume()
    assert second.step == first.step
    second.train()
    assert (second.step, second.pictures) == (6, rows(whole[0])[-1]["pictures"])
    assert differing(whole_state(second), whole[1]) == []


def test_the_log_tells_steps_means_and_totals(whole: tuple[Path, dict[str, Tensor]]) -> None:
    start, *middle, stop = rows(whole[0])
    assert (start["event"], start["step"], start["config"]["seed"]) == ("start", 0, 7)
    assert [row["step"] for row in middle] == [2, 4, 6]
    for row in middle:
        parts = ("score", "dice", "box", "ends", "direction", "recognition")
        assert row["loss"] == pytest.approx(sum(row[part] for part in parts), abs=1e-4)
        assert row["rate"] > 0
        assert row["words"] == 3 * row["step"]
        assert row["pictures"] >= row["step"]
    assert (stop["event"], stop["step"], stop["pictures"]) == ("stop", 6, middle[-1]["pictures"])


def test_a_run_changes_weights_average_and_statistics(whole: tuple[Path, dict[str, Tensor]]) -> None:
    untrained = make_trainer(whole[0]).model.state_dict()
    for name, value in untrained.items():
        assert not torch.equal(value, whole[1][f"weights.{name}"]), name


def test_a_run_leaves_curves_and_a_checkpoint_that_reads(whole: tuple[Path, dict[str, Tensor]]) -> None:
    run, state = whole
    assert [path.name.split(".")[0] for path in (run / "curves").iterdir()] == ["events"]
    assert load_state(run / "last.pt")["step"] == 6
    loaded = load_spotter(run / "last.pt").state_dict()
    assert all(torch.equal(value, state[f"ema.{name}"]) for name, value in loaded.items())


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path, whole: tuple[Path, dict[str, Tensor]]) -> None:
    (tmp_path / "last.pt").write_bytes((whole[0] / "last.pt").read_bytes())
    trainer = make_trainer(tmp_path)
    trainer.resume()
    trainer.train()
    assert trainer.step == 6
    assert differing(whole_state(trainer), whole[1]) == []


def test_a_slice_of_time_ends_after_the_step_it_is_in_and_is_saved(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    trainer.train(minutes=1e-9)
    assert trainer.step == 1
    resumed = make_trainer(tmp_path)
    resumed.resume()
    assert resumed.step == 1
    assert resumed.seconds == pytest.approx(trainer.seconds)
    resumed.train(minutes=1e-9)
    assert resumed.step == 2
    assert resumed.seconds > trainer.seconds
    assert [row["event"] for row in rows(tmp_path) if "event" in row] == ["start", "stop", "start", "stop"]


def test_a_run_saves_on_its_way_before_it_validates(tmp_path: Path) -> None:
    saved: list[int] = []

    def validate(model: Spotter) -> dict[str, float]:
        assert not model.training
        saved.append(load_state(tmp_path / "last.pt")["step"])
        return {"street/detection": 12.5}

    make_trainer(tmp_path, save_every=2, validate_every=2, steps=5).train(validate=validate)
    assert saved == [2, 4]
    validated = [row for row in rows(tmp_path) if "validation" in row]
    assert [(row["step"], row["validation"]) for row in validated] == [(n, {"street/detection": 12.5}) for n in (2, 4)]


def test_a_loss_that_is_no_number_stops_the_run_before_it_spoils_the_checkpoint(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    trainer = make_trainer(tmp_path, save_every=2, steps=8)

    def poison(model: Spotter) -> dict[str, float]:
        with torch.no_grad():
            trainer.model.map_recogniser.classify.bias.fill_(math.nan)
        return {}

    trainer.config = type(SHORT)(**{**vars(trainer.config), "validate_every": 4})
    with pytest.raises(DivergedError, match=r"not finite at step 4 \(.*recognition nan.*last\.pt is from before"):
        trainer.train(validate=poison)
    state = load_state(tmp_path / "last.pt")
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in state["weights"].values())
    assert signal.getsignal(signal.SIGINT) is before


def test_a_gradient_that_is_no_number_changes_nothing(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    next_batch = trainer.batches()
    trainer.advance(next(next_batch))
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    detector_out(trainer.model).weight.register_hook(lambda gradient: gradient * math.inf)  # type: ignore[no-untyped-call]
    with pytest.raises(DivergedError, match="gradient is not finite at step 1"):
        trainer.advance(next(next_batch))
    assert differing(before, dict(trainer.model.named_parameters())) == []
    assert trainer.step == 1


@pytest.mark.parametrize("content", ["truncated", "weights alone", "another model"])
def test_a_checkpoint_that_cannot_be_resumed_is_named(tmp_path: Path, content: str) -> None:
    trainer = make_trainer(tmp_path)
    trainer.save()
    match content:
        case "truncated":
            trainer.last.write_bytes(trainer.last.read_bytes()[:5000])
        case "weights alone":
            trainer.export_weights(trainer.last)
        case "another model":
            state = load_state(trainer.last)
            state["weights"] = state["ema"] = {n: v[:1] if v.ndim else v for n, v in state["weights"].items()}
            checkpoint.save(trainer.last, state)
    with pytest.raises(ValueError, match=r"last\.pt"):
        make_trainer(tmp_path).resume()


def test_a_run_may_start_from_shared_weights(tmp_path: Path) -> None:
    giver = make_trainer(tmp_path / "giver")
    with torch.no_grad():
        giver.ema.model.map_recogniser.classify.bias.uniform_(-3, 3)
    giver.export_weights(tmp_path / "shared.pt")
    taker = make_trainer(tmp_path / "taker", seed=99)
    taker.start_from(tmp_path / "shared.pt")
    for model in (taker.model, taker.ema.model):
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, giver.ema.model.state_dict()[name], atol=1e-3, rtol=1e-3)
    assert taker.step == 0
    assert (tmp_path / "shared.pt").stat().st_size < 0.7 * sum(
        4 * value.numel() for value in giver.model.state_dict().values()
    ) + 60_000


def test_what_tells_the_orientation_is_left_out_of_a_start(tmp_path: Path) -> None:
    config = replace(small_config(), orientation=True)
    whole = build_spotter(config)
    checkpoint.save(tmp_path / "whole.pt", {"model_config": config.to_dict(), "weights": whole.state_dict()})
    taker = make_trainer(tmp_path)
    taker.start_from(tmp_path / "whole.pt")
    assert taker.model.orientation is None
    for name, value in taker.model.state_dict().items():
        torch.testing.assert_close(value, whole.state_dict()[name])


def test_weights_of_another_model_are_no_start(tmp_path: Path) -> None:
    config = small_config().to_dict()
    config["neck"] = 12
    other = build_spotter(SpotterConfig.from_dict(config))
    checkpoint.save(tmp_path / "other.pt", {"model_config": config, "weights": other.state_dict()})
    with pytest.raises(ValueError, match=r"other\.pt"):
        make_trainer(tmp_path).start_from(tmp_path / "other.pt")


def test_a_stage_of_the_recogniser_alone_passes_over_pictures_without_text(tmp_path: Path) -> None:
    class Textless(NoiseSource):
        def sample(self, rng: np.random.Generator, size: int) -> Sample:
            sample = super().sample(rng, size)
            return Sample(sample.image, np.zeros((0, 4, 2), np.float32), [], np.zeros(0, bool))

    stage = Stage(until=10, modules=("recogniser",), losses=("recognition",))
    trainer = make_trainer(tmp_path, Textless(), stages=(stage,))
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer.train()
    assert trainer.step == SHORT.steps
    for name, value in trainer.model.named_parameters():
        torch.testing.assert_close(value, before[name], msg=name)


def test_parts_that_are_to_be_fresh_stay_random_and_may_be_others(tmp_path: Path) -> None:
    config = small_config().to_dict()
    config["recogniser"] |= {"layers": 0}
    giver = build_spotter(SpotterConfig.from_dict(config))
    checkpoint.save(tmp_path / "giver.pt", {"model_config": config, "weights": giver.state_dict()})
    taker = make_trainer(tmp_path / "taker")
    before = {name: value.clone() for name, value in taker.model.state_dict().items()}
    with pytest.raises(ValueError, match=r"giver\.pt"):
        make_trainer(tmp_path / "other").start_from(tmp_path / "giver.pt", ["neck"])
    with pytest.raises(ValueError, match=r"hat"):
        taker.start_from(tmp_path / "giver.pt", ["hat"])
    taker.start_from(tmp_path / "giver.pt", ["recogniser"])
    for model in (taker.model, taker.ema.model):
        for name, value in model.state_dict().items():
            expected = before[name] if name.startswith("recogniser.") else giver.state_dict()[name]
            torch.testing.assert_close(value, expected)


def test_a_steps_batch_depends_on_the_seed_and_the_step_alone() -> None:
    first = StepBatches(NoiseSource(), SHORT, Charset(), FOTS(), 0)
    later = StepBatches(NoiseSource(), SHORT, Charset(), FOTS(), 4)
    assert (len(first), len(later)) == (6, 2)
    for step in (4, 5):
        assert torch.equal(first[step].images, later[step - 4].images)
        assert first[step].targets == later[step - 4].targets
    assert not torch.equal(first[1].truth.shapes[0], first[2].truth.shapes[0])


def test_larger_pictures_come_fewer_at_a_time() -> None:
    batches = StepBatches(NoiseSource(), SHORT, Charset(), FOTS(), 0)
    shapes = {tuple(batches[step].images.shape[:2]) for step in range(40)}
    assert shapes == {(2, 64), (1, 128)}  # a quarter of two is rounded up to one


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    config = type(SHORT)(steps=120, warmup=20, learning_rate=0.5, final_rate=0.1)
    assert [config.rate(step) for step in (0, 9, 19)] == pytest.approx([0.025, 0.25, 0.5])
    # A quarter of the way down: 0.5 x (0.1 + 0.9 x (1 + cos 45 degrees) / 2)
    assert config.rate(45) == pytest.approx(0.5 * (0.1 + 0.9 * 0.8535534))
    assert [config.rate(step) for step in (20, 70, 120, 500)] == pytest.approx([0.5, 0.275, 0.05, 0.05])


def test_a_step_without_a_readable_word_trains_the_detector(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    blank = Sample(np.full((64, 64, 3), 90, np.uint8), np.zeros((0, 4, 2), np.float32), [], np.zeros(0, bool))
    parts = trainer.advance(collate([blank, blank], Charset(), FOTS()))
    assert (parts["recognition"], parts["box"], parts["direction"]) == (0, 0, 0)
    assert parts["score"] > 0
    assert (trainer.pictures, trainer.words) == (2, 0)


def test_readings_weight_grows_to_the_whole(tmp_path: Path) -> None:
    losses = type(SHORT.losses)(recognition_ramp=10)
    trainer = make_trainer(tmp_path, losses=losses, predicted=0.0, jitter=0.0)
    trainer.model.eval()  # the same forward pass every time
    batch = collate(
        [NoiseSource().sample(np.random.default_rng(0), 64)], Charset(), FOTS()
    )  # one word: whatever is drawn
    weights = []
    for trainer.step in (0, 5, 10, 400):
        with torch.no_grad():
            weights.append(float(trainer.losses(batch)["recognition"]))
    assert [weight / weights[-1] for weight in weights] == pytest.approx([0.1, 0.55, 1, 1], rel=1e-2)


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("recogniser", [{"encoder": "lstm"}, {"decoder": "both"}])
def test_other_recognisers_learn_whole_and_are_resumed(
    tmp_path: Path, recogniser: dict[str, str], bfloat16: bool
) -> None:
    trainer = make_other_trainer(tmp_path, **recogniser)
    trainer.bfloat16 = bfloat16
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    parts = trainer.advance(next(trainer.batches()))
    assert ("attention" in parts) == ("decoder" in recogniser)
    same = {name for name, value in trainer.model.named_parameters() if torch.equal(value, before[name])}
    assert same == set()
    trainer.save()
    again = make_other_trainer(tmp_path, **recogniser)
    again.resume()
    assert differing(whole_state(again), whole_state(trainer)) == []


def test_the_attention_decoders_part_ramps_up_with_its_weight(tmp_path: Path) -> None:
    trainer = make_other_trainer(tmp_path, decoder="both")
    trainer.model.eval()
    batch = collate([NoiseSource().sample(np.random.default_rng(0), 64)], Charset(), FOTS())
    found = []
    for trainer.step, weight in ((0, 0.5), (300, 0.5), (300, 1.5)):
        trainer.config = replace(SHORT, losses=replace(SHORT.losses, attention=weight), jitter=0.0, predicted=0.0)
        with torch.no_grad():
            found.append(float(trainer.losses(batch)["attention"]))
    assert [value / found[1] for value in found] == pytest.approx([0.1, 1, 3], rel=1e-3)


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from spotter.training.loop import Trainer
from tests.model.small import small_config
from tests.training.small import SHORT, NoiseSource

config = replace(SHORT, steps=100_000, log_every=1)
Trainer(Path(sys.argv[1]), NoiseSource(), config, small_config(), workers=1).train()
"""


def test_ctrl_c_in_a_terminal_saves_and_stops(tmp_path: Path) -> None:
    """The signal reaches the whole process group, the worker that makes pictures too."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        until = time.monotonic() + 90
        while not ((tmp_path / "log.jsonl").exists() and '"rate"' in (tmp_path / "log.jsonl").read_text()):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    last = rows(tmp_path)[-1]
    assert last["event"] == "stop"
    assert load_state(tmp_path / "last.pt")["step"] == last["step"] > 0
