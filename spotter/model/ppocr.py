"""PP-OCRv6's text line recogniser (arXiv:2606.13108), applied to words in one packed row (see `spotter.model.packing`).

Two plans of one class: `SMALL` has a stem of two branches and two Transformer layers, `TINY` has convolutions only and
a fifth of the cost. Rows are 48 pixels high; each output column covers 8 pixels. Words do not influence each other:
kernels see zeros beyond a word's ends, and means and attention are computed for each word by itself.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.convolution import Convolution
from spotter.model.packing import UNIT, Packing

ROWS = 48
INPUTS = 4
"""Red, green, blue, and a mask of the region that is to be read."""
_HEADS = 8
_AT_STRIDE_2, _AT_STRIDE_4 = UNIT // 2, UNIT // 4  # columns of a unit


@dataclass(frozen=True)
class StageConfig:
    """Blocks of one width. excited: which blocks have squeeze-and-excitation. widen: channels of the block of stride
    (2, 1) at the end of the stage, or None where there is no such block."""

    channels: int
    excited: tuple[bool, ...]
    widen: int | None = None


@dataclass(frozen=True)
class PPOCRConfig:
    """stem: channels of the first convolution. branches: whether the stem has two branches. stages: in order.
    neck: width of the features of each column. layers: of the Transformer; 0 for convolutions alone."""

    stem: int
    branches: bool
    stages: tuple[StageConfig, ...]
    neck: int
    layers: int


SMALL = PPOCRConfig(
    48,
    True,
    (
        StageConfig(96, (True, False, False), 192),
        StageConfig(192, (True, False) * 3, 384),
        StageConfig(384, (True, False)),
    ),
    120,
    2,
)
TINY = PPOCRConfig(
    24,
    False,
    (
        StageConfig(48, (True, False), 96),
        StageConfig(96, (True, False), 160),
        StageConfig(160, (True, False, False)),
    ),
    80,
    0,
)
PLANS = {"small": SMALL, "tiny": TINY}


def pointwise(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1x1 convolution of x [B, C, h, W].

    While training it is a product of matrices: on one thread PyTorch's own 1x1 convolution takes up to three times as
    long.
    """
    if not layer.training:
        convolved: Tensor = layer(x)
        return convolved
    return F.linear(x.permute(0, 2, 3, 1), layer.weight[:, :, 0, 0], layer.bias).permute(0, 3, 1, 2)


class Excitation(nn.Module):
    """Squeeze-and-excitation over each word by itself (Hu et al. 2018, arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, channels // 4, 1)
        self.b = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        """x [1, C, h, W] -> the same shape."""
        means = packing.means(x, _AT_STRIDE_4)[:, :, None, None]  # N x C x 1 x 1
        gates = F.hardsigmoid(self.b(F.relu(self.a(means))))[:, :, 0, 0]
        return packing.scale(x, gates, _AT_STRIDE_4)


class Block(nn.Module):
    """A depthwise 3x3 convolution, then two 1x1 ones with GELU between them."""

    def __init__(self, inputs: int, outputs: int, excited: bool, stride: int = 1) -> None:
        super().__init__()
        self.dw = nn.Conv2d(inputs, inputs, 3, stride=(stride, 1), padding=1, groups=inputs)
        self.se = Excitation(inputs) if excited else None
        self.up = nn.Conv2d(inputs, 2 * inputs, 1)
        self.down = nn.Conv2d(2 * inputs, outputs, 1)
        self.residual = stride == 1

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        """x [1, C, h, W] -> [1, C', h or h / 2, W]."""
        x = self.dw(packing.mask(x, _AT_STRIDE_4))
        if self.se is not None:
            x = self.se(x, packing)
        out = pointwise(self.down, F.gelu(pointwise(self.up, x)))
        return x + out if self.residual else out


class BranchStem(nn.Module):
    """Five convolutions, two of them parallel to a max pooling; 48 rows become 12."""

    def __init__(self, inputs: int, first: int, channels: int) -> None:
        super().__init__()
        self.c1 = Convolution(inputs, first, 3, stride=2, padding=1)
        self.c2a = Convolution(first, first // 2, 2)
        self.c2b = Convolution(first // 2, first, 2)
        self.c3 = Convolution(2 * first, first, 3, stride=2, padding=1)
        self.c4 = nn.Conv2d(first, channels, 1)

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        """Patches [1, inputs, 48, W] -> [1, C, 12, W / 4]."""
        s = F.pad(packing.mask(F.relu(self.c1(x)), _AT_STRIDE_2), (0, 1, 0, 1))
        t = F.pad(packing.mask(F.relu(self.c2a(s)), _AT_STRIDE_2), (0, 1, 0, 1))
        t = F.relu(self.c2b(t))
        x = torch.cat((F.max_pool2d(s, 2, stride=1), t), 1)
        x = F.relu(self.c3(packing.mask(x, _AT_STRIDE_2)))
        return F.relu(pointwise(self.c4, x))


class PlainStem(nn.Module):
    """Two convolutions of stride 2; 48 rows become 12."""

    def __init__(self, inputs: int, first: int, channels: int) -> None:
        super().__init__()
        self.c1 = Convolution(inputs, first, 3, stride=2, padding=1)
        self.c2 = Convolution(first, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, packing: Packing) -> Tensor:
        """Patches [1, inputs, 48, W] -> [1, C, 12, W / 4]."""
        out: Tensor = self.c2(packing.mask(F.gelu(self.c1(x)), _AT_STRIDE_2))
        return out


class TransformerLayer(nn.Module):
    """Self-attention over a word's columns, then a feed-forward part, each after a norm and with a residual
    connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.n1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.o = nn.Linear(width, width)
        self.n2 = nn.LayerNorm(width)
        self.f1 = nn.Linear(width, 2 * width)
        self.f2 = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """x [N, T, D]; real bool [N, T], columns of the word itself."""
        q, k, v = self.qkv(self.n1(x)).unflatten(2, (3, _HEADS, -1)).permute(2, 0, 3, 1, 4)  # N x 8 x T x D/8
        weights = (q @ k.transpose(2, 3)) * (x.shape[2] // _HEADS) ** -0.5
        weights = weights.float().masked_fill(~real[:, None, None], -1e4).softmax(-1).to(v.dtype)
        x = x + self.o((weights @ v).transpose(1, 2).flatten(2))
        out: Tensor = x + self.f2(F.silu(self.f1(self.n2(x))))
        return out


class SequenceNeck(nn.Module):
    """A wide convolution along the row and Transformer layers; without position encodings, since the convolutions
    encode positions."""

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        self.short = nn.Conv2d(channels, width, 1)
        self.red = nn.Conv2d(channels, width, 1)
        self.dw = nn.Conv2d(width, width, (1, 7), padding=(0, 3), groups=width)
        self.b = nn.ModuleList(TransformerLayer(width) for _ in range(layers))
        self.n = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor, packing: Packing, longest: int) -> Tensor:
        """x [1, C, 1, U] -> columns [N, longest, D]."""
        short, _ = packing.unpack(F.silu(self.short(x))[0, :, 0].t(), longest)
        reduced, real = packing.unpack(F.silu(self.red(x))[0, :, 0].t(), longest)
        aside = F.silu(self.dw(reduced.transpose(1, 2)[:, :, None]))[:, :, 0].transpose(1, 2)
        out = reduced + aside
        for layer in self.b:
            out = layer(out, real)
        normed: Tensor = self.n(out) + short
        return normed


class ConvolutionNeck(nn.Module):
    """A convolution along the row and two linear layers over each column."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.dw = nn.Conv2d(channels, channels, (1, 5), padding=(0, 2), groups=channels)
        self.pw = nn.Conv2d(channels, channels, 1)
        self.fc = nn.Linear(channels, width)

    def forward(self, x: Tensor, packing: Packing, longest: int) -> Tensor:
        """x [1, C, 1, U] -> columns [N, longest, D]."""
        columns, _ = packing.unpack(x[0, :, 0].t(), longest)
        seen = F.hardswish(self.pw(F.hardswish(self.dw(columns.transpose(1, 2)[:, :, None]))))
        out: Tensor = self.fc(seen[:, :, 0].transpose(1, 2))
        return out


class PPOCRRecogniser(nn.Module):
    """Computes CTC's logits of patches of the picture."""

    def __init__(self, config: PPOCRConfig, classes: int) -> None:
        super().__init__()
        widths = [stage.channels for stage in config.stages]
        self.stem: nn.Module = (BranchStem if config.branches else PlainStem)(INPUTS, config.stem, widths[0])
        blocks = []
        for stage in config.stages:
            blocks += [Block(stage.channels, stage.channels, excited) for excited in stage.excited]
            if stage.widen is not None:
                blocks.append(Block(stage.channels, stage.widen, False, stride=2))
        self.blocks = nn.ModuleList(blocks)
        self.neck: nn.Module = (
            SequenceNeck(widths[-1], config.neck, config.layers)
            if config.layers
            else ConvolutionNeck(widths[-1], config.neck)
        )
        self.head = nn.Linear(config.neck, classes)

    def forward(self, patches: Tensor, packing: Packing, longest: int, prior: Tensor | float = 0.0) -> Tensor:
        """Logits float32 [N, longest, classes] of N words.

        patches: [1, 4, 48, 8 U], colours normalised as the backbone's pictures are, zero in the gaps. longest: units of
        the longest word. prior: [classes], added to the logits.
        """
        x = self.stem(patches, packing)
        for block in self.blocks:
            x = block(x, packing)
        x = F.avg_pool2d(x, (3, 2))
        # The sum of the two vectors is folded into a constant of the graph; adding the prior to the logits would cost
        # time.
        return F.linear(self.neck(x, packing, longest), self.head.weight, self.head.bias + prior).float()
