"""Rotary position embedding of a map (Su et al. 2021, RoFormer, arXiv:2104.09864)."""

import torch
from torch import Tensor

_BASE = 100.0  # the slowest angle makes one turn in about 600 positions


def axial_angles(rows: int, columns: int, size: int, device: torch.device) -> Tensor:
    """Angles float32 [rows * columns, size / 2] of the positions of a map, row by row: half of them grow with the row,
    the others with the column. size: of a head, a multiple of 4."""
    speeds = _BASE ** -(torch.arange(size // 4, device=device) / (size // 4))
    down = torch.arange(rows, device=device)[:, None, None] * speeds
    along = torch.arange(columns, device=device)[None, :, None] * speeds
    shape = (rows, columns, size // 4)
    return torch.cat((down.expand(shape), along.expand(shape)), 2).flatten(0, 1)


def turned(x: Tensor, angles: Tensor) -> Tensor:
    """x [..., L, D], in which element i of the first half and element i of the second half, as a 2D vector, are rotated
    by angle i of [L, D / 2]."""
    first, second = x.chunk(2, -1)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
