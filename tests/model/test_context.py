import pytest
import torch
from torch import Tensor, nn

from spotter.model.context import BranchedContext, DilatedContext


def reach(block: nn.Module) -> Tensor:
    """Which positions [31, 31] change what the middle one says."""
    x = torch.zeros(1, 8, 31, 31, requires_grad=True)
    block(x)[0, :, 15, 15].sum().backward()
    assert x.grad is not None
    return x.grad.abs().sum((0, 1)) > 0


def loud(block: nn.Module) -> nn.Module:
    """Every filter lets everything pass, so that nothing is rectified away."""
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1.0)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 1.0)
    return block.eval()


def test_dilation_shows_fifteen_positions_each_way() -> None:
    seen = reach(loud(DilatedContext(8)))
    assert seen.nonzero().min(0).values.tolist() == [8, 8]
    assert seen.nonzero().max(0).values.tolist() == [22, 22]


def test_branches_see_near_and_far() -> None:
    seen = reach(loud(BranchedContext(8)))
    expected = torch.zeros(31, 31, dtype=torch.bool)
    expected[11:20, 11:20] = True  # a long filter along each axis, one after the other: 9 x 9
    assert torch.equal(seen, expected)


@pytest.mark.parametrize("kind", [DilatedContext, BranchedContext])
def test_a_silent_block_passes_its_input(kind: type[nn.Module]) -> None:
    block = kind(8).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.weight)
    x = torch.rand(1, 8, 6, 5)
    torch.testing.assert_close(block(x), x)
