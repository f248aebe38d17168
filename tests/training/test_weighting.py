import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spotter.training.config import DistillConfig, LossConfig, Stage, TrainConfig
from spotter.training.weighting import LossWeighting
from tests.training.small import NoiseSource, make_trainer

pytestmark = pytest.mark.usefixtures("one_thread")


def parts(a: float, b: float) -> dict[str, Tensor]:
    return {"a": torch.tensor(a), "b": torch.tensor(b), "other": torch.tensor(9.0)}


def plain(weighted: dict[str, Tensor]) -> list[float]:
    return [weighted[name].item() for name in ("a", "b", "other")]


def test_fixed_leaves_the_parts_as_they_are() -> None:
    weighting = LossWeighting("fixed", ("a", "b"), 5)
    assert plain(weighting(parts(2.0, 3.0))) == [2.0, 3.0, 9.0]
    assert not any(p.requires_grad for p in weighting.parameters())


def test_uncertainty_by_hand() -> None:
    weighting = LossWeighting("uncertainty", ("a", "b"), 5)
    with torch.no_grad():
        weighting.log_variance.copy_(torch.tensor([math.log(4.0), 0.0]))
    weighted = weighting(parts(2.0, 3.0))
    assert plain(weighted) == pytest.approx([2.0 / 4 + math.log(4.0), 3.0, 9.0])
    torch.autograd.backward(weighted["a"] + weighted["b"])
    # d/ds of (2 exp(-s) + s) at s = log 4 is 1 - 1/2; of (3 exp(-s) + s) at 0, 1 - 3
    assert weighting.log_variance.grad is not None
    assert weighting.log_variance.grad.tolist() == pytest.approx([0.5, -2.0])


def test_dwa_by_hand() -> None:
    weighting = LossWeighting("dwa", ("a", "b"), 2).train()
    for a, b in [(4.0, 2.0), (4.0, 2.0), (2.0, 2.0)]:
        assert plain(weighting(parts(a, b))) == [a, b, 9.0]  # too early to tell
    weighting(parts(2.0, 2.0))
    # a fell to a half, b stayed: rates 1/2 and 1
    first, second = math.exp(0.5 / 2), math.exp(1 / 2)
    expected = [2 * first / (first + second), 2 * second / (first + second)]
    assert weighting.factors().tolist() == pytest.approx(expected)
    weighting.eval()
    steps = int(weighting.steps)
    weighting(parts(1.0, 1.0))
    assert int(weighting.steps) == steps


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ValueError, match="dwa"):
        LossWeighting("gradient", ("a",), 1)
    with pytest.raises(ValueError, match="dwa"):
        LossConfig(weighting="gradient")


def test_a_runs_weighting_is_saved_with_it(tmp_path: Path) -> None:
    losses = LossConfig(weighting="uncertainty")
    trainer = make_trainer(tmp_path, losses=losses)
    trainer.train()
    learnt = trainer.weighting.log_variance.detach().clone()
    assert learnt.abs().min() > 0
    again = make_trainer(tmp_path, losses=losses)
    again.resume()
    assert torch.equal(again.weighting.log_variance, learnt)


def test_a_stage_trains_its_modules_alone(tmp_path: Path) -> None:
    detection = Stage(2, ("backbone", "neck", "head"), ("score", "dice", "box", "ends", "direction"))
    reading = Stage(4, ("recogniser",), ("recognition",))
    trainer = make_trainer(tmp_path, NoiseSource(), stages=(detection, reading))
    moved: list[set[str]] = []
    for batch in trainer.batches():
        before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.advance(batch)
        after = trainer.model.state_dict()
        assert any(name.endswith("running_mean") for name in after)
        moved.append({name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])})
    together = {"backbone", "neck", "head", "recogniser"}
    assert moved == [{"backbone", "neck", "head"}] * 2 + [{"recogniser"}] * 2 + [together] * 2


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_a_stages_parts_are_weighed(tmp_path: Path, factor: float) -> None:
    stage = Stage(9, ("head",), ("score", "box"))
    trainer = make_trainer(tmp_path, losses=LossConfig(weighting="uncertainty"), stages=(stage,))
    plain = make_trainer(tmp_path, stages=(stage,))
    surprise = -math.log(factor)
    with torch.no_grad():
        trainer.weighting.log_variance.fill_(surprise)
    batch = next(iter(trainer.batches()))
    weighted, expected = (one.losses(batch) for one in (trainer, plain))
    for name, part in weighted.items():
        value = expected[name].item() * factor + surprise if name in stage.losses else 0
        assert part.item() == pytest.approx(value, rel=1e-3), name
    assert weighted["score"].item() != 0


def test_a_stage_learns_from_a_teacher(tmp_path: Path) -> None:
    teaching = DistillConfig(teacher="ema", attention=2.0)
    trainer = make_trainer(tmp_path, distill=teaching, stages=(Stage(9, ("neck",), ("score",)),))
    with torch.no_grad():
        for value in trainer.ema.model.neck.parameters():
            value.add_(torch.linspace(-1, 1, value.numel()).reshape_as(value))
    parts = trainer.losses(next(iter(trainer.batches())))
    assert parts["taught_attention"].item() > 0
    torch.autograd.backward(parts["taught_attention"])
    assert any(value.grad is not None and value.grad.any() for value in trainer.model.neck.parameters())
    assert parts["recognition"].item() == 0


def test_impossible_stages_are_refused() -> None:
    with pytest.raises(ValueError, match="module"):
        Stage(5, ("stem",), ("score",))
    with pytest.raises(ValueError, match="loss"):
        Stage(5, ("head",), ())
    late, early = Stage(9, ("head",), ("score",)), Stage(5, ("head",), ("score",))
    with pytest.raises(ValueError, match="follow"):
        TrainConfig(stages=(late, early))
