"""A smaller network computes what the larger one does, where what is removed has nothing to say."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from spotter.families.build import build_spotter
from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.model.config import BackboneConfig
from spotter.training.pruning.channels import Channels
from spotter.training.pruning.choice import chosen
from spotter.training.pruning.importance import by_scale
from spotter.training.pruning.widths import with_widths
from tests.model.small import small_config
from tests.training.pruning.networks import detected, randomised, read, widened

WIDTHS = {"stem": 4, "stage 1": 8, "stage 2": 12, "stage 3": 16, "stage 4": 8, "neck": 12, "head channels": 8}
WIDE = {name: width + 4 for name, width in WIDTHS.items()}


def network(widths: dict[str, int], block: str = "residual", excitation: bool = False, **changes: Any) -> SpotterConfig:
    """A network of these widths, whose stages 2 and 3 have two blocks each."""
    backbone = BackboneConfig(4, (4, 4, 4, 4), (1, 2, 2, 1), block, excitation)
    return with_widths(replace(small_config(), backbone=backbone, **changes), widths)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"neck_kind": "pan", "context": "dilated"},
        {"block": "bottleneck"},
        {"block": "separable", "excitation": True},
        {"block": "inverted"},
        {"block": "inverted", "excitation": True},
        {"block": "branched"},
    ],
    ids=str,
)
def test_channels_that_are_zero_are_removed_without_a_trace(parts: dict[str, Any]) -> None:
    torch.manual_seed(2)
    small = randomised(build_spotter(network(WIDTHS, **parts)))
    large = widened(small, network(WIDE, **parts))
    before = [*detected(large), read(large)]
    channels = Channels(large)
    channels.keep(chosen(network(WIDTHS, **parts), by_scale(channels)))
    for earlier, later in zip(before, [*detected(large), read(large)], strict=True):
        torch.testing.assert_close(later, earlier, atol=1e-4, rtol=1e-4)
    small.load_state_dict(large.state_dict())  # the shapes are those of the narrower configuration


def silence(norm: nn.Module, indices: list[int]) -> None:
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        norm.weight[indices] = 0
        norm.bias[indices] = 0


def others(count: int, indices: list[int]) -> torch.Tensor:
    return torch.tensor([index for index in range(count) if index not in indices])


def test_channels_that_are_put_side_by_side_keep_their_places() -> None:
    torch.manual_seed(2)
    detection = family_named("abcnet").config(channels=8, bend=8, coordinates=True)
    config = replace(small_config(), family="abcnet", detection=detection, context="branches", neck=16)
    model = randomised(build_spotter(config))
    silent = {"head.shared": [0, 5], "head.bend": [3], "neck.context.branches.1.1": [2]}
    for name, indices in silent.items():
        silence(model.get_submodule(f"{name}.1"), indices)
    before = detected(model)
    kept = {}
    for name, indices in silent.items():
        written = model.get_submodule(f"{name}.0")
        assert isinstance(written, nn.Conv2d)
        kept[f"{name}.0"] = others(written.out_channels, indices)
    Channels(model).keep(kept)
    assert model.get_parameter("head.curve.weight").shape[1] == 13
    assert model.get_parameter("neck.context.join.0.weight").shape[1] == 15
    for earlier, later in zip(before, detected(model), strict=True):
        torch.testing.assert_close(later, earlier, atol=1e-4, rtol=1e-4)


def test_channels_with_something_to_say_are_missed() -> None:
    torch.manual_seed(2)
    model = randomised(build_spotter(network(WIDTHS)))
    before = detected(model)[0]
    Channels(model).keep({"head.shared.0": others(8, [1])})
    assert (detected(model)[0] - before).abs().max() > 0.01
