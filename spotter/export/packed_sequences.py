"""The recogniser on packed sequences: the columns of all words end to end in one row, without padding.

Patches come as a padded batch, each as wide as the widest word. In the graph their columns are packed into one row with
zeros between the words, as many as the convolutions reach over, so that the time grows with the words' own widths. Only
attention and recurrent layers unpack them into a padded batch. The texts that are read are the same.
"""

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.export.decoders import SymbolicAttentionDecoder, forward_step
from spotter.export.recurrent import SymbolicRecurrentLayer
from spotter.model.encoders import RecurrentLayer, TransformerLayer
from spotter.model.recogniser import Recogniser

GAP = 2
"""Columns between two words: half of the longest kernel along the row, that of a Transformer layer's position
encoding."""


class PackedSequences:
    """Where the columns of words lie in the packed row.

    inside: bool [T], which of the packed columns belong to words. mask: bool [N, W], which of the padded columns do.
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
        # A gap's columns are read from the zeros after the last word, see `pack`.
        self._source = torch.where(self.inside, word, widths.shape[0]), torch.where(self.inside, column, 0)
        places = kept.flatten().to(torch.int64).cumsum(0) - 1
        self._target = places.reshape(-1, columns + GAP)[:, :columns].flatten()

    def pack(self, patches: Tensor, scale: int = 1) -> Tensor:
        """Patches [N, C, h, scale W] -> [1, C, h, scale T], zeros in the gaps."""
        _, channels, height, _ = patches.shape
        values = F.pad(patches, (0, 0, 0, 0, 0, 0, 0, 1)).permute(0, 2, 3, 1)  # N + 1 x h x scale W x C
        rows = torch.arange(height, device=patches.device)[:, None] * self.columns
        word, column = self._source
        source = word * (height * self.columns) + rows + column  # h x T
        taken = values.reshape(-1, scale * channels).index_select(0, source.flatten())
        return taken.reshape(1, height, -1, channels).permute(0, 3, 1, 2)

    def repack(self, padded: Tensor) -> Tensor:
        """Padded columns [N, W, D] -> packed [1, T, D]; values in the gaps are undefined."""
        word, column = self._source
        source = (word * self.columns + column).clamp(max=self.words * self.columns - 1)
        return padded.reshape(self.words * self.columns, padded.shape[2]).index_select(0, source)[None]

    def unpack(self, packed: Tensor) -> Tensor:
        """Packed columns [1, T, D] -> padded [N, W, D]; values beyond a word's end are undefined."""
        return packed[0].index_select(0, self._target).reshape(self.words, self.columns, packed.shape[2])


class PackedTransformerLayer(nn.Module):
    """A Transformer layer over packed columns."""

    def __init__(self, layer: TransformerLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, packing: PackedSequences) -> Tensor:
        """x: [1, T, D]."""
        layer = self.layer
        inside = packing.inside[:, None].to(x.dtype)
        x = x + layer.position((x * inside).transpose(1, 2)).transpose(1, 2)
        parts = packing.unpack(layer.queries_keys_values(layer.attention_norm(x)))
        x = x + layer.project(packing.repack(layer.attend(parts, packing.mask[..., None])))
        out: Tensor = x + layer.feed(layer.feed_norm(x))
        return out


class PackedRecurrentLayer(nn.Module):
    """A recurrent layer, which unpacks the columns, reads the padded batch and packs the result."""

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.layer = SymbolicRecurrentLayer(layer)

    def forward(self, x: Tensor, packing: PackedSequences) -> Tensor:
        """x: [1, T, D]."""
        mask = packing.mask[..., None].to(x.dtype)
        return packing.repack(self.layer(packing.unpack(x) * mask, mask))


class PackedRecogniser(Recogniser):
    """A recogniser that works on packed columns; it replaces the trained one during export."""

    def __init__(self, recogniser: Recogniser) -> None:
        nn.Module.__init__(self)
        for name in ("config", "detail", "upper", "widen", "columns", "norm", "classify"):
            setattr(self, name, getattr(recogniser, name))
        self.forward_step = forward_step
        attention = recogniser.attention
        self.attention = None if attention is None else SymbolicAttentionDecoder(attention)
        self.encoder = nn.ModuleList(
            PackedRecurrentLayer(layer) if isinstance(layer, RecurrentLayer) else PackedTransformerLayer(layer)
            for layer in cast("Iterable[RecurrentLayer | TransformerLayer]", recogniser.encoder)
        )

    def encode(self, fine: Tensor, coarse: Tensor, widths: Tensor) -> Tensor:
        """As `Recogniser.encode`."""
        packing = PackedSequences(widths, coarse.shape[-1])
        inside = packing.inside.to(coarse.dtype)
        x = self.look(packing.pack(fine, 2), packing.pack(coarse), inside[None])
        for layer in self.encoder:
            x = layer(x, packing)
        return packing.unpack(self.norm(x))
