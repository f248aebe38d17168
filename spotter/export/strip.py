"""The recogniser's columns end to end: every word as wide as it is, instead of as the widest.

Patches come side by side, each padded to the widest one's columns. On the network's way through the graph their columns
lie in one strip instead, with zeros between words that are as many as its convolutions look over, so that all of it
costs what the words themselves are wide; only attention, and a recurrent layer, see them side by side. What is read is
the same.
"""

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.export.recurrent import SymbolicRecurrentLayer
from spotter.model.encoders import RecurrentLayer, TransformerLayer
from spotter.model.recogniser import Recogniser

GAP = 2
"""Columns between two words: half of the longest filter along them, that of a Transformer layer's places."""


class Strip:
    """Where the columns of words lie end to end.

    inside: bool [T], which of the strip's columns are a word's. mask: bool [N, W], which of those side by side are.
    """

    def __init__(self, widths: Tensor, columns: int) -> None:
        """widths: int [N], columns of each word, N at least 1. columns: W, of the patches."""
        wider = torch.arange(columns + GAP, device=widths.device)
        kept = wider < (widths + GAP)[:, None]  # N x W + GAP
        word, column = kept.nonzero().unbind(1)
        torch._check(word.shape[0] >= 1)  # type: ignore[no-untyped-call]
        self.words, self.columns = widths.shape[0], columns
        self.mask = wider[:columns] < widths[:, None]
        self.inside = column < widths[word]
        # A gap's columns are read from the zeros behind the last word, see `lay`.
        self._source = torch.where(self.inside, word, widths.shape[0]), torch.where(self.inside, column, 0)
        places = kept.flatten().to(torch.int64).cumsum(0) - 1
        self._target = places.reshape(-1, columns + GAP)[:, :columns].flatten()

    def lay(self, patches: Tensor, scale: int = 1) -> Tensor:
        """Patches [N, C, h, scale W] -> [1, C, h, scale T], zeros in the gaps."""
        _, channels, height, _ = patches.shape
        cells = F.pad(patches, (0, 0, 0, 0, 0, 0, 0, 1)).permute(0, 2, 3, 1)  # N + 1 x h x scale W x C
        rows = torch.arange(height, device=patches.device)[:, None] * self.columns
        word, column = self._source
        source = word * (height * self.columns) + rows + column  # h x T
        taken = cells.reshape(-1, scale * channels).index_select(0, source.flatten())
        return taken.reshape(1, height, -1, channels).permute(0, 3, 1, 2)

    def join(self, beside: Tensor) -> Tensor:
        """Columns side by side [N, W, D] -> end to end [1, T, D]; the gaps' mean nothing."""
        word, column = self._source
        source = (word * self.columns + column).clamp(max=self.words * self.columns - 1)
        return beside.reshape(self.words * self.columns, beside.shape[2]).index_select(0, source)[None]

    def part(self, strip: Tensor) -> Tensor:
        """Columns end to end [1, T, D] -> side by side [N, W, D]; what is beyond a word means nothing."""
        return strip[0].index_select(0, self._target).reshape(self.words, self.columns, strip.shape[2])


class StripTransformerLayer(nn.Module):
    """A Transformer layer over the columns of a strip."""

    def __init__(self, layer: TransformerLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """x: [1, T, D]."""
        layer = self.layer
        inside = strip.inside[:, None].to(x.dtype)
        x = x + layer.position((x * inside).transpose(1, 2)).transpose(1, 2)
        parts = strip.part(layer.queries_keys_values(layer.attention_norm(x)))
        x = x + layer.project(strip.join(layer.attend(parts, strip.mask[..., None])))
        out: Tensor = x + layer.feed(layer.feed_norm(x))
        return out


class StripRecurrentLayer(nn.Module):
    """A recurrent layer, which reads words side by side as ever."""

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.layer = SymbolicRecurrentLayer(layer)

    def forward(self, x: Tensor, strip: Strip) -> Tensor:
        """x: [1, T, D]."""
        mask = strip.mask[..., None].to(x.dtype)
        return strip.join(self.layer(strip.part(x) * mask, mask))


class StripRecogniser(Recogniser):
    """Stands in for a recogniser while the graph is written."""

    def __init__(self, recogniser: Recogniser) -> None:
        nn.Module.__init__(self)
        for name in ("detail", "upper", "widen", "columns", "norm", "classify"):
            setattr(self, name, getattr(recogniser, name))
        self.encoder = nn.ModuleList(
            StripRecurrentLayer(layer) if isinstance(layer, RecurrentLayer) else StripTransformerLayer(layer)
            for layer in cast("Iterable[RecurrentLayer | TransformerLayer]", recogniser.encoder)
        )

    def encode(self, fine: Tensor, coarse: Tensor, widths: Tensor) -> Tensor:
        """As `Recogniser.encode`."""
        strip = Strip(widths, coarse.shape[-1])
        inside = strip.inside.to(coarse.dtype)
        x = self.look(strip.lay(fine, 2), strip.lay(coarse), inside[None])
        for layer in self.encoder:
            x = layer(x, strip)
        return strip.part(self.norm(x))
