"""The regions that the recogniser and the reader are trained on: true ones with a detector's errors added, and the
detector's own."""

import numpy as np
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import fitted
from spotter.families.abcnet.learning import jitter_curves, predicted_curves
from spotter.families.abcnet.overlap import overlaps
from spotter.families.interface import Misplacement
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.mask import outlines_of
from spotter.families.mask_textspotter.outlines import edges, measured, parted, to_polygons
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
    maps: MaskMaps, curves: Tensor, image_index: Tensor, jitter: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """For each word the detector's own proposal, or the jittered true one where that is not good: regions between
    curves [N, 16], and which are the detector's, bool [N]; curves: the true ones."""
    detected, good = predicted_curves(maps, curves, image_index)
    noisy = jitter_curves(curves.cpu(), jitter, generator).to(curves.device)
    return torch.where(good[:, None], detected, noisy), good


def outlines_to_read(
    maps: MaskMaps,
    outlines: Tensor,
    curves: Tensor,
    image_index: Tensor,
    jitter: float,
    predicted: float,
    generator: torch.Generator,
) -> Tensor:
    """Regions [K, 32] to read: true ones with jitter, or for a share `predicted` the detector's own where it is good;
    curves: the true regions between curves [K, 16]."""
    noisy = jitter_outlines(outlines.cpu(), jitter, generator).to(outlines.device)

    @torch.no_grad()
    def detect() -> tuple[Tensor, Tensor]:
        found, good = proposals(maps, curves, image_index, jitter, generator)
        detected = outlines_of(maps.mask(maps.features, maps.anchors, found, image_index))
        return detected, good & (overlaps(fitted(to_polygons(detected)), curves) > _GOOD)

    return some_detected(noisy, predicted, generator, detect)


def misplaced_outlines(true: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
    """True regions [N, 32] with a detector's errors: ends and sides moved, turned a little."""
    return moved_outlines(true, drawn(*measured(true), off, rng))
