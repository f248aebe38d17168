import pytest
import torch
from torch import nn

from spotter.model.config import NECKS
from spotter.model.neck import BiFeaturePyramid, FeaturePyramid, PathAggregation, neck


@pytest.mark.parametrize("kind", NECKS)
def test_the_finest_map_comes_out(kind: str) -> None:
    maps = [torch.randn(2, width, 16 >> level, 24 >> level) for level, width in enumerate((4, 5, 6, 7))]
    assert tuple(neck(kind, (4, 5, 6, 7), channels=8)(maps).shape) == (2, 8, 16, 24)


def test_coarse_positions_are_added_to_the_fine_ones_below_them() -> None:
    neck = FeaturePyramid((1, 1, 1), channels=1).eval()
    for module in neck.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)  # every convolution hands on what it gets
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    fine = torch.arange(16.0).reshape(1, 1, 4, 4)
    middle = torch.tensor([[[[100.0, 200.0], [300.0, 400.0]]]])
    coarse = torch.full((1, 1, 1, 1), 1000.0)
    with torch.no_grad():
        finest = neck([fine, middle, coarse])
    expected = torch.tensor(
        [
            [1100.0, 1101, 1202, 1203],
            [1104, 1105, 1206, 1207],
            [1308, 1309, 1410, 1411],
            [1312, 1313, 1414, 1415],
        ]
    )
    torch.testing.assert_close(finest[0, 0], expected, rtol=1e-4, atol=0)


def test_aggregation_adds_what_every_level_then_says() -> None:
    """Constant maps, convolutions that hand on what they get, and 2x2 ones that give the mean."""
    neck = PathAggregation((1, 1, 1), channels=1).eval()
    for module in neck.modules():
        if isinstance(module, nn.Conv2d):
            if module.stride == (2, 2):
                nn.init.constant_(module.weight, 0.25)
            else:
                nn.init.dirac_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    maps = [torch.full((1, 1, 8 >> level, 8 >> level), value) for level, value in enumerate((1.0, 10.0, 100.0))]
    with torch.no_grad():
        found = neck(maps)
    # Downwards 100, 110 and 111; back up 111 + 110 = 221 and 221 + 100 = 321; all of it: 111 + 221 + 321.
    torch.testing.assert_close(found, torch.full((1, 1, 8, 8), 653.0), rtol=1e-4, atol=0)


def test_both_ways_by_hand() -> None:
    """Constant maps, convolutions that hand on what they get, 2x2 ones that give the mean; weights that are given."""
    pyramid = BiFeaturePyramid((1, 1), channels=1).eval()
    for name, module in pyramid.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.25) if module.stride == (2, 2) else nn.init.dirac_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if name in ("first.0", "upwards.0", "last.0"):
            weights = {"first.0": [1.0, 1.0], "upwards.0": [1.0, 1.0, 2.0], "last.0": [3.0, -5.0]}[name]
            module.get_parameter("weights").data = torch.tensor(weights)
    maps = [torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), 10.0)]
    with torch.no_grad():
        found = pyramid(maps)
        pyramid.get_parameter("last.0.weights").data = torch.tensor([1.0, 1.0])
        other = pyramid(maps)
    # Down: (2 + 10) / 2 = 6. Up: (6 + 10 + 2 x 10) / 4 = 9. Down again: 6 alone, as a weight below 0 is none, and 7.5.
    torch.testing.assert_close(found, torch.full((1, 1, 4, 4), 6.0), rtol=1e-3, atol=0)
    torch.testing.assert_close(other, torch.full((1, 1, 4, 4), 7.5), rtol=1e-3, atol=0)
