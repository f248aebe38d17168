"""The regions that the recogniser and the reader are trained on: true ones with a detector's errors added, and the
detector's own."""

import numpy as np
import torch
from torch import Tensor

from spotter.families.fots.boxes import probiou
from spotter.families.fots.learning import jitter_boxes, predicted_boxes
from spotter.families.interface import Misplacement
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.mask import outlines_of
from spotter.families.mask_textspotter.outlines import edges, measured, parted, to_boxes
from spotter.families.misplacing import Errors, drawn, jittered, moved_edges, reach, some_detected

_GOOD = 0.6


def moved_outlines(outlines: Tensor, errors: Errors) -> Tensor:
    """Regions [N, 32] with these errors added."""
    lengths, heights = measured(outlines)
    points = edges(parted(outlines, *reach(lengths, heights, errors.ends)))
    return moved_edges(points, heights, errors).flatten(1)


def jitter_outlines(outlines: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Regions [N, 32] with random errors of about `amount` of their height, on average a little too large."""
    return moved_outlines(outlines, jittered(len(outlines), amount, generator))


def proposals(
    maps: MaskMaps, boxes: Tensor, image_index: Tensor, jitter: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """For each true box the detector's own, or the jittered true one where that is not good: boxes [N, 6], and which
    are the detector's, bool [N]."""
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
    """Regions [K, 32] to read: true ones with jitter, or for a share `predicted` the detector's own where it is good;
    boxes: the slanted boxes of the true regions."""
    noisy = jitter_outlines(outlines.cpu(), jitter, generator).to(outlines.device)

    @torch.no_grad()
    def detect() -> tuple[Tensor, Tensor]:
        found, good = proposals(maps, boxes, image_index, jitter, generator)
        detected = outlines_of(maps.mask(maps.features, maps.anchors, found, image_index), found)
        return detected, good & (probiou(to_boxes(detected), boxes) > _GOOD)

    return some_detected(noisy, predicted, generator, detect)


def misplaced_outlines(true: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
    """True regions [N, 32] with a detector's errors: ends and sides moved, turned a little."""
    return moved_outlines(true, drawn(*measured(true), off, rng))
