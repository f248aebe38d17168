import pytest
import torch
from torch import nn

from spotter.model.blocks import (
    AttentionBlock,
    BottleneckBlock,
    BranchedBlock,
    GroupedBlock,
    InvertedBlock,
    ResidualBlock,
    SeparableBlock,
    convolution,
    downsampling,
)


@pytest.mark.parametrize("kernel", [1, 3, (1, 5), (3, 1)])
def test_a_convolution_keeps_the_size(kernel: int | tuple[int, int]) -> None:
    assert convolution(3, 5, kernel)(torch.randn(2, 3, 6, 10)).shape == (2, 5, 6, 10)


def test_downsampling_takes_each_two_by_two_window_once() -> None:
    layer = downsampling(1, 1).eval()
    window = layer[0]
    assert isinstance(window, nn.Conv2d)
    with torch.no_grad():
        window.weight.copy_(torch.tensor([[[[1.0, 10.0], [100.0, 1000.0]]]]))
        halved = layer(torch.arange(8.0).reshape(1, 1, 2, 4))
    # 0 + 1 x 10 + 4 x 100 + 5 x 1000, and 2 + 3 x 10 + 6 x 100 + 7 x 1000; the norm divides by sqrt(1 + 1e-5)
    torch.testing.assert_close(halved, torch.tensor([[[[5410.0, 7632.0]]]]), rtol=1e-4, atol=0)


def test_a_residual_block_whose_branch_is_silent_passes_its_input() -> None:
    block = ResidualBlock(4).eval()
    norm = block.second[1]
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        norm.weight.zero_()
        x = torch.randn(2, 4, 5, 7)
        torch.testing.assert_close(block(x.clone()), x.relu())
        norm.weight.fill_(1.0)
        assert (block(x.clone()) - x.relu()).abs().max() > 0.01


def test_an_inverted_block_whose_branch_is_silent_passes_its_input() -> None:
    block = InvertedBlock(4).eval()
    norm = block.narrow[1]
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        x = torch.randn(2, 4, 5, 7)
        assert (block(x) - x).abs().max() > 0.01
        norm.weight.zero_()
        torch.testing.assert_close(block(x), x)


def test_an_inverted_block_looks_at_three_by_three_positions() -> None:
    block = InvertedBlock(2).eval()
    x = torch.randn(1, 2, 9, 9)
    other = x.clone()
    other[0, :, 4, 4] += 1
    with torch.no_grad():
        changed = (block(other) - block(x)).abs().sum(1)[0] > 1e-6
    assert changed.nonzero().min() >= 3
    assert changed.nonzero().max() <= 5
    assert changed[4, 4]


def test_attention_of_one_position_mixes_in_its_own_value_alone() -> None:
    """With one position the softmax is 1, so what is mixed in is the projected value, whatever queries and keys say."""
    torch.manual_seed(0)
    block = AttentionBlock(8, head=4).eval()
    x = torch.randn(3, 8, 1, 1)
    with torch.no_grad():
        token = (x + block.position(x)).flatten(1)
        values = block.queries_keys_values(block.attention_norm(token))[:, 16:]
        token = token + block.project(values)
        expected = token + block.feed(block.feed_norm(token))
        torch.testing.assert_close(block(x).flatten(1), expected)


def test_attention_lets_every_position_see_every_other() -> None:
    torch.manual_seed(0)
    block = AttentionBlock(8, head=4).eval()
    x = torch.randn(1, 8, 6, 10)
    other = x.clone()
    other[0, :, 0, 0] += 3 * torch.randn(8)
    with torch.no_grad():
        changed = (block(other) - block(x)).abs().sum(1)[0]
    assert (changed > 1e-6).all()


@torch.no_grad()
@pytest.mark.parametrize("excitation", [False, True])
def test_branches_become_one_convolution_that_computes_the_same(excitation: bool) -> None:
    torch.manual_seed(0)
    block = BranchedBlock(6, excitation)
    for norm in (block.wide[1], block.narrow[1], block.same):
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        nn.init.uniform_(norm.bias, -1.0, 1.0)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        nn.init.uniform_(norm.running_mean, -1.0, 1.0)
        nn.init.uniform_(norm.running_var, 0.2, 3.0)
    block.eval()
    x = torch.randn(2, 6, 7, 9)
    expected = block(x)
    block.merge()
    assert [name for name, _ in block.named_parameters() if "excitation" not in name] == [
        "merged.weight",
        "merged.bias",
    ]
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "kernels"),
    [
        (BottleneckBlock, [(32, 8, 1, 1), (8, 8, 3, 1), (8, 32, 1, 1)]),
        (GroupedBlock, [(32, 16, 1, 1), (16, 16, 3, 2), (16, 32, 1, 1)]),
        (SeparableBlock, [(32, 32, 3, 32), (32, 32, 1, 1), (32, 32, 3, 32), (32, 32, 1, 1)]),
    ],
)
def test_residual_blocks_are_made_of_their_kernels(
    kind: type[nn.Module], kernels: list[tuple[int, int, int, int]]
) -> None:
    """(inputs, outputs, side, groups) of each; and without them the input passes."""
    block = kind(32).eval()
    layers = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0], c.groups) for c in layers] == kernels
    x = torch.rand(1, 32, 5, 6)
    with torch.no_grad():
        assert not torch.allclose(block(x), x)
        layers[-1].weight.zero_()
        torch.testing.assert_close(block(x), x, atol=1e-6, rtol=0)
