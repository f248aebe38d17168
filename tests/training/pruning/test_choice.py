"""Which channels go, and how many of each part."""

import tomllib

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from spotter.families.build import build_spotter
from spotter.families.catalogue import family_named
from spotter.model.charset import Charset
from spotter.training.pruning.channels import Channels
from spotter.training.pruning.choice import chosen, narrower
from spotter.training.pruning.costs import Costs
from spotter.training.pruning.importance import by_loss, by_scale
from spotter.training.pruning.widths import as_recipe, widths_of, with_widths
from spotter.training.step_batches import StepBatches
from tests.model.small import small_config, small_spotter, talkative_spotter
from tests.training.pruning.networks import randomised
from tests.training.small import SHORT, NoiseSource

ONES = {
    "backbone.stem.0": torch.ones(4),
    "backbone.stages.0.0.0": torch.ones(4),
    "neck.smooth.0.0": torch.ones(8),
    "head.shared.0": torch.ones(16),
}


def test_operations_are_those_that_pytorch_counts() -> None:
    config = small_config()
    counter = FlopCounterMode(display=False)
    model = build_spotter(config).eval()
    with torch.no_grad(), counter:
        model.detect(model.features(torch.zeros(1, 256, 256, 3, dtype=torch.uint8)))
    assert Costs(config).operations(config) == counter.get_total_flops() // 2


@pytest.mark.parametrize("share", [1.0, 0.8, 0.5, 0.3])
def test_at_most_the_share_of_operations_remains_and_hardly_less(share: float) -> None:
    config = small_config()
    importance = by_scale(Channels(randomised(build_spotter(config))))
    costs = Costs(config)
    left = costs.operations(narrower(config, importance, share, 1)) / costs.operations(config)
    assert share - 0.1 < left <= share


def test_what_matters_least_for_its_operations_is_narrowed_first() -> None:
    config = small_config()
    useless_head = {**ONES, "head.shared.0": torch.cat((torch.ones(10), torch.zeros(6)))}
    found = widths_of(narrower(config, useless_head, 0.9, 2))
    assert {name for name, width in found.items() if width < widths_of(config)[name]} >= {"head channels"}
    assert found["stem"] == 4
    useful_head = {**ONES, "head.shared.0": torch.full((16,), 1e6)}
    assert widths_of(narrower(config, useful_head, 0.5, 2))["head channels"] == 16


def test_widths_become_multiples() -> None:
    config = with_widths(small_config(), {**widths_of(small_config()), "neck": 14, "head channels": 18})
    importance = by_scale(Channels(randomised(build_spotter(config))))
    found = widths_of(narrower(config, importance, 0.4, 4))
    assert all(width % 4 == 0 for name, width in found.items() if width < widths_of(config)[name])
    assert found["neck"] < 14


@pytest.mark.parametrize("share", [0.0, -0.5, 1.2])
def test_a_share_is_above_0_and_at_most_1(share: float) -> None:
    with pytest.raises(ValueError, match=r"must lie above 0 and be at most 1"):
        narrower(small_config(), ONES, share, 1)


def test_a_share_that_no_widths_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"leave \d+% .* multiples of a smaller number"):
        narrower(small_config(), ONES, 0.1, 4)


def test_the_channels_of_the_largest_scales_stay() -> None:
    model = small_spotter()
    scales = torch.tensor([0.1, -3.0, 0.2, 1.0, 0.3, 2.0, 0.4, 0.5])
    model.get_parameter("neck.smooth.0.1.weight").data = scales
    importance = by_scale(Channels(model))
    torch.testing.assert_close(importance["neck.smooth.0.0"], scales.abs() / 7.5)
    config = with_widths(small_config(), {**widths_of(small_config()), "neck": 3})
    assert chosen(config, importance)["neck.smooth.0.0"].tolist() == [1, 3, 5]
    assert "head.shared.0" not in chosen(config, importance)


def test_scales_of_channels_that_are_added_count_together() -> None:
    model = small_spotter()
    stage = "backbone.stages.2"
    model.get_parameter(f"{stage}.0.1.weight").data = torch.tensor([1.0, 2, 0, 0, 1, 1, 1, 1])
    model.get_parameter(f"{stage}.1.second.1.weight").data = torch.tensor([1.0, 0, 0, 3, 1, 1, 1, 1])
    expected = torch.tensor([2.0, 2, 0, 3, 2, 2, 2, 2]) / 15
    torch.testing.assert_close(by_scale(Channels(model))[f"{stage}.0.0"], expected)


def test_channels_that_the_loss_does_not_hear_of_matter_least() -> None:
    model = talkative_spotter()
    head = model.get_submodule("head.out")
    assert isinstance(head, nn.Conv2d)
    with torch.no_grad():
        head.weight[:, [3, 12]] = 0
    channels = Channels(model)
    batches = StepBatches(NoiseSource(), SHORT, Charset(), family_named("fots"), 0, 2)
    drawn = [batches[index] for index in range(2)]
    found = by_loss(channels, model, family_named("fots"), drawn, SHORT)["head.shared.0"]
    assert found.argsort()[:2].sort().values.tolist() == [3, 12]
    assert found[[3, 12]].tolist() == [0, 0]
    assert (found > 0).sum() == 14
    assert by_scale(channels)["head.shared.0"].min() > 0
    with pytest.raises(ValueError, match="at least one batch"):
        by_loss(channels, model, family_named("fots"), [], SHORT)


def test_the_widths_are_what_a_recipe_is_told() -> None:
    config = with_widths(small_config(), {**widths_of(small_config()), "neck": 5, "stage 2": 3})
    model = tomllib.loads(as_recipe(config))["model"]
    assert model["neck"] == 5
    assert model["backbone"] == {"stem": 4, "channels": [4, 3, 8, 8]}
    assert model["detection"] == {"channels": 16}
