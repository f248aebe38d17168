"""The recogniser: reads patches by CTC (Graves et al. 2006)."""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.attention import AttentionDecoder
from spotter.model.blocks import convolution, downsampling
from spotter.model.config import RecogniserConfig
from spotter.model.encoders import encoder_layer
from spotter.model.roles import Roles


class MaskedStage(nn.Module):
    """Convolutions that see zeros beyond each patch's own width, so that the result for a word never depends on
    the widths of others in the batch."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [N, C, h, W], mask: [N, 1, 1, W]."""
        for layer in self.layers:
            x = layer(x) * mask
        return x


class Recogniser(nn.Module):
    """Convolutions over patches of two strides, an encoder over the columns, and CTC's classes for each column.

    `attention`, where there is one, reads the same columns in training; it is not used otherwise.
    """

    roles: ClassVar[Roles] = Roles(
        dense=("detail.*", "upper.*", "widen.*", "columns.*"), ends=("classify.*",), matrices=True
    )

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
        self.encoder = nn.ModuleList(encoder_layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.classify = nn.Linear(config.width, classes)
        self.attention = AttentionDecoder(config.width, classes) if config.decoder == "both" else None

    def encode(self, fine: Tensor, coarse: Tensor, widths: Tensor) -> Tensor:
        """Encoded columns [N, W, D].

        fine: [N, C, 2 height, 2 W] sampled at stride 2. coarse: [N, C, height, W] sampled at stride 4.
        widths: int [N], columns of `coarse` that belong to the region.
        """
        columns = torch.arange(coarse.shape[-1], device=coarse.device)
        inside = (columns < widths[:, None]).to(coarse.dtype)  # N x W
        x = self.look(fine, coarse, inside)
        for layer in self.encoder:
            x = layer(x, inside[..., None])
        encoded: Tensor = self.norm(x)
        return encoded

    def look(self, fine: Tensor, coarse: Tensor, inside: Tensor) -> Tensor:
        """Features of each column from itself and its neighbours, [N, W, D]; fine and coarse as in `encode`.

        inside: [N, W], 1 in the region and 0 beyond.
        """
        mask = inside[:, None, None, :]
        x = coarse if self.detail is None else torch.cat((self.detail(fine) * mask, coarse), 1)
        x = self.upper(x, mask)
        x = self.widen(F.max_pool2d(x, (2, 1), stride=(2, 1)), mask)
        shown: Tensor = (self.columns(x) * mask).squeeze(2).transpose(1, 2)
        return shown

    def forward(self, fine: Tensor, coarse: Tensor, widths: Tensor) -> Tensor:
        """Logits float32 [N, W, classes]; arguments as of `encode`."""
        return self.spell(self.encode(fine, coarse, widths))

    def spell(self, encoded: Tensor) -> Tensor:
        """CTC's logits float32 [N, W, classes] of encoded columns [N, W, D]."""
        logits: Tensor = self.classify(encoded).float()
        return logits


class GreedyPath(NamedTuple):
    """CTC's best path of N regions. classes: int32 [N, W], repeats collapsed to the blank. probabilities: float32
    [N, W], of the path's classes, blanks as well; 0 beyond a region's own columns."""

    classes: Tensor
    probabilities: Tensor

    def of_columns(self, region: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """The probability of the least sure character (0 where there is none) and the log probability of the path, in
        nats, over some columns of some regions: float32 [M] each. region: int64 [M]. columns: bool [M, W]."""
        probability = self.probabilities[region]
        emitted = (columns & (self.classes[region] > 0)).to(probability.dtype)
        least = (probability * emitted + 1 - emitted).amin(1) * emitted.amax(1)
        inside = (columns & (probability > 0)).to(probability.dtype)
        return least, (probability.clamp(min=1e-12).log() * inside).sum(1)


def greedy_path(logits: Tensor, widths: Tensor) -> GreedyPath:
    """The best path of logits [N, W, classes]; widths int64 [N], columns in use."""
    probability, path = logits.softmax(-1).max(-1)
    inside = torch.arange(path.shape[1], device=path.device) < widths[:, None]
    path = path * inside.to(path.dtype)
    before = F.pad(path, (1, 0))[:, :-1]
    path = path * (path != before).to(path.dtype)
    return GreedyPath(path.to(torch.int32), probability * inside.to(probability.dtype))
