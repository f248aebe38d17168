"""The decoder with spatial attention: writes a word character by character, looking at the whole patch for each (Liao
et al. 2019, Mask TextSpotter, arXiv:1908.08207, section 3.4)."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = 4
"""Rows of the map that the decoder attends to."""
_WAVES = (4.0, 12.0, 36.0, 108.0, 324.0)  # wavelengths of the position codes, in columns
_PLACES = ROWS + 2 * len(_WAVES)


class Sequence(NamedTuple):
    """logits: float32 [N, L, classes], of each character and, after the last one, of the end, class 0. columns: float32
    [N, L], the column of the patch that each was read from; 0 is the middle of the first column."""

    logits: Tensor
    columns: Tensor


def place_codes(columns: int, device: torch.device) -> Tensor:
    """Position codes [ROWS * columns, 14] of a map: a one-hot code of the row, and sines and cosines of the column."""
    row = torch.eye(ROWS, device=device)[:, None].expand(-1, columns, -1)
    turn = torch.arange(columns, device=device)[:, None] * (2 * math.pi / torch.tensor(_WAVES, device=device))
    waves = torch.cat((turn.sin(), turn.cos()), 1)[None].expand(ROWS, -1, -1)
    return torch.cat((row, waves), 2).flatten(0, 1)


class SpatialDecoder(nn.Module):
    """A GRU that attends to the map for each character, with its state as the query. Class 0 starts and ends a word."""

    def __init__(self, inputs: int, width: int, classes: int, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.look = nn.Linear(inputs + _PLACES, width)
        self.key = nn.Linear(width, width, bias=False)
        self.query = nn.Linear(width, width)  # without a state yet, the bias is the query for the first character
        self.embed = nn.Embedding(classes, width)
        self.state = nn.GRUCell(2 * width, width)
        self.classify = nn.Linear(2 * width, classes)

    def forward(self, patches: Tensor, widths: Tensor, targets: Tensor | None = None) -> Sequence:
        """Reads patches [N, C, h, W], h a multiple of 4, zero beyond `widths` int64 [N]: `longest` characters, each
        given the previous output; or, with targets int64 [N, L] (0 beyond a word's end), L + 1 characters by teacher
        forcing."""
        columns = patches.shape[-1]
        pooled = F.avg_pool2d(patches, (patches.shape[2] // ROWS, 1)).flatten(2).transpose(1, 2)  # N x 4 W x C
        codes = place_codes(columns, patches.device)[None].expand(patches.shape[0], -1, -1)
        seen = self.look(torch.cat((pooled, codes), 2)).relu()
        keys = (self.key(seen) * seen.shape[2] ** -0.5).transpose(1, 2)
        column = torch.arange(columns, device=patches.device).repeat(ROWS)
        beyond = (column >= widths[:, None]).to(seen.dtype) * -1e4
        state = torch.zeros_like(seen[:, 0])
        before = torch.zeros_like(widths)
        steps = self.longest if targets is None else targets.shape[1] + 1
        logits, places = [], []
        for step in range(steps):
            scores = (self.query(state)[:, None] @ keys).squeeze(1) + beyond
            weights = scores.softmax(1)  # N x 4 W
            glimpse = (weights[:, None] @ seen).squeeze(1)
            state = self.state(torch.cat((glimpse, self.embed(before)), 1), state)
            logits.append(self.classify(torch.cat((state, glimpse), 1)))
            places.append((weights * column).sum(1))
            if targets is None:
                before = logits[-1].argmax(1)
            elif step < targets.shape[1]:
                before = targets[:, step]
        return Sequence(torch.stack(logits, 1), torch.stack(places, 1))
