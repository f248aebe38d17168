"""The recogniser: reads patches by CTC (Graves et al. 2006), by attention, or by both."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.attention import AttentionDecoder
from spotter.model.blocks import convolution, downsampling
from spotter.model.config import RecogniserConfig
from spotter.model.ctc import ForwardStep, forward_step
from spotter.model.encoders import encoder_layer
from spotter.model.joint import attention_columns, joint_columns
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
    """Convolutions over patches of two strides, an encoder over the columns, and decoders.

    CTC gives classes for each column. `attention`, where there is one, is trained on the same columns; the
    configuration says whether it also reads.
    """

    roles: ClassVar[Roles] = Roles(
        dense=("detail.*", "upper.*", "widen.*", "columns.*"), ends=("classify.*",), matrices=True
    )

    def __init__(self, fine: int, coarse: int, classes: int, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
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
        self.forward_step: ForwardStep = forward_step
        self.attention = AttentionDecoder(config.width, classes) if config.decoder != "ctc" else None

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
        """The text as CTC's logits float32 [N, W, classes], whichever decoder reads; arguments as of `encode`."""
        encoded = self.encode(fine, coarse, widths)
        config = self.config
        if self.attention is None or config.decoder == "both":
            return self.spell(encoded)
        view = self.attention.view(encoded, widths)
        if config.decoder == "attention":
            return attention_columns(self.attention, view, widths, config.longest)
        # CTC's matrix product comes after the view's: the last one in a graph is the one that is not quantised to 8
        # bits.
        logits = self.spell(encoded)
        return joint_columns(
            self.attention,
            view,
            logits,
            widths,
            config.longest,
            config.max_width,
            config.ctc_weight,
            self.forward_step,
        )

    def spell(self, encoded: Tensor) -> Tensor:
        """CTC's logits float32 [N, W, classes] of encoded columns [N, W, D]."""
        logits: Tensor = self.classify(encoded).float()
        return logits
