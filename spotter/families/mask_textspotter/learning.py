"""Which regions the recogniser and the reader learn from: true ones, off as a detector's are, and the detector's
own."""

import numpy as np
import torch
from torch import Tensor

from spotter.families.fots.boxes import probiou
from spotter.families.fots.learning import jitter_boxes, predicted_boxes
from spotter.families.interface import Misplacement
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.mask import outlines_of
from spotter.families.mask_textspotter.outlines import POINTS, edges, measured, parted, to_boxes

_GOOD = 0.6


def moved_outlines(outlines: Tensor, ends: Tensor, sides: Tensor, turn: Tensor) -> Tensor:
    """Regions [N, 32] moved as a detector may do it.

    ends: [N, 2], how far the start and the end go outwards. sides: [N, 2], the upper and the lower edge outwards. turn:
    [N], how much further down the end lies than the start. All in multiples of the height.
    """
    lengths, heights = measured(outlines)
    share = heights / lengths.clamp(min=1e-3)
    start, end = -0.5 - ends[:, 0] * share, 0.5 + ends[:, 1] * share
    short = (end - start) < 0.1
    points = edges(parted(outlines, torch.where(short, -0.5, start), torch.where(short, 0.5, end)))
    down = points[:, 1] - points[:, 0]
    down = down / down.norm(dim=-1, keepdim=True).clamp(min=1e-6) * heights[:, None, None]  # N x 8 x 2
    skew = turn[:, None, None] * torch.linspace(-0.5, 0.5, POINTS, device=outlines.device)[:, None]
    upper = points[:, 0] + down * (skew - sides[:, 0, None, None])
    lower = points[:, 1] + down * (skew + sides[:, 1, None, None])
    return torch.stack((upper, lower), 1).flatten(1)


def jitter_outlines(outlines: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Regions [N, 32] as a detector might give them, by `amount` of their height, rather a little too large."""

    def noise(*shape: int) -> Tensor:
        return torch.randn(len(outlines), *shape, generator=generator).clamp(-2, 2) * amount

    return moved_outlines(outlines, 1.5 * noise(2) + amount / 2, 1.2 * noise(2) + amount / 2, 2 * noise())


def proposals(
    maps: MaskMaps, boxes: Tensor, image_index: Tensor, jitter: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The detector's own boxes [N, 6] for true ones, jittered true ones where these are not good, and which are the
    detector's, bool [N]."""
    detected, good = predicted_boxes(maps, boxes, image_index)
    noisy = jitter_boxes(boxes.cpu(), jitter, generator).to(boxes.device)
    return torch.where(good[:, None], detected, noisy), good


def outlines_to_read(
    maps: MaskMaps,
    outlines: Tensor,
    boxes: Tensor,
    image_index: Tensor,
    jitter: float,
    predicted: float,
    generator: torch.Generator,
) -> Tensor:
    """True regions [K, 32] jittered, and a share `predicted` of the detector's own among them, where these are good;
    boxes: of the regions."""
    noisy = jitter_outlines(outlines.cpu(), jitter, generator).to(outlines.device)
    if not predicted:
        return noisy
    with torch.no_grad():
        found, good = proposals(maps, boxes, image_index, jitter, generator)
        detected = outlines_of(maps.mask(maps.features, maps.anchors, found, image_index), found)
    good = good & (probiou(to_boxes(detected), boxes) > _GOOD)
    drawn = (torch.rand(len(outlines), generator=generator) < predicted).to(outlines.device)
    return torch.where((good & drawn)[:, None], detected, noisy)


def misplaced_outlines(true: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
    """True regions [N, 32] as a detector may give them: ends and sides off, turned a little."""
    count = len(true)
    lengths, heights = (side.numpy() for side in measured(true))
    share = lengths / np.maximum(heights, 1)
    ends = np.clip(rng.normal(0.04, off.ends, (count, 2)), -0.35, 0.35)  # positive is inwards
    astray = rng.random((count, 2)) < off.astray
    ends = np.where(astray, rng.uniform(-0.5, 0.5, (count, 2)), ends)
    ends = np.minimum(ends, 0.22 * share[:, None])
    sides = np.clip(rng.normal(0, off.sides, (count, 2)), -0.15, 0.15)
    turn = rng.normal(0, 0.025, count) * np.minimum(share, 4)
    moved = (torch.from_numpy(value.astype(np.float32)) for value in (-ends, -sides, turn))
    return moved_outlines(true, *moved)
