"""Mask TextSpotter's parts of the loss in addition to ABCNet's: instance masks, character maps, and the decoder's
sequences."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.abcnet.losses import curve_losses
from spotter.families.mask_textspotter.learning import jitter_outlines, proposals
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.outlines import OUTLINES
from spotter.families.mask_textspotter.reader import ROWS, SIZE, CharacterMaps
from spotter.families.mask_textspotter.targets import MaskTruth, character_targets, mask_targets
from spotter.families.patches import bins

_MASKS, _WORDS = 64, 32  # the most in a step
_JITTER = 0.08  # of the height


def dice(logits: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    """1 - Dice coefficient [N] of each of N maps [N, ...] over the counted positions."""
    probability = (logits.sigmoid() * counted).flatten(1)
    wanted = (truth * counted).flatten(1)
    return 1 - (2 * (probability * wanted).sum(1) + 1) / (probability.sum(1) + wanted.sum(1) + 1)


def map_loss(logits: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    """Mean binary cross-entropy over the counted positions plus `dice`, [N], of maps [N, h, w]; truth: bool."""
    wanted, used = truth.to(logits.dtype), counted.to(logits.dtype)
    wrong = (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * used).flatten(1).sum(1)
    return wrong / used.flatten(1).sum(1).clamp(min=1) + dice(logits, wanted, used)


def some(chosen: Tensor, most: int) -> Tensor:
    """The indices int64 [K] of true values in bool [N]; where there are more than `most`, an evenly spaced choice of
    `most`."""
    (index,) = chosen.nonzero().unbind(1)
    if len(index) <= most:
        return index
    return index[torch.linspace(0, len(index) - 1, most, device=index.device).round().long()]


@dataclass(frozen=True)
class _Means:
    """Means over words, each counting by its weight."""

    weights: Tensor

    def of(self, values: Tensor, words: Tensor) -> Tensor:
        weight = self.weights[words]
        return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def head_losses(maps: MaskMaps, truth: MaskTruth, weights: Tensor) -> tuple[Tensor, ...]:
    """(points, ends, direction, mask, characters, sequence) losses; each word counts by `weights` [N].

    The first three are ABCNet's, over the points in words' cores. mask: cross-entropy and Dice of instance masks, in
    the detector's own proposals where these are good. characters: the same for the maps of characters' middles, and the
    cross-entropy of the classes in their columns; for words whose characters are located. sequence: the decoder's
    cross-entropy of each character, given those before it, and of the end, and the distance of its attention from the
    characters, where these are located.
    """
    found = curve_losses(maps, truth.proposals, weights)
    # Seeded by the words, so that a resumed run draws the same numbers.
    generator = torch.Generator().manual_seed(int(truth.shapes.detach().abs().sum().item()))
    mask = _mask_loss(maps, truth, _Means(weights), generator)
    characters, sequence = _reading_losses(maps, truth, _Means(weights), generator)
    return *found, mask, characters, sequence


def _mask_loss(maps: MaskMaps, truth: MaskTruth, means: _Means, generator: torch.Generator) -> Tensor:
    words = some(truth.counts, _MASKS)
    if not len(words):
        return maps.score.sum() * 0
    curves, _ = proposals(maps, truth.proposals.shapes[words], truth.pictures[words], _JITTER, generator)
    masks = maps.mask(maps.features, maps.anchors, curves, truth.pictures[words])
    wanted = mask_targets(truth.shapes[words], curves)
    return means.of(map_loss(masks.logits, wanted, torch.ones_like(wanted)), words)


def _reading_losses(
    maps: MaskMaps, truth: MaskTruth, means: _Means, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    nothing = maps.score.sum() * 0
    words = some(truth.counts & (truth.classes > 0).any(1), _WORDS)
    if not len(words):
        return nothing, nothing
    outlines = jitter_outlines(truth.shapes[words].cpu(), _JITTER, generator).to(truth.shapes.device)
    read = maps.reader(maps.features, maps.anchors, outlines, truth.pictures[words])
    characters = sequence = nothing
    located = truth.located[words].nonzero().squeeze(1)
    if len(located):
        part = CharacterMaps(*(value[located] for value in (read.middles, read.features, read.seen, read.widths)))
        logits = maps.reader.classify(part.features).float()
        wrong = character_losses(part, logits, outlines[located], truth, words[located])
        characters = means.of(wrong, words[located])
    short = ((truth.classes[words] > 0).sum(1) <= maps.reader.decoder.longest).nonzero().squeeze(1)
    if len(short):
        spelt = truth.classes[words[short]]
        spelt = spelt[:, : int((spelt > 0).sum(1).max())]
        wrong = maps.reader.decoder(read.seen[short], read.widths[short], spelt)
        away = alignment_losses(wrong.columns.float(), read.widths[short], outlines[short], truth, words[short])
        sequence = means.of(sequence_losses(wrong.logits.float(), spelt) + away, words[short])
    return characters, sequence


def character_losses(read: CharacterMaps, logits: Tensor, outlines: Tensor, truth: MaskTruth, words: Tensor) -> Tensor:
    """Losses [K] of the character maps of words int64 [K] in their regions [K, 32]; logits: [K, W, classes]."""
    columns = logits.shape[1]
    own = torch.arange(columns, device=words.device) < read.widths[:, None]
    places = bins(OUTLINES, outlines, read.widths, ROWS, columns)
    spelt = truth.classes[words]
    number = character_targets(truth.characters[words], spelt, places)
    number = torch.where(own[:, None], number, -1)
    middles = map_loss(read.middles, number >= 0, own[:, None].expand_as(number))
    character = number.amax(1)  # K x W
    wanted = spelt.gather(1, character.clamp(min=0))
    wrong = F.cross_entropy(logits[..., 1:].transpose(1, 2), (wanted - 1).clamp(min=0), reduction="none")
    counted = (character >= 0).to(wrong.dtype)
    return middles + (wrong * counted).sum(1) / counted.sum(1).clamp(min=1)


def sequence_losses(logits: Tensor, spelt: Tensor) -> Tensor:
    """Mean cross-entropy [K] of each character of words int64 [K, L] and of the end; logits [K, L + 1, classes]."""
    wrong = F.cross_entropy(logits.transpose(1, 2), F.pad(spelt, (0, 1)), reduction="none")
    counted = F.pad(spelt > 0, (1, 0), value=True).to(wrong.dtype)  # the characters, and the end
    return (wrong * counted).sum(1) / counted.sum(1)


def alignment_losses(columns: Tensor, widths: Tensor, outlines: Tensor, truth: MaskTruth, words: Tensor) -> Tensor:
    """Losses [K] of the decoder's attention: smooth L1 between the columns [K, L + 1] that it attended to and the
    middles of the characters, in heights, of words int64 [K] in their regions [K, 32]; 0 where characters are not
    located.

    widths: int64 [K]. From texts alone the decoder learns only slowly where to attend.
    """
    most = columns.shape[1] - 1
    middle = bins(OUTLINES, outlines, widths, 1, int(widths.max()))[:, 0]  # K x W x 2
    centres = truth.characters[words, :most].mean(2)
    true = (centres[:, :, None] - middle[:, None]).square().sum(-1).argmin(2).to(columns.dtype)
    counted = (truth.classes[words, :most] > 0) & truth.located[words, None]
    off = F.smooth_l1_loss(columns[:, :most] / SIZE.height, true / SIZE.height, reduction="none", beta=0.2)
    return (off * counted).sum(1) / counted.sum(1).clamp(min=1)
