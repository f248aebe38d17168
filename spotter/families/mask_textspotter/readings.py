"""What the character maps and the decoder say, as columns of a patch, which the rest of the program reads by CTC's
best path: each character in one column, the blank in all others."""

import torch
from torch import Tensor

_ON = 0.5  # a column with a likelier character in it belongs to one
_SILENT = -20.0  # log probability
_APART = 2  # columns: characters next to each other would be read as one where they are the same


def _columns(widths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Numbers [W] of columns, and which of them belong to regions of `widths` [N], bool [N, W]."""
    number = torch.arange(count, device=widths.device)
    return number, number < widths[:, None]


def voted(chances: Tensor, features: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where characters are in a row of columns (Lyu et al. 2018, Mask TextSpotter, arXiv:1807.02242, "pixel voting").

    chances: float32 [N, W], how likely the middle of a character is in a column. features: [N, W, D]. Columns side by
    side that are on belong to one character; all of them vote, each by its chance. Returns the features of each
    column's character [N, W, D] (its own where it is off), which columns are the middles of characters, bool [N, W],
    and how likely each column's character is one, float32 [N, W].
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
    """Log probabilities [N, W, classes] of what character maps read: in the middle of each character its classes, the
    less sure the less likely it is a character; elsewhere the blank. logits: [N, W, classes], that of the blank does
    not count; others as of `voted`."""
    _, inside = _columns(widths, chances.shape[1])
    letters = logits[..., 1:].log_softmax(-1)
    some = certain[..., None]
    sure = (some * letters.exp() + (1 - some) / letters.shape[-1]).clamp(min=1e-9).log()
    rest = torch.where((chances > _ON) | ~inside, 0.0, chances)[..., None]
    quiet = torch.cat(((1 - rest).log(), (rest.log() + letters).clamp(min=_SILENT)), -1)
    spoken = torch.cat((torch.full_like(some, _SILENT), sure), -1)
    return torch.where(peaks[..., None], spoken, quiet)


def sequence_columns(logits: Tensor, columns: Tensor, widths: Tensor, count: int) -> Tensor:
    """Log probabilities [N, count, classes] of what a decoder reads, each character in the column where it was looked
    for: logits [N, L, classes] and columns [N, L] as of `Sequence`. Where the decoder looks twice at one place, the
    later character moves on, as far as the patch reaches."""
    number, inside = _columns(widths, count)
    ended = (logits.argmax(-1) == 0).to(torch.int64).cumsum(1) > 0  # N x L
    steps = torch.arange(logits.shape[1], device=logits.device)
    apart = _APART * steps
    before = steps[:, None] >= steps[None, :]
    ahead = torch.where(before, ((columns + 0.5).floor() - apart)[:, None, :], -torch.inf).amax(2) + apart
    characters = (~ended).to(torch.int64).sum(1)
    last = (widths - 1)[:, None] - _APART * (characters[:, None] - 1 - steps)
    place = torch.minimum(ahead, last.to(ahead.dtype))
    spoken = (place[:, None, :] == number[:, None]) & ~ended[:, None, :] & inside[..., None]  # N x W x L
    written = spoken.to(logits.dtype) @ logits.log_softmax(-1).clamp(min=_SILENT)
    silent = torch.where(torch.arange(logits.shape[2], device=logits.device) == 0, 0.0, _SILENT)
    return torch.where(spoken.any(2)[..., None], written, silent)


def sureness(log_probabilities: Tensor) -> Tensor:
    """The mean log probability [N] of the characters in columns [N, W, classes], that of silence where there is
    none."""
    best, path = log_probabilities.max(-1)
    spoken = (path > 0).to(best.dtype)
    count = spoken.sum(1)
    return torch.where(count > 0, (best * spoken).sum(1) / count.clamp(min=1), _SILENT)


def fused(maps: Tensor, sequence: Tensor, ended: Tensor) -> Tensor:
    """Of two readings of regions, columns [N, W, classes] each, the one whose characters are surer, as in Mask
    TextSpotter (Liao et al. 2019). ended: bool [N], whether the decoder came to the end of its word; where it did not,
    the maps read."""
    surer = ended & (sureness(sequence) > sureness(maps))
    return torch.where(surer[:, None, None], sequence, maps)
