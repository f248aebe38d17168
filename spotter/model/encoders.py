"""Sequence encoders of a patch's columns: each column gets context from those before and after it, not from padding."""

import torch
from torch import Tensor, nn

from spotter.model.config import RecogniserConfig
from spotter.model.transformer import PreNormLayer


class TransformerLayer(PreNormLayer):
    """A Transformer layer over a patch's columns."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads, nn.Conv1d(width, width, 5, padding=2, groups=width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [N, W, D], mask: [N, W, 1], 1 in the patch and 0 beyond."""
        return self.mix(x + self.position((x * mask).transpose(1, 2)).transpose(1, 2), mask)


class RecurrentLayer(nn.Module):
    """An LSTM in each direction (Graves and Schmidhuber 2005), or a GRU (Cho et al. 2014, arXiv:1406.1078), half of the
    width each.

    For the backward direction every patch is reversed within its own width, so both directions reach the padding only
    after the patch's last column, and their outputs for the patch do not depend on it.
    """

    def __init__(self, width: int, cell: type[nn.LSTM] | type[nn.GRU] = nn.LSTM) -> None:
        super().__init__()
        self.forwards = cell(width, width // 2, batch_first=True)
        self.backwards = cell(width, width // 2, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [N, W, D], mask: [N, W, 1], 1 in the patch and 0 beyond."""
        columns = torch.arange(x.shape[1], device=x.device)
        widths = mask.sum(1).to(columns.dtype)  # N x 1
        turned = (widths - 1 - columns).clamp(min=0)[..., None]  # N x W x 1, its own inverse within the width
        with torch.autocast(x.device.type, enabled=False):  # not every CPU has these in bfloat16
            x = x.float()
            ahead, _ = self.forwards(x)
            back, _ = self.backwards(x.gather(1, turned.expand(-1, -1, x.shape[2])))
            back = back.gather(1, turned.expand(-1, -1, back.shape[2]))
            return torch.cat((ahead, back), 2) * mask


def encoder_layer(config: RecogniserConfig) -> nn.Module:
    """One layer of the encoder that `config` names: ([N, W, D], mask [N, W, 1]) -> [N, W, D]."""
    if config.encoder == "transformer":
        return TransformerLayer(config.width, config.heads)
    return RecurrentLayer(config.width, nn.GRU if config.encoder == "gru" else nn.LSTM)
