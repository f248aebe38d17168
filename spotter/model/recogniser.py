"""The recogniser: patches become characters by CTC (Graves et al. 2006)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.blocks import convolution, downsampling
from spotter.model.config import RecogniserConfig


class MaskedStage(nn.Module):
    """Convolutions that see zeros beyond each patch's own width, so that a word's reading never depends on its
    neighbours' widths in the batch."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [N, C, h, W], mask: [N, 1, 1, W]."""
        for layer in self.layers:
            x = layer(x) * mask
        return x


class EncoderLayer(nn.Module):
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


class Recogniser(nn.Module):
    """Convolutions over patches of two strides, a Transformer over the columns, and CTC's classes for each column."""

    def __init__(self, fine: int, coarse: int, classes: int, config: RecogniserConfig) -> None:
        super().__init__()
        first, second = config.channels
        self.detail = downsampling(fine, first) if config.detail else None
        self.upper = MaskedStage(convolution(first * config.detail + coarse, first), convolution(first, first))
        self.widen = MaskedStage(
            convolution(first, second, 1), convolution(second, second), convolution(second, second)
        )
        self.columns = nn.Sequential(
            nn.Conv2d(second, config.width, (config.height // 2, 1), bias=False),
            nn.BatchNorm2d(config.width),
            nn.ReLU(inplace=True),
        )
        self.encoder = nn.ModuleList(EncoderLayer(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.classify = nn.Linear(config.width, classes)

    def forward(self, fine: Tensor, coarse: Tensor, widths: Tensor) -> Tensor:
        """Logits float32 [N, W, classes].

        fine: [N, C, 2 height, 2 W] sampled at stride 2. coarse: [N, C, height, W] sampled at stride 4.
        widths: int [N], columns of `coarse` that belong to the region.
        """
        columns = torch.arange(coarse.shape[-1], device=coarse.device)
        inside = (columns < widths[:, None]).to(coarse.dtype)  # N x W
        mask = inside[:, None, None, :]
        x = coarse if self.detail is None else torch.cat((self.detail(fine) * mask, coarse), 1)
        x = self.upper(x, mask)
        x = self.widen(F.max_pool2d(x, (2, 1), stride=(2, 1)), mask)
        x = (self.columns(x) * mask).squeeze(2).transpose(1, 2)  # N x W x D
        for layer in self.encoder:
            x = layer(x, inside[..., None])
        logits: Tensor = self.classify(self.norm(x)).float()
        return logits


def greedy_path(logits: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """CTC's best path of logits [N, W, classes]: classes int32 [N, W] with repeats collapsed to the blank, their
    probabilities float32 [N, W], and the least probability of a character that stays, [N] (0 where none does)."""
    probability, path = logits.softmax(-1).max(-1)
    inside = torch.arange(path.shape[1], device=path.device) < widths[:, None]
    path = path * inside.to(path.dtype)
    before = F.pad(path, (1, 0))[:, :-1]
    path = path * (path != before).to(path.dtype)
    emitted = (path > 0).to(probability.dtype)
    confidence = (probability * emitted + 1 - emitted).amin(1) * emitted.amax(1)
    return path.to(torch.int32), probability * inside.to(probability.dtype), confidence
