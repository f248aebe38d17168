import math

import torch

from spotter.model.blocks import RotaryBlock
from spotter.model.rotary import axial_angles, turned


def test_angles_grow_with_the_row_in_one_half_and_the_column_in_the_other() -> None:
    angles = axial_angles(2, 3, 8, torch.device("cpu"))
    assert angles.shape == (6, 4)
    slow = 100**-0.5
    torch.testing.assert_close(angles[5], torch.tensor([1.0, slow, 2.0, 2 * slow]))  # row 1, column 2


def test_a_pair_is_turned_by_its_angle() -> None:
    found = turned(torch.tensor([[1.0, 0.0]]), torch.tensor([[math.pi / 6]]))
    torch.testing.assert_close(found, torch.tensor([[math.cos(math.pi / 6), math.sin(math.pi / 6)]]))


def test_likeness_depends_on_how_far_apart_positions_are() -> None:
    angles = axial_angles(5, 7, 8, torch.device("cpu"))
    query, key = torch.randn(8), torch.randn(8)
    likeness = turned(query.expand(35, 8), angles) @ turned(key.expand(35, 8), angles).t()
    grid = likeness.reshape(5, 7, 5, 7)
    torch.testing.assert_close(grid[0, 1, 2, 4], grid[2, 3, 4, 6])  # two down, three along
    assert abs(float(grid[0, 1, 2, 4] - grid[0, 1, 2, 5])) > 1e-4


@torch.no_grad()
def test_attention_passes_padding_by() -> None:
    torch.manual_seed(0)
    block = RotaryBlock(32, head=16).eval()
    x = torch.randn(1, 32, 3, 5)
    inside = torch.ones(1, 1, 3, 5)
    inside[..., 3:] = 0
    other = x.clone()
    other[..., 3:] += 5
    torch.testing.assert_close(block(x, inside)[..., :3], block(other, inside)[..., :3])
    assert not torch.allclose(block(x)[..., :3], block(other)[..., :3])
