"""Shared by the families: imitates a detector's errors, so that the recogniser is trained on regions like those that it
will read. Draws errors, moves edges by them, and mixes in the detector's own regions."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spotter.families.interface import Misplacement


class Errors(NamedTuple):
    """Errors of N regions, in multiples of their height.

    ends: [N, 2], by how much the start and the end lie too far outwards. sides: [N, 2], the same for the upper and the
    lower edge. turn: [N], how much further down the end lies than the start.
    """

    ends: Tensor
    sides: Tensor
    turn: Tensor


def jittered(count: int, amount: float, generator: torch.Generator) -> Errors:
    """Random errors of about `amount` of the height, which on average make regions a little too large."""

    def noise(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator).clamp(-2, 2) * amount

    return Errors(1.5 * noise(2) + amount / 2, 1.2 * noise(2) + amount / 2, 2 * noise())


def drawn(lengths: Tensor, heights: Tensor, off: Misplacement, rng: np.random.Generator) -> Errors:
    """Random errors like a detector's, for regions of these lengths and heights [N]."""
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
    """The new start and end of regions, [N] each, as positions along the old region, from -0.5 to 0.5; unchanged where
    little of the region would be left."""
    share = heights / lengths.clamp(min=1e-3)
    start, end = -0.5 - ends[:, 0] * share, 0.5 + ends[:, 1] * share
    short = (end - start) < 0.1
    return torch.where(short, -0.5, start), torch.where(short, 0.5, end)


def moved_edges(points: Tensor, heights: Tensor, errors: Errors) -> Tensor:
    """Upper and lower edges [N, 2, P, 2] moved by the errors `sides` and `turn`; heights: [N], of the regions."""
    down = points[:, 1] - points[:, 0]
    down = down / down.norm(dim=-1, keepdim=True).clamp(min=1e-6) * heights[:, None, None]  # N x P x 2
    skew = errors.turn[:, None, None] * torch.linspace(-0.5, 0.5, points.shape[2], device=points.device)[:, None]
    upper = points[:, 0] + down * (skew - errors.sides[:, 0, None, None])
    lower = points[:, 1] + down * (skew + errors.sides[:, 1, None, None])
    return torch.stack((upper, lower), 1)


def some_detected(
    noisy: Tensor, predicted: float, generator: torch.Generator, detect: Callable[[], tuple[Tensor, Tensor]]
) -> Tensor:
    """Shapes [N, G]: for a share `predicted` of them the detector's own where it is good, and `noisy` for the rest.

    detect: gives the detector's shapes, and which are good enough to be read, bool [N]; not called where `predicted` is
    0.
    """
    if not predicted:
        return noisy
    detected, good = detect()
    chosen = (torch.rand(len(noisy), generator=generator) < predicted).to(noisy.device)
    return torch.where((good & chosen)[:, None], detected, noisy)
