import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spotter.families.build import build_spotter
from spotter.training import checkpoint
from spotter.training.batch import collate
from spotter.training.config import IMAGENET, DistillConfig
from spotter.training.distill import (
    Distiller,
    attention_difference,
    feature_difference,
    reading_divergence,
    score_divergence,
)
from spotter.training.imagenet import ImageNetFeatures
from tests.model.small import small_config, small_spotter
from tests.training.small import SHORT, NoiseSource, make_trainer, whole_state

pytestmark = pytest.mark.usefixtures("one_thread")

ALL = DistillConfig(teacher="ema", output=1.0, features=0.5, attention=2.0)


def test_the_divergence_of_readings_by_hand() -> None:
    # Softened by 2: the teacher says 1/2 and 1/2, the student 1/4 and 3/4; the second column is not in use.
    student = torch.tensor([[[0.0, 2 * math.log(3)], [50.0, 0.0]]])
    teacher = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    by_hand = 4 * (0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75))
    assert float(reading_divergence(student, teacher, torch.tensor([1]), 2.0)) == pytest.approx(by_hand, abs=1e-6)


def test_the_divergence_of_scores_by_hand() -> None:
    teacher = torch.tensor([math.log(0.8 / 0.2), 0.0])
    student = torch.tensor([0.0, 0.0])
    by_hand = (0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)) / 2
    assert float(score_divergence(student, teacher)) == pytest.approx(by_hand, abs=1e-6)


def test_the_difference_of_features_does_not_see_the_teachers_scale() -> None:
    teacher = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    student = torch.tensor([[[[-1.0, 0.0, 0.0]]]])  # (teacher - 2) / 1 is -1, 0, 1
    assert float(feature_difference(student, teacher)) == pytest.approx(1 / 3)
    assert float(feature_difference(student, 7 * teacher + 5)) == pytest.approx(1 / 3)


def test_the_difference_of_attention_by_hand_and_over_other_widths() -> None:
    student = torch.tensor([[[[3.0, 0.0]], [[3.0, 0.0]]]])  # attends to the first position
    teacher = torch.tensor([[[[1.0, 1.0]]]])  # looks at both: (1, 1) / sqrt 2
    by_hand = (1 - 1 / math.sqrt(2)) ** 2 + 1 / 2
    assert float(attention_difference(student, teacher)) == pytest.approx(by_hand, abs=1e-6)


def test_a_wider_teacher_teaches_and_does_not_change() -> None:
    torch.manual_seed(2)
    wide = replace(small_config(), neck=12)
    teacher = build_spotter(wide)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    student = small_spotter()
    distiller = Distiller(small_config(), teacher, wide, ALL).train()
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    output, features = distiller.teach(images), student.features(images)
    parts = distiller.losses(output, features, student.detect(features), torch.tensor(0.25))
    assert set(parts) == {"taught_output", "taught_features", "taught_attention"}
    torch.autograd.backward(torch.stack(list(parts.values())).sum())
    assert distiller.adapter is not None
    assert distiller.adapter.weight.grad is not None
    assert distiller.adapter.weight.grad.abs().sum() > 0
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in student.neck.parameters())
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())


def test_a_network_trained_on_imagenet_teaches_features_and_where_to_look(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, distill=DistillConfig(teacher=IMAGENET, features=0.5, attention=2.0))
    assert trainer.distiller is not None
    teacher = trainer.distiller.teacher
    assert isinstance(teacher, ImageNetFeatures)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    batch = collate(
        [NoiseSource().sample(np.random.default_rng(1), 64) for _ in range(2)], trainer.charset, trainer.family
    )
    parts = trainer.losses(batch)
    assert {name for name in parts if name.startswith("taught")} == {"taught_features", "taught_attention"}
    assert all(float(parts[name].detach()) > 0 for name in ("taught_features", "taught_attention"))
    trainer.advance(batch)
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())


def test_what_imagenet_taught_tells_a_word_from_none() -> None:
    teacher = ImageNetFeatures().eval()
    pictures = torch.full((2, 64, 96, 3), 128, dtype=torch.uint8)
    pictures[1, 24:40, 32:64] = 255
    with torch.no_grad():
        maps = teacher(pictures)
    assert maps.shape == (2, ImageNetFeatures.channels, 4, 6)
    assert float((maps[0] - maps[1]).abs().max()) > 1


def test_a_teacher_that_does_not_read_has_no_output_to_teach() -> None:
    with pytest.raises(ValueError, match="does not read"):
        Distiller(small_config(), ImageNetFeatures(), None, DistillConfig(teacher=IMAGENET, output=1.0))


def test_a_teacher_that_cuts_its_patches_otherwise_is_refused() -> None:
    other = replace(small_config(), recogniser=replace(small_config().map_recogniser, max_width=48))
    with pytest.raises(ValueError, match="patches"):
        Distiller(small_config(), build_spotter(other), other, ALL)
    Distiller(small_config(), build_spotter(other), other, DistillConfig(teacher="ema", attention=1.0))


def test_the_student_comes_nearer_to_its_teacher(tmp_path: Path) -> None:
    teacher = make_trainer(tmp_path / "teacher", seed=3)
    path = tmp_path / "teacher.pt"
    teacher.export_weights(path)
    taught = DistillConfig(teacher=str(path), features=5.0)
    trainer = make_trainer(tmp_path / "run", distill=taught, steps=40, learning_rate=3e-3)
    source = NoiseSource()
    batch = collate([source.sample(np.random.default_rng(1), 64) for _ in range(2)], trainer.charset, trainer.family)
    losses = [trainer.advance(batch)["taught_features"] for _ in range(30)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_a_taught_run_that_stops_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    whole = make_trainer(tmp_path / "whole", distill=ALL)
    whole.train()
    first = make_trainer(tmp_path / "parts", distill=ALL)
    for batch, _ in zip(first.batches(), range(3), strict=False):
        first.advance(batch)
    first.save()
    second = make_trainer(tmp_path / "parts", distill=ALL)
    second.resume()
    assert second.step == 3
    second.train()
    end, other = whole_state(whole), whole_state(second)
    assert [name for name in end if not torch.equal(end[name], other[name])] == []


def test_a_checkpoint_that_is_no_teacher_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "odd.pt", {"step": 1})
    with pytest.raises(ValueError, match=r"odd\.pt"):
        make_trainer(tmp_path, distill=replace(ALL, teacher=str(tmp_path / "odd.pt")))


@pytest.mark.parametrize("values", [{"teacher": "ema"}, {"output": 1.0}, {"teacher": "ema", "output": -1.0}])
def test_a_teacher_and_its_subject_go_together(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"teacher|negative"):
        DistillConfig(**values)  # type: ignore[arg-type]


def test_short_is_without_a_teacher(tmp_path: Path) -> None:
    assert make_trainer(tmp_path).distiller is None
    assert SHORT.distill == DistillConfig()
