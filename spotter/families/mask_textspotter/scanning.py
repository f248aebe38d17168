r"""Finds the outline of an instance mask by a scan of its columns, as tensor algebra.

A mask is a map of logits over a patch of rows and columns, text where they are above 0. In each column the longest run
of text is used, and its ends lie where the logits, interpolated between rows, cross 0; the ends of the longest run of
columns with text are found in the same way. An outline has one upper and one lower edge in each column, so a word that
bends back over itself is cut off there.

        column scan                outline
        . . # # # # .              . u0 - u1 - u2 .
        . # # # # # .      ->      .  |    |    | .
        . # # # . . .              . l0 - l1 - l2 .
"""

from typing import NamedTuple

import torch
from torch import Tensor

_SAMPLES = 16
_ROUNDED = 0.12  # of the height: corners of masks are round, so near an end the edges are taken from this far inside it


class Run(NamedTuple):
    """The longest run of true values: int64 [...], its first and last index, and its length."""

    first: Tensor
    last: Tensor
    length: Tensor


class Scan(NamedTuple):
    """A mask's outline in its patch, in units of the patch's sides. across: float32 [N, K], evenly spaced columns from
    the mask's start to its end. upper, lower: float32 [N, K], where text begins and ends there."""

    across: Tensor
    upper: Tensor
    lower: Tensor


def longest_run(values: Tensor) -> Run:
    """The longest run of true values in bool [..., K], the first of several; where there is none, index 0 and length
    0."""
    count = values.shape[-1]
    place = torch.arange(count, device=values.device)
    number = (~values).to(torch.int64).cumsum(-1)  # the same for all elements of a run
    together = (number[..., :, None] == number[..., None, :]) & values[..., None, :] & values[..., :, None]
    lengths = together.float().sum(-1)
    most = lengths.amax(-1)
    first = torch.where(lengths == most[..., None], place, count).amin(-1)
    longest = most.to(torch.int64)
    return Run(first, (first + longest - 1).clamp(min=0), longest)


def run_ends(logits: Tensor) -> tuple[Tensor, Tensor, Run]:
    """Where the longest run of positive logits [..., K] begins and ends, float32 [...], and the run. Positions run from
    0 to K; the K values lie at the middles of unit intervals. A run at a border ends at the border."""
    count = logits.shape[-1]
    run = longest_run(logits > 0)

    def at(place: Tensor) -> Tensor:
        return logits.gather(-1, place.clamp(0, count - 1)[..., None]).squeeze(-1)

    def reach(inner: Tensor, outer: Tensor) -> Tensor:
        """The distance from an inner value to where the line to the value outside crosses 0."""
        return inner / (inner - outer).clamp(min=1e-6)

    first, last = at(run.first), at(run.last)
    start = run.first + 0.5 - reach(first, at(run.first - 1))
    end = run.last + 0.5 + reach(last, at(run.last + 1))
    start = torch.where(run.first == 0, 0.0, start)
    end = torch.where(run.last == count - 1, float(count), end)
    return start, end, run


def scan_columns(logits: Tensor, heights: Tensor) -> Scan:
    """The outlines of masks: logits [N, R, C], each with text in at least one place. heights: float32 [N], the height
    of the text divided by the length of the patch."""
    rows, columns = logits.shape[1:]
    upper, lower, _ = run_ends(logits.transpose(1, 2))  # N x C
    start, end, run = run_ends(logits.amax(1))  # N
    steps = torch.linspace(0, 1, _SAMPLES, device=logits.device)
    across = start[:, None] + (end - start)[:, None] * steps
    inset = (_ROUNDED * heights * columns).clamp(min=0.5)
    middle = (run.first + run.last + 1) / 2
    low = torch.minimum(torch.maximum(run.first + 0.5, start + inset), middle)
    high = torch.maximum(torch.minimum(run.last + 0.5, end - inset), middle)
    # Each sample interpolates between the columns whose middles are next to it: all of these have text.
    seen = torch.minimum(torch.maximum(across, low[:, None]), high[:, None])
    share = (1 - (seen[..., None] - 0.5 - torch.arange(columns, device=logits.device)).abs()).clamp(min=0)
    share = share / share.sum(-1, keepdim=True).clamp(min=1e-6)
    edges = (share @ torch.stack((upper, lower), -1)) / rows  # N x K x 2
    return Scan(across / columns, edges[..., 0], edges[..., 1])
