"""Conversion between texts and CTC's columns (Graves et al. 2006), and the probability of a text.

All functions are tensor algebra of a fixed number of steps, so that they can be part of an exported graph.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

IMPOSSIBLE = -1e9
"""The log probability of an impossible event."""


class GreedyPath(NamedTuple):
    """CTC's best path of N regions. classes: int32 [N, W], repeats collapsed to the blank. probabilities: float32
    [N, W], of the path's classes, blanks included; 0 beyond a region's own columns."""

    classes: Tensor
    probabilities: Tensor

    def of(self, rows: Tensor) -> "GreedyPath":
        """The paths of some regions, int64 [M]."""
        return GreedyPath(self.classes[rows], self.probabilities[rows])

    def of_columns(self, region: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """The probability of the least certain character (0 where there is none) and the log probability of the path,
        in nats, over some columns of some regions: float32 [M] each. region: int64 [M]. columns: bool [M, W]."""
        probability = self.probabilities[region]
        emitted = (columns & (self.classes[region] > 0)).to(probability.dtype)
        least = (probability * emitted + 1 - emitted).amin(1) * emitted.amax(1)
        return least, path_log_probabilities(probability, columns & (probability > 0))


def path_log_probabilities(probabilities: Tensor, columns: Tensor) -> Tensor:
    """Log probabilities, in nats, of paths over some of their columns: float32 [N]. probabilities: float32 [N, W].
    columns: bool [N, W]."""
    return (probabilities.clamp(min=1e-12).log() * columns.to(probabilities.dtype)).sum(1)


def greedy_path(logits: Tensor, widths: Tensor) -> GreedyPath:
    """The best path of logits [N, W, classes]; widths int64 [N], columns in use."""
    probability, path = logits.softmax(-1).max(-1)
    inside = torch.arange(path.shape[1], device=path.device) < widths[:, None]
    path = path * inside.to(path.dtype)
    before = F.pad(path, (1, 0))[:, :-1]
    path = path * (path != before).to(path.dtype)
    return GreedyPath(path.to(torch.int32), probability * inside.to(probability.dtype))


def texts_of(path: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """The texts int64 [N, longest] of paths int [N, W] whose repeats are collapsed to the blank, 0 beyond their ends,
    and their lengths int64 [N] before any cut; of texts longer than `longest` only the beginning is kept."""
    written = path > 0
    order = written.to(torch.int64).cumsum(1)
    place = torch.where(written, (order - 1).clamp(max=longest), longest)
    texts = torch.zeros(path.shape[0], longest + 1, dtype=torch.int64, device=path.device)
    return texts.scatter(1, place, path.to(torch.int64))[:, :longest], written.to(torch.int64).sum(1)


def as_ctc_columns(classes: Tensor, log_probabilities: Tensor, places: Tensor, widths: Tensor, columns: int) -> Tensor:
    """Texts that a decoder wrote step by step, as CTC's columns: log probabilities float32 [N, columns, classes].

    classes: int64 [N, L], the class written in each step, 0 being the end. log_probabilities: [N, L, classes], of all
    classes. places: float32 [N, L], the column that a step looked at. widths: int64 [N], columns of each region.

    Each step gets the column nearest to where it looked that leaves room for the other steps in their order, with a
    blank between equal neighbours, as CTC requires. The end follows the last character. All other columns hold the
    blank with probability 1. A text that is too long for its region loses its end.
    """
    regions, steps = classes.shape
    alive = ((classes == 0).to(torch.int64).cumsum(1) == 0).to(torch.int64)
    repeated = (classes == F.pad(classes, (1, 0))[:, :-1]).to(torch.int64)
    least = (1 + repeated * alive).cumsum(1) - 1  # columns that the preceding characters need
    alive = alive * (least < widths[:, None]).to(torch.int64)
    count = alive.sum(1, keepdim=True)
    before = torch.ones(steps, steps, dtype=torch.bool, device=classes.device).tril()
    late = places.round().to(torch.int64) - least
    late = torch.where(before, late[:, None], 0).amax(2).clamp(min=0)
    last = (least * alive).amax(1, keepdim=True)
    column = least + torch.minimum(late, widths[:, None] - 1 - last)
    after = (column * alive).amax(1, keepdim=True) + (count > 0).to(torch.int64)
    step = torch.arange(steps, device=classes.device)
    ends = (step == count) & (classes == 0) & (after < widths[:, None])
    column = torch.where(alive > 0, column, torch.where(ends, after, columns))
    source = torch.full((regions, columns + 1), steps, device=classes.device)
    source = source.scatter(1, column, step.expand(regions, -1))[:, :columns]
    blank = torch.full_like(log_probabilities[:, :1], IMPOSSIBLE)
    blank = torch.cat((torch.zeros_like(blank[..., :1]), blank[..., 1:]), 2)
    rows = torch.cat((log_probabilities, blank), 1).flatten(0, 1)
    first = torch.arange(regions, device=classes.device)[:, None] * (steps + 1)
    return rows[(source + first).flatten()].reshape(regions, columns, log_probabilities.shape[2])


class Lattice(NamedTuple):
    """The states of H texts of each region: a blank before, between and after their characters, S = 2 L + 1 in all.

    emitted: float32 [T, N, H, S], log probabilities of the states' classes in each column. inside: bool [T, N, 1, 1],
    which columns belong to the region. leap: float32 [N, H, S], 0 where a state may be reached from the state two
    before it (both are characters, and they differ), and `IMPOSSIBLE` elsewhere.
    """

    emitted: Tensor
    inside: Tensor
    leap: Tensor


def forward_step(column: int, score: Tensor, lattice: Lattice) -> Tensor:
    """The log probabilities float32 [N, H, S] of all paths to each state after a column, from those before that
    column."""
    moved = F.pad(score, (2, 0), value=IMPOSSIBLE)
    ways = torch.stack((score, moved[..., 1:-1], moved[..., :-2] + lattice.leap))
    return torch.where(lattice.inside[column], ways.logsumexp(0) + lattice.emitted[column], score)


ForwardStep = Callable[[int, Tensor, Lattice], Tensor]
"""The signature of `forward_step`; during export an operator may replace it."""


def text_log_probabilities(
    log_probabilities: Tensor, widths: Tensor, texts: Tensor, columns: int, step: ForwardStep = forward_step
) -> Tensor:
    """The log probability, nats, float32 [N, H], of each of H texts over all paths: the forward algorithm.

    log_probabilities: float32 [N, W, classes] of each column. widths: int64 [N], columns in use. texts: int64
    [N, H, L], 0 beyond their ends. columns: the number of steps to take, at most W.
    """
    regions, count, longest = texts.shape
    symbols = F.pad(torch.stack((torch.zeros_like(texts), texts), 3).flatten(2), (0, 1))
    index = symbols.flatten(1)[:, None].expand(-1, columns, -1)
    padded = F.pad(log_probabilities, (0, 0, 0, columns - log_probabilities.shape[1]))
    emitted = padded.gather(2, index).unflatten(2, (count, 2 * longest + 1))  # type: ignore[no-untyped-call]
    inside = torch.arange(columns, device=texts.device)[:, None] < widths
    # The blank between two characters may be left out where they differ.
    differ = (symbols > 0) & (symbols != F.pad(symbols, (2, 0))[..., :-2])
    lattice = Lattice(emitted.transpose(0, 1), inside[..., None, None], torch.where(differ, 0.0, IMPOSSIBLE))
    score = F.pad(torch.zeros(regions, count, 1, device=texts.device), (0, 2 * longest), value=IMPOSSIBLE)
    for column in range(columns):
        score = step(column, score, lattice)
    length = (texts > 0).sum(2, keepdim=True)
    ends = torch.cat((score.gather(2, 2 * length), score.gather(2, (2 * length - 1).clamp(min=0))), 2)
    none = torch.where(length > 0, 0.0, IMPOSSIBLE)
    return (ends + torch.cat((torch.zeros_like(none), none), 2)).logsumexp(2)
