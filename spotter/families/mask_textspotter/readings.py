"""Converts the outputs of the character maps and the decoder to CTC's columns, which the rest of the program reads by
the best path: each character in one column, the blank in all others."""

import torch
from torch import Tensor

_ON = 0.5  # a column is part of a character where the probability is higher
_IMPROBABLE = -20.0  # log probability of what is practically excluded
_APART = 2  # columns between characters: with less, two equal characters would be read as one


def _columns(widths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Numbers [W] of columns, and which of them belong to regions of `widths` [N], bool [N, W]."""
    number = torch.arange(count, device=widths.device)
    return number, number < widths[:, None]


def voted(chances: Tensor, features: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Finds the characters in a row of columns (Lyu et al. 2018, Mask TextSpotter, arXiv:1807.02242, "pixel voting").

    chances: float32 [N, W], the probability that the middle of a character lies in a column. features: [N, W, D].
    Neighbouring columns above the threshold belong to one character, and all of them vote with their probability as the
    weight. Returns the features of each column's character [N, W, D] (the column's own where it has none), which
    columns are the middles of characters, bool [N, W], and the probability of each column's character, float32 [N, W].
    """
    number, inside = _columns(widths, chances.shape[1])
    on = (chances > _ON) & inside
    character = (on & ~torch.cat((torch.zeros_like(on[:, :1]), on[:, :-1]), 1)).to(torch.int64).cumsum(1)
    together = (character[:, :, None] == character[:, None, :]) & on[:, :, None] & on[:, None, :]
    votes = together.to(features.dtype) * chances[:, None, :]
    total = votes.sum(2).clamp(min=1e-6)
    mean = (votes @ features) / total[..., None]
    middle = ((votes * number).sum(2) / total + 0.5).floor()
    certain = (votes * chances[:, None, :]).sum(2) / total
    return torch.where(on[..., None], mean, features), on & (middle == number), certain


def map_columns(logits: Tensor, chances: Tensor, peaks: Tensor, certain: Tensor, widths: Tensor) -> Tensor:
    """Log probabilities [N, W, classes] of the text by the character maps: in the middle of each character its classes,
    mixed with the uniform distribution where the character is uncertain; elsewhere the blank. logits: [N, W, classes],
    of which the blank's is not used; peaks, certain: the last two results of `voted`."""
    _, inside = _columns(widths, chances.shape[1])
    letters = logits[..., 1:].log_softmax(-1)
    some = certain[..., None]
    softened = (some * letters.exp() + (1 - some) / letters.shape[-1]).clamp(min=1e-9).log()
    rest = torch.where((chances > _ON) | ~inside, 0.0, chances)[..., None]
    between = torch.cat(((1 - rest).log(), (rest.log() + letters).clamp(min=_IMPROBABLE)), -1)
    peak = torch.cat((torch.full_like(some, _IMPROBABLE), softened), -1)
    return torch.where(peaks[..., None], peak, between)


def sequence_columns(logits: Tensor, columns: Tensor, widths: Tensor, count: int) -> Tensor:
    """Log probabilities [N, count, classes] of the text by a decoder, each character in the column that was attended
    to: logits [N, L, classes] and columns [N, L] as in `Sequence`. Where the decoder attends to one column twice, the
    later character moves to the right, as far as the patch has room."""
    number, inside = _columns(widths, count)
    ended = (logits.argmax(-1) == 0).to(torch.int64).cumsum(1) > 0  # N x L
    steps = torch.arange(logits.shape[1], device=logits.device)
    apart = _APART * steps
    before = steps[:, None] >= steps[None, :]
    ahead = torch.where(before, ((columns + 0.5).floor() - apart)[:, None, :], -torch.inf).amax(2) + apart
    characters = (~ended).to(torch.int64).sum(1)
    last = (widths - 1)[:, None] - _APART * (characters[:, None] - 1 - steps)
    place = torch.minimum(ahead, last.to(ahead.dtype))
    placed = (place[:, None, :] == number[:, None]) & ~ended[:, None, :] & inside[..., None]  # N x W x L
    written = placed.to(logits.dtype) @ logits.log_softmax(-1).clamp(min=_IMPROBABLE)
    blank = torch.where(torch.arange(logits.shape[2], device=logits.device) == 0, 0.0, _IMPROBABLE)
    return torch.where(placed.any(2)[..., None], written, blank)


def mean_log_probability(log_probabilities: Tensor) -> Tensor:
    """The mean log probability [N] of the characters in columns [N, W, classes]; `_IMPROBABLE` where there is none."""
    best, path = log_probabilities.max(-1)
    written = (path > 0).to(best.dtype)
    count = written.sum(1)
    return torch.where(count > 0, (best * written).sum(1) / count.clamp(min=1), _IMPROBABLE)


def fused(maps: Tensor, sequence: Tensor, ended: Tensor) -> Tensor:
    """Of two readings of regions, columns [N, W, classes] each, the one whose characters are more probable, as in Mask
    TextSpotter (Liao et al. 2019). ended: bool [N], whether the decoder wrote the end of its word; where it did not,
    the maps' reading is kept."""
    decoder_wins = ended & (mean_log_probability(sequence) > mean_log_probability(maps))
    return torch.where(decoder_wins[:, None, None], sequence, maps)
