import pytest
import torch
from torch import nn

from spotter.model.blocks import AttentionBlock, InvertedBlock, ResidualBlock, convolution, downsampling


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
