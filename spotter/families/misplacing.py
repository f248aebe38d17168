"""What families share of training on regions that are off as a detector's are: which errors there are, how two edges
move by them, and how many regions are the detector's own."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spotter.families.interface import Misplacement


class Errors(NamedTuple):
    """Of N regions, in multiples of their height.

    ends: [N, 2], how far the start and the end are too far outwards. sides: [N, 2], the same of the upper and the lower
    edge. turn: [N], how much further down the end lies than the start.
    """

    ends: Tensor
    sides: Tensor
    turn: Tensor


def jittered(count: int, amount: float, generator: torch.Generator) -> Errors:
    """Errors of about `amount` of the height, that make regions rather a little too large."""

    def noise(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator).clamp(-2, 2) * amount

    return Errors(1.5 * noise(2) + amount / 2, 1.2 * noise(2) + amount / 2, 2 * noise())


def drawn(lengths: Tensor, heights: Tensor, off: Misplacement, rng: np.random.Generator) -> Errors:
    """Errors like a detector's, for regions of these lengths and heights [N]."""
    count = len(lengths)
    share = lengths.numpy() / np.maximum(heights.numpy(), 1)
    ends = np.clip(rng.normal(0.04, off.ends, (count, 2)), -0.35, 0.35)  # positive is inwards
    astray = rng.random((count, 2)) < off.astray
    ends = np.where(astray, rng.uniform(-0.5, 0.5, (count, 2)), ends)
    ends = np.minimum(ends, 0.22 * share[:, None])
    sides = np.clip(rng.normal(0, off.sides, (count, 2)), -0.15, 0.15)
    turn = rng.normal(0, 0.025, count) * np.minimum(share, 4)
    return Errors(*(torch.from_numpy(value.astype(np.float32)) for value in (-ends, -sides, turn)))


def reach(lengths: Tensor, heights: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Where regions begin and end, [N] each, along what they were, from -0.5 to 0.5; unmoved where little would be
    left."""
    share = heights / lengths.clamp(min=1e-3)
    start, end = -0.5 - ends[:, 0] * share, 0.5 + ends[:, 1] * share
    short = (end - start) < 0.1
    return torch.where(short, -0.5, start), torch.where(short, 0.5, end)


def moved_edges(points: Tensor, heights: Tensor, errors: Errors) -> Tensor:
    """Upper and lower edges [N, 2, P, 2], moved by the errors of sides and turn; the height of a region is [N]."""
    down = points[:, 1] - points[:, 0]
    down = down / down.norm(dim=-1, keepdim=True).clamp(min=1e-6) * heights[:, None, None]  # N x P x 2
    skew = errors.turn[:, None, None] * torch.linspace(-0.5, 0.5, points.shape[2], device=points.device)[:, None]
    upper = points[:, 0] + down * (skew - errors.sides[:, 0, None, None])
    lower = points[:, 1] + down * (skew + errors.sides[:, 1, None, None])
    return torch.stack((upper, lower), 1)


def some_detected(
    noisy: Tensor, predicted: float, generator: torch.Generator, detect: Callable[[], tuple[Tensor, Tensor]]
) -> Tensor:
    """Shapes [N, G], of which a share `predicted` is the detector's own where these are good, and the rest `noisy`.

    detect: gives the detector's shapes, and which are good enough to be read, bool [N]; not called where none is asked
    for.
    """
    if not predicted:
        return noisy
    detected, good = detect()
    chosen = (torch.rand(len(noisy), generator=generator) < predicted).to(noisy.device)
    return torch.where((good & chosen)[:, None], detected, noisy)
