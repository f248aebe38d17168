"""Which regions the recogniser learns from: true ones, off as a detector's are, and the detector's own."""

import numpy as np
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import bernstein, controls, measured, parted, placed
from spotter.families.abcnet.ends import sharpen_ends
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.overlap import directions, overlaps
from spotter.families.interface import Misplacement
from spotter.model.anchors import STRIDE

_GOOD, _ALIGNED = 0.6, 0.9


def moved_curves(curves: Tensor, ends: Tensor, sides: Tensor, turn: Tensor, bend: Tensor) -> Tensor:
    """Regions [N, 16] moved as a detector may do it.

    ends: [N, 2], how far the start and the end go outwards. sides: [N, 2], the upper and the lower edge outwards. turn:
    [N], how much further down the end lies than the start. bend: [N, 2, 2, 2], how far the inner control points of both
    edges are moved. All in multiples of the height.
    """
    lengths, heights = measured(curves)
    share = heights / lengths.clamp(min=1e-3)
    start, end = -0.5 - ends[:, 0] * share, 0.5 + ends[:, 1] * share
    short = (end - start) < 0.1
    points = controls(parted(curves, torch.where(short, -0.5, start), torch.where(short, 0.5, end)))
    down = points[:, 1] - points[:, 0]
    down = down / down.norm(dim=-1, keepdim=True).clamp(min=1e-6) * heights[:, None, None]  # N x 4 x 2
    along = torch.linspace(-0.5, 0.5, 4, device=curves.device)
    skew = turn[:, None, None] * along[:, None]
    upper = points[:, 0] + down * (skew - sides[:, 0, None, None])
    lower = points[:, 1] + down * (skew + sides[:, 1, None, None])
    moved = torch.stack((upper, lower), 1)
    inner = moved[:, :, 1:3] + bend * heights[:, None, None, None]
    return torch.cat((moved[:, :, :1], inner, moved[:, :, 3:]), 2).flatten(1)


def jitter_curves(curves: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Regions [N, 16] as a detector might give them, by `amount` of their height, rather a little too large."""

    def noise(*shape: int) -> Tensor:
        return torch.randn(len(curves), *shape, generator=generator).clamp(-2, 2) * amount

    return moved_curves(
        curves, 1.5 * noise(2) + amount / 2, 1.2 * noise(2) + amount / 2, 2 * noise(), 0.5 * noise(2, 2, 2)
    )


def predicted_curves(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
    """What the detector predicts at the middle of each true region [N, 16], and whether it is good enough to read
    from, bool [N]."""
    rows, columns = maps.score.shape[-2:]
    half = torch.full_like(curves[:, 0], 0.5)
    middle = (bernstein(half)[:, None] @ controls(placed(curves, maps.anchors)).mean(1)).squeeze(1) / STRIDE
    column = middle[:, 0].long().clamp(0, columns - 1)
    row = middle[:, 1].long().clamp(0, rows - 1)
    predicted = sharpen_ends(maps, maps.curves(image_index, row, column).detach(), image_index).detach()
    aligned = (directions(predicted) * directions(curves)).sum(1) > _ALIGNED
    return predicted, (overlaps(predicted, curves) > _GOOD) & aligned


def curves_to_read(
    maps: CurveMaps,
    curves: Tensor,
    image_index: Tensor,
    jitter: float,
    predicted: float,
    generator: torch.Generator,
) -> Tensor:
    """True regions [K, 16] jittered, and a share `predicted` of the detector's own among them, where these are good."""
    noisy = jitter_curves(curves.cpu(), jitter, generator).to(curves.device)
    if not predicted:
        return noisy
    detected, good = predicted_curves(maps, curves, image_index)
    drawn = (torch.rand(len(curves), generator=generator) < predicted).to(curves.device)
    return torch.where((good & drawn)[:, None], detected, noisy)


def misplaced_curves(true: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
    """True regions [N, 16] as a detector may give them: ends and sides off, turned and bent a little."""
    count = len(true)
    lengths, heights = (side.numpy() for side in measured(true))
    share = lengths / np.maximum(heights, 1)
    ends = np.clip(rng.normal(0.04, off.ends, (count, 2)), -0.35, 0.35)  # positive is inwards
    astray = rng.random((count, 2)) < off.astray
    ends = np.where(astray, rng.uniform(-0.5, 0.5, (count, 2)), ends)
    ends = np.minimum(ends, 0.22 * share[:, None])
    sides = np.clip(rng.normal(0, off.sides, (count, 2)), -0.15, 0.15)
    turn = rng.normal(0, 0.025, count) * np.minimum(share, 4)
    bend = np.clip(rng.normal(0, 0.03, (count, 2, 2, 2)), -0.1, 0.1)
    ends, sides, turn, bend = (torch.from_numpy(value.astype(np.float32)) for value in (-ends, -sides, turn, bend))  # type: ignore[assignment]
    return moved_curves(true, ends, sides, turn, bend)  # type: ignore[arg-type]
