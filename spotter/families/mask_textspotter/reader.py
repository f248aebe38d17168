"""Reads words from the shared features within their outlines, by character maps and by a decoder with spatial
attention.

Mask TextSpotter has one map for each class, which is too much for a thousand classes. A patch is rectified here, so
that one column belongs to one character, and the maps can be factorised: one map of the middles of characters, and for
each column the logits of its classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spotter.families.mask_textspotter.decoder import Sequence, SpatialDecoder
from spotter.families.mask_textspotter.outlines import OUTLINES, measured, placed
from spotter.families.mask_textspotter.readings import fused, map_columns, sequence_columns, voted
from spotter.families.patches import cut, widest
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.blocks import convolution
from spotter.model.family import Columns
from spotter.model.recogniser import MaskedStage
from spotter.model.regions import PatchSize, Sample, patch_widths, sample_regions

ROWS = 8
SIZE = PatchSize(12, 12, 240)
"""12 columns in a length of one height, so that neighbouring narrow letters have separate columns; a patch has 8
rows."""


@dataclass(frozen=True)
class CharacterMaps:
    """middles: logits [N, ROWS, W] of whether a position lies in the middle of a character. features: [N, W, D], of the
    columns. seen: [N, C, ROWS, W], the map that the decoder attends to. widths: int64 [N], columns that belong to the
    region."""

    middles: Tensor
    features: Tensor
    seen: Tensor
    widths: Tensor

    @property
    def chances(self) -> Tensor:
        """The probability that the middle of a character lies in a column, float32 [N, W]."""
        inside = torch.arange(self.middles.shape[2], device=self.widths.device) < self.widths[:, None]
        return self.middles.sigmoid().amax(1) * inside.to(self.middles.dtype)


class CharacterReader(nn.Module):
    """Three convolutions that keep the size of the patches, the factors of the maps, and the decoder."""

    def __init__(self, inputs: int, width: int, classes: int, longest: int) -> None:
        super().__init__()
        self.sample: Sample = sample_regions
        self.look = MaskedStage(convolution(inputs, width), convolution(width, width), convolution(width, width))
        self.middles = nn.Conv2d(width, 1, 1)
        assert self.middles.bias is not None
        nn.init.constant_(self.middles.bias, -2.0)  # most positions are in no middle
        self.columns = nn.Sequential(
            nn.Conv2d(width, 2 * width, (ROWS, 1), bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True)
        )
        self.classify = nn.Linear(2 * width, classes)
        self.decoder = SpatialDecoder(width, width, classes, longest)

    def forward(self, features: Tensor, anchors: AnchorPoints, outlines: Tensor, image_index: Tensor) -> CharacterMaps:
        """The maps of regions [N, 32], N at least 1; features [B, C, H, W] at stride 4."""
        there = placed(outlines, anchors)
        widths = patch_widths(measured(there), SIZE)
        columns = widest(widths, SIZE)
        size = ROWS, columns
        patches = cut(OUTLINES, features.float(), there, image_index, widths, size, STRIDE, self.sample)
        inside = (torch.arange(columns, device=widths.device) < widths[:, None]).to(patches.dtype)
        seen = self.look(patches, inside[:, None, None, :])
        middles = self.middles(seen).squeeze(1).float()
        shown = self.columns(seen).squeeze(2).transpose(1, 2)
        return CharacterMaps(middles, shown, seen, widths)

    def by_maps(self, maps: CharacterMaps) -> Tensor:
        """The text by the character maps, log probabilities [N, W, classes]."""
        chances = maps.chances
        pooled, peaks, certain = voted(chances, maps.features, maps.widths)
        return map_columns(self.classify(pooled).float(), chances, peaks, certain, maps.widths)

    def by_attention(self, maps: CharacterMaps) -> tuple[Tensor, Tensor]:
        """The text by the decoder, log probabilities [N, W, classes], and whether it wrote the end of the word, bool
        [N]."""
        read: Sequence = self.decoder(maps.seen, maps.widths)
        logits = read.logits.float()
        columns = sequence_columns(logits, read.columns.float(), maps.widths, maps.seen.shape[-1])
        return columns, (logits.argmax(-1) == 0).any(1)

    def read(self, maps: CharacterMaps, reading: str) -> Columns:
        """The text by one of `spotter.families.mask_textspotter.config.READINGS`, other than "ctc"."""
        if reading == "masks":
            columns = self.by_maps(maps)
        else:
            columns, ended = self.by_attention(maps)
            if reading == "fused":
                columns = fused(self.by_maps(maps), columns, ended)
        return Columns(columns, maps.widths, torch.ones_like(maps.features[:, 0, 0]))
