"""Packed sequences: words of different widths end to end in one row, so that the time grows with the words' own widths.

A batch of padded patches costs as much as its widest word. Here each word takes as many units of columns as it needs,
and one empty unit after it, which is wider than any kernel reaches:

    | word 0 | word 0 | gap | word 1 | gap | word 2 | word 2 | word 2 | gap |

Layers whose kernels span several columns must see zeros in the gaps, as they would beyond the edges of a single word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

UNIT = 8
"""Columns of a sampled patch in one unit: the recogniser's stride."""


@dataclass(frozen=True)
class Packing:
    """Where N words lie in a row of U units.

    lengths, starts: int64 [N], units of each word and its first unit. word: int64 [U], the word that a unit belongs to;
    a gap belongs to the word before it. inside: float32 [U], 1 in words and 0 in gaps. position: int64 [U], units from
    the word's first one. masks: for each number of columns in a unit, 1 inside words and 0 in gaps, float32 [U *
    columns].
    """

    lengths: Tensor
    starts: Tensor
    word: Tensor
    inside: Tensor
    position: Tensor
    masks: Mapping[int, Tensor]

    def mask(self, x: Tensor, columns: int) -> Tensor:
        """x [1, C, h, U * columns] with zeros in the gaps."""
        return x * self.masks[columns].to(x.dtype)

    def scale(self, x: Tensor, factors: Tensor, columns: int) -> Tensor:
        """x [1, C, h, U * columns] times one factor a word and channel: factors [N, C]."""
        word = self.word[:, None].expand(-1, columns).flatten()
        return x * factors[word].t()[None, :, None].to(x.dtype)

    def means(self, x: Tensor, columns: int) -> Tensor:
        """Mean [N, C] of each word's own part of x [1, C, h, U * columns]."""
        units = x.reshape(*x.shape[:3], -1, columns).float().mean((2, 4))[0].t()  # U x C
        sums = torch.zeros(self.lengths.shape[0], x.shape[1], device=x.device)
        sums = sums.index_put((self.word,), units * self.inside[:, None], accumulate=True)
        return sums / self.lengths[:, None].to(sums.dtype)

    def unpack(self, x: Tensor, longest: int) -> tuple[Tensor, Tensor]:
        """Rows [N, longest, C] of x [U, C], padded with zeros, and which of these positions belong to the word, bool
        [N, longest]."""
        steps = torch.arange(longest, device=x.device)
        real = steps < self.lengths[:, None]
        index = self.starts[:, None] + torch.where(real, steps, 0)
        return x[index] * real[..., None].to(x.dtype), real


def pack(lengths: Tensor, multiple: int = 1) -> Packing:
    """The packing of words of `lengths` int64 [N] units, each at least 1; N at least 1.

    multiple: the row is lengthened by empty units to a multiple of it, so that shapes repeat and a CPU's convolutions
    need not be compiled anew for each.
    """
    ends = (lengths + 1).cumsum(0)
    starts = ends - lengths - 1
    total = cast(int, ends[-1].item())  # a symbol while a graph is traced
    torch._check(total >= 2)  # type: ignore[no-untyped-call]
    total = -(-total // multiple) * multiple
    units = torch.arange(total, device=lengths.device)
    first = torch.zeros_like(units).scatter(0, starts, torch.ones_like(starts))
    word = first.cumsum(0) - 1
    position = units - starts[word]
    inside = (position < lengths[word]).float()
    masks = {columns: inside[:, None].expand(-1, columns).flatten() for columns in (UNIT // 4, UNIT // 2)}
    return Packing(lengths, starts, word, inside, position, masks)
