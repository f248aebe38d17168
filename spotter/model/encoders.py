"""Encoders of a patch's columns: each column learns what stands before and after it, and nothing of the padding."""

import torch
from torch import Tensor, nn

from spotter.model.config import RecogniserConfig


class TransformerLayer(nn.Module):
    """A pre-norm Transformer layer whose position comes from a depthwise convolution over the columns
    (conditional positional encoding, Chu et al. 2021, arXiv:2102.10882): it knows no longest word."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.position = nn.Conv1d(width, width, 5, padding=2, groups=width)
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [N, W, D], mask: [N, W, 1], 1 in the patch and 0 beyond."""
        regions, columns, width = x.shape
        x = x + self.position((x * mask).transpose(1, 2)).transpose(1, 2)
        parts = self.queries_keys_values(self.attention_norm(x))
        parts = parts.reshape(regions, columns, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind(0)  # N x heads x W x D / heads
        weights = queries @ keys.transpose(-1, -2) * (width // self.heads) ** -0.5
        weights = weights.float() + (mask.transpose(1, 2)[:, None].float() - 1) * 1e4
        mixed = weights.softmax(-1).to(values.dtype) @ values
        x = x + self.project(mixed.transpose(1, 2).reshape(regions, columns, width))
        out: Tensor = x + self.feed(self.feed_norm(x))
        return out


class RecurrentLayer(nn.Module):
    """An LSTM in each direction (Graves and Schmidhuber 2005), or a GRU (Cho et al. 2014, arXiv:1406.1078), half of the
    width each.

    The one that reads backwards gets every patch turned round within its own width, so both meet a patch's padding
    after its last column, and what they say of the patch itself does not depend on it.
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
