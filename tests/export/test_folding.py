"""Batch norms that are folded away: the same words, and no batch norm."""

import copy

import pytest
import torch
from torch import nn

from spotter.export.folding import folded
from spotter.families.build import build_spotter
from spotter.families.fots.maps import DetectionMaps
from tests.model.small import small_config


def test_a_folded_model_computes_the_same_without_batch_norms() -> None:
    torch.manual_seed(5)
    model = build_spotter(small_config()).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    before = copy.deepcopy(model.state_dict())
    folded_model = folded(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded_model.modules())
    images = torch.randint(0, 256, (1, 128, 192, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected, found = model.detect(model.pyramid(images)), folded_model.detect(folded_model.pyramid(images))
    assert isinstance(expected, DetectionMaps)
    assert isinstance(found, DetectionMaps)
    torch.testing.assert_close(found.score, expected.score, atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(found.direction, expected.direction, atol=2e-4, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_weights_keep_their_names() -> None:
    model = build_spotter(small_config()).eval()
    convolutions = {name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    assert convolutions == {name for name, module in folded(model).named_modules() if isinstance(module, nn.Conv2d)}


def test_a_model_in_training_is_refused() -> None:
    with pytest.raises(AssertionError):
        folded(build_spotter(small_config()).train())
