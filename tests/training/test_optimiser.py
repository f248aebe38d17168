"""Optimisers: which weights they treat how, and what a step of Muon's is."""

from pathlib import Path

import pytest
import torch
from torch import nn

from spotter.training.muon import Muon, orthogonalised
from spotter.training.optimiser import optimiser
from tests.training.small import SHORT, make_trainer, whole_state


@pytest.mark.parametrize("shape", [(8, 8), (5, 12), (12, 5)])
def test_a_matrix_is_turned_into_one_whose_singular_values_are_near_one(shape: tuple[int, int]) -> None:
    rows, columns = shape
    left = torch.linalg.qr(torch.randn(rows, rows, generator=torch.Generator().manual_seed(1)))[0]
    right = torch.linalg.qr(torch.randn(columns, columns, generator=torch.Generator().manual_seed(2)))[0]
    least = min(shape)
    given = torch.linspace(30.0, 3.0, least)

    out = orthogonalised(left[:, :least] * given @ right[:, :least].T)

    singular_values = left[:, :least].T @ out @ right[:, :least]  # the same singular vectors
    assert ((singular_values.diagonal() > 0.65) & (singular_values.diagonal() < 1.25)).all()
    torch.testing.assert_close(
        singular_values - singular_values.diagonal().diag(), torch.zeros(least, least), atol=1e-3, rtol=0
    )


def test_a_step_moves_a_kernel_by_its_rate_whatever_the_gradients_size() -> None:
    sizes = []
    for scale in (1e-3, 1e3):
        kernel = nn.Parameter(torch.ones(4, 2, 3, 3))
        muon = Muon([{"params": [kernel], "weight_decay": 0.5, "orthogonal": True, "momentum": 0.9}], lr=0.01)
        kernel.grad = scale * torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(3))
        muon.step()
        moved = kernel.detach() - (1 - 0.01 * 0.5)  # what weight decay leaves
        sizes.append(moved.square().mean().sqrt().item())
    # An orthogonal 4 x 18 matrix has a root mean square of sqrt(4 / (4 x 18)), and is multiplied by 0.2 sqrt(18).
    assert sizes[0] == pytest.approx(0.01 * 0.2, rel=0.25)
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-3)


def test_a_heavy_gradient_pulls_for_some_steps() -> None:
    weight = nn.Parameter(torch.zeros(2, 2))
    muon = Muon([{"params": [weight], "weight_decay": 0.0, "orthogonal": True, "momentum": 0.9}], lr=0.1)
    weight.grad = 100 * torch.eye(2)
    muon.step()
    weight.grad = -torch.eye(2)
    muon.step()

    assert (weight.detach().diagonal() < -0.03).all()  # the second step went on against its own gradient


def test_what_a_run_learns_is_shared_out_between_muon_and_adamw(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, optimiser="muon")
    groups = {bool(group.get("orthogonal")): group for group in trainer.optimiser.param_groups if "orthogonal" in group}
    orthogonal = {id(p) for p in groups[True]["params"]}
    names = {name for name, p in trainer.model.named_parameters() if id(p) in orthogonal}

    assert "recogniser.widen.layers.1.0.weight" in names
    assert not any(name.endswith("bias") for name in names)
    assert not names & {"backbone.stem.0.weight", "head.out.weight", "recogniser.classify.weight"}
    counted = sum(len(group["params"]) for group in trainer.optimiser.param_groups)
    assert counted == len(list(trainer.model.parameters()))


def test_adamw_has_no_orthogonal_weights() -> None:
    plain = optimiser(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), SHORT)

    assert type(plain) is torch.optim.AdamW
    assert [len(group["params"]) for group in plain.param_groups] == [1, 3]
    assert [group["weight_decay"] for group in plain.param_groups] == [SHORT.weight_decay, 0.0]


def test_a_run_with_muon_that_is_resumed_ends_as_one_that_is_not(tmp_path: Path) -> None:
    whole = make_trainer(tmp_path / "whole", optimiser="muon")
    whole.train()
    parted = make_trainer(tmp_path / "parted", optimiser="muon")
    for _, batch in zip(range(3), parted.batches(), strict=False):
        parted.advance(batch)
    parted.save()
    resumed = make_trainer(tmp_path / "parted", optimiser="muon")
    resumed.resume()
    resumed.train()

    expected = whole_state(whole)
    found = whole_state(resumed)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)
