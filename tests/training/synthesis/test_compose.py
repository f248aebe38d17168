from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from spotter.families.fots.family import FOTS
from spotter.model.charset import Charset
from spotter.training.batch import Batch
from spotter.training.cli import train
from spotter.training.compose import PlannedBatch, composed, planned
from spotter.training.config import TrainConfig
from spotter.training.loop import Trainer
from spotter.training.mixture import Mixture
from spotter.training.recipe import composer_of
from spotter.training.step_batches import StepBatches
from spotter.training.synthesis import Backgrounds, PageSource, PatchPool, SceneSource, SheetSource
from spotter.training.synthesis.device import BatchPlan, DeviceComposer
from tests.model.small import small_config
from tests.training.small import SHORT, SMALL_MODEL, NoiseSource, whole_state

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = replace(SHORT, size=128, batch=5, sizes=(128, 192), steps=8, words=4)


@pytest.fixture(scope="module")
def mixture(pool: PatchPool) -> Mixture:
    backgrounds = Backgrounds.load([], drawn=3, seed=2)
    synthetic = [kind(pool, backgrounds) for kind in (SceneSource, PageSource, SheetSource)]
    return Mixture([(NoiseSource(), 1.0), *((source, 1.0) for source in synthetic)])


@pytest.fixture(scope="module")
def composer(mixture: Mixture) -> DeviceComposer:
    found = composer_of(mixture, "cpu")
    assert found is not None
    return found


def _batches(source: Mixture, config: TrainConfig = CONFIG) -> list[Batch]:
    several = StepBatches(source, config, Charset(), FOTS(), 0)
    return [several[step] for step in range(len(several))]


@pytest.mark.parametrize(("difficulty", "mean"), [(0.0, 1.5), (1.0, 3.0)])
def test_batches_composed_on_a_device_are_those_of_the_cpu(
    mixture: Mixture, composer: DeviceComposer, difficulty: float, mean: float
) -> None:
    ready = _batches(mixture.at(difficulty))
    plans = _batches(mixture.at(difficulty).planned())
    assert {type(batch) for batch in plans} == {PlannedBatch}
    for theirs, plan in zip(ready, plans, strict=True):
        assert isinstance(plan, PlannedBatch)
        assert not plan.images[list(plan.empty)].any()
        ours = composed(plan, composer)
        for name in ("image_index", "readable"):
            assert torch.equal(getattr(ours, name), getattr(theirs, name)), name
        for name, expected in vars(theirs.truth).items():
            assert torch.equal(getattr(ours.truth, name), expected), name
        assert ours.targets == theirs.targets
        difference = (ours.images.float() - theirs.images.float()).abs()
        assert difference.flatten(1).mean(1).max() < mean
        drawn = [n for n in range(len(ours.images)) if n not in plan.empty]
        assert torch.equal(ours.images[drawn], theirs.images[drawn])  # what is no synthesis comes as it is


def test_difficulty_and_planning_may_be_set_in_any_order(mixture: Mixture) -> None:
    first, second = (_batches(m)[0] for m in (mixture.planned().at(0.5), mixture.at(0.5).planned()))
    assert isinstance(first, PlannedBatch)
    assert isinstance(second, PlannedBatch)
    assert first.plan.degradations == second.plan.degradations


def test_other_sources_and_batches_stay_as_they_are(composer: DeviceComposer) -> None:
    source = NoiseSource()
    assert planned(source) is source
    batch = StepBatches(source, CONFIG, Charset(), FOTS(), 0)[0]
    assert composed(batch, composer) is batch
    assert composer_of(Mixture([(source, 1.0)]), "cpu") is None


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_is_stopped_and_resumed_ends_as_one_that_is_not(
    mixture: Mixture, composer: DeviceComposer, tmp_path: Path, workers: int
) -> None:
    def trainer(run: str) -> Trainer:
        return Trainer(
            tmp_path / run,
            mixture.planned(),
            replace(CONFIG, steps=3),
            small_config(),
            workers=workers,
            composer=composer,
        )

    whole = trainer("whole")
    whole.train()
    first = trainer("parts")
    first.train(minutes=1e-9)
    assert first.step == 1
    second = trainer("parts")
    second.resume()
    second.train()
    ended = whole_state(second)
    assert all(torch.equal(value, ended[name]) for name, value in whole_state(whole).items())


def test_spotter_train_composes_on_the_device(pool: PatchPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    compose_plan = DeviceComposer.compose_plan

    def counting(self: DeviceComposer, plan: BatchPlan) -> Tensor:
        made.append(len(plan.backgrounds))
        return compose_plan(self, plan)

    monkeypatch.setattr(DeviceComposer, "compose_plan", counting)
    drawn = Backgrounds.load([], drawn=1)
    monkeypatch.setattr(Backgrounds, "load", lambda _folders, part: drawn)
    pool.save(tmp_path / "pool")
    (tmp_path / "recipe.toml").write_text(
        f"""
[train]
size = 64
sizes = [64]
batch = 2
words = 2
groups = 1
steps = 3
warmup = 1
{SMALL_MODEL}[[source]]
kind = "scene"
weight = 1.0
"""
    )
    fixed = ["--recipe", tmp_path / "recipe.toml", "--pool", tmp_path / "pool", "--workers", "0", "--device", "cpu"]
    arguments = [str(item) for item in (tmp_path / "run", *fixed, "--compose", "device")]
    result = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert made == [2, 2, 2]
