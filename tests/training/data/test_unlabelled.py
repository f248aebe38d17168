from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from spotter.families.fots.family import FOTS
from spotter.model.charset import Charset
from spotter.training.batch import collate
from spotter.training.config import DistillConfig, parts_of
from spotter.training.data.unlabelled import UnlabelledSource, unseen
from spotter.training.loop import Trainer
from tests.model.small import small_config
from tests.training.small import SHORT


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    cv2.imwrite(str(tmp_path / "b.png"), noise[:50, :60])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_crops_have_the_size_and_depend_on_the_generator_alone(folder: Path) -> None:
    source = UnlabelledSource(folder)
    assert len(source) == 2
    first, second, other = (source.sample(np.random.default_rng(seed), 96) for seed in (1, 1, 2))
    assert first.image.shape == (96, 96, 3)
    np.testing.assert_array_equal(first.image, second.image)
    assert (first.image != other.image).any()


def test_large_pictures_are_kept_small(folder: Path) -> None:
    source = UnlabelledSource(folder, max_side=64, scales=(1.0, 1.0), strength=0.0, limit=1)
    assert len(source) == 1
    assert source.sample(np.random.default_rng(0), 64).image.shape == (64, 64, 3)


def test_no_point_of_them_counts(folder: Path) -> None:
    batch = collate([UnlabelledSource(folder).sample(np.random.default_rng(0), 128)], Charset(), FOTS())
    assert not batch.truth.counted.any()
    assert not batch.truth.text.any()
    assert (batch.truth.owner == -1).all()
    assert not batch.readable.any()
    assert batch.targets == []


def test_the_bands_cover_a_picture_once() -> None:
    bands = unseen(64)
    assert bands[:, 0].tolist() == [[0, 0], [0, 32]]
    assert bands[:, 2].tolist() == [[64, 32], [64, 64]]


@pytest.mark.usefixtures("one_thread")
def test_only_the_teacher_teaches_by_them(folder: Path, tmp_path: Path) -> None:
    config = replace(SHORT, distill=DistillConfig(teacher="ema", output=1.0, features=1.0))
    trainer = Trainer(tmp_path / "run", UnlabelledSource(folder), config, small_config())
    with torch.no_grad():
        for value in trainer.ema.model.parameters():  # a teacher that says something else
            value.add_(torch.randn_like(value) * 0.1)
    batch = collate([UnlabelledSource(folder).sample(np.random.default_rng(0), 128)], Charset(), FOTS())
    parts = trainer.losses(batch)
    assert all(float(parts[name].detach()) == 0 for name in parts_of(FOTS()))
    assert float(parts["taught_output"].detach()) > 0
    assert float(parts["taught_features"].detach()) > 0
    torch.autograd.backward(parts["taught_output"])
    gradients = [value.grad for value in trainer.model.head.parameters() if value.grad is not None]
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(("values", "message"), [({"scales": (0.0, 1.0)}, "scales"), ({"limit": 0}, "no picture")])
def test_what_makes_no_sense_is_refused(folder: Path, values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UnlabelledSource(folder, **values)  # type: ignore[arg-type]
