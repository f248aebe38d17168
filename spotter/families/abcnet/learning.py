"""The regions that the recogniser is trained on: true ones with a detector's errors added, and the detector's own."""

import numpy as np
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import bernstein, controls, measured, parted, placed
from spotter.families.abcnet.ends import sharpen_ends
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.overlap import directions, overlaps
from spotter.families.interface import Misplacement
from spotter.families.misplacing import Errors, drawn, jittered, moved_edges, reach, some_detected
from spotter.model.anchors import STRIDE

_GOOD, _ALIGNED = 0.6, 0.9


def moved_curves(curves: Tensor, errors: Errors, bend: Tensor) -> Tensor:
    """Regions [N, 16] with these errors added.

    bend: [N, 2, 2, 2], shifts (x, y) of the two inner control points of both edges, in multiples of the height.
    """
    lengths, heights = measured(curves)
    points = controls(parted(curves, *reach(lengths, heights, errors.ends)))
    moved = moved_edges(points, heights, errors)
    inner = moved[:, :, 1:3] + bend * heights[:, None, None, None]
    return torch.cat((moved[:, :, :1], inner, moved[:, :, 3:]), 2).flatten(1)


def jitter_curves(curves: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Regions [N, 16] with random errors of about `amount` of their height, on average a little too large."""
    errors = jittered(len(curves), amount, generator)
    bend = torch.randn(len(curves), 2, 2, 2, generator=generator).clamp(-2, 2) * amount
    return moved_curves(curves, errors, 0.5 * bend)


def predicted_curves(maps: CurveMaps, curves: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
    """The detector's region at the middle of each true region [N, 16], and whether it is good enough to be read, bool
    [N]."""
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
    """Regions [K, 16] to read: true ones with jitter, or for a share `predicted` the detector's own where it is
    good."""
    noisy = jitter_curves(curves.cpu(), jitter, generator).to(curves.device)
    return some_detected(noisy, predicted, generator, lambda: predicted_curves(maps, curves, image_index))


def misplaced_curves(true: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
    """True regions [N, 16] with a detector's errors: ends and sides moved, turned and bent a little."""
    errors = drawn(*measured(true), off, rng)
    bend = np.clip(rng.normal(0, 0.03, (len(true), 2, 2, 2)), -0.1, 0.1)
    return moved_curves(true, errors, torch.from_numpy(bend.astype(np.float32)))
