import pytest
import torch
from torch import nn

from spotter.model.backbone import Backbone
from spotter.model.blocks import AttentionBlock, InvertedBlock, ResidualBlock
from spotter.model.config import BackboneConfig


def test_each_map_is_half_the_size_of_the_one_before() -> None:
    config = BackboneConfig(stem=3, channels=(4, 5, 6, 7), blocks=(1, 2, 1, 1))
    maps = Backbone(config).eval()(torch.zeros(2, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [
        (2, 3, 32, 48),
        (2, 4, 16, 24),
        (2, 5, 8, 12),
        (2, 6, 4, 6),
        (2, 7, 2, 3),
    ]
    assert 64 // maps[-1].shape[2] == config.stride


def test_blocks_are_as_many_as_configured() -> None:
    backbone = Backbone(BackboneConfig(stem=2, channels=(2, 2), blocks=(1, 3)))
    assert [len(stage) - 1 for stage in backbone.stages if isinstance(stage, nn.Sequential)] == [1, 3]


@pytest.mark.parametrize(
    ("block", "kinds"),
    [
        ("residual", [ResidualBlock] * 4),
        ("inverted", [InvertedBlock] * 4),
        ("attention", [ResidualBlock, ResidualBlock, AttentionBlock, AttentionBlock]),
    ],
)
def test_stages_are_made_of_the_blocks_that_are_named(block: str, kinds: list[type[nn.Module]]) -> None:
    config = BackboneConfig(stem=4, channels=(4, 8, 32, 64), blocks=(1, 1, 1, 1), block=block)
    backbone = Backbone(config).eval()
    assert [type(stage[1]) for stage in backbone.stages if isinstance(stage, nn.Sequential)] == kinds
    assert [m.shape[1] for m in backbone(torch.zeros(1, 3, 64, 96))] == [4, 4, 8, 32, 64]


def test_positions_lie_where_half_pixel_coordinates_put_them() -> None:
    """With averaging windows, a ramp of x reads at each position the x of its centre: 1, 3, 5 ... at stride 2."""
    backbone = Backbone(BackboneConfig(stem=1, channels=(1, 1, 1), blocks=(1, 1, 1))).eval()
    for name, module in backbone.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        if isinstance(module, nn.BatchNorm2d) and ".second." in name:
            nn.init.zeros_(module.weight)  # the residual branches are silent
    x = torch.arange(128) + 0.5
    with torch.no_grad():
        across = backbone(x.expand(1, 3, 128, 128))
        down = backbone(x[:, None].expand(1, 3, 128, 128))
    for level, (columns, rows) in enumerate(zip(across, down, strict=True)):
        stride = 2 << level
        centres = (torch.arange(128 // stride) + 0.5) * stride
        middle = slice(1, -1)  # the stem's padding darkens the rim
        torch.testing.assert_close(columns[0, 0, 2, middle], centres[middle], rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(rows[0, 0, middle, 2], centres[middle], rtol=1e-4, atol=1e-3)
