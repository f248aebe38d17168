"""The targets of ABCNet's maps."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spotter.families.abcnet.bezier import fitted, measured, middle_lines, tangents
from spotter.families.interface import Truth
from spotter.model.anchors import STRIDE

_CORE = 0.25  # of the height is cut from every side of a word, so that neighbouring words stay separate
_CORE_ENDS = 0.15  # of the length, at least, is cut from both ends: points there predict the far end badly, but
_MOST_CUT = 1.0  # of the height at most: the ends of long words are predicted by the points next to them
_STEPS = 2.0  # frames along a word in a length of one height
_MOST_STEPS = 49

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class CurveTruth(Truth):
    """place: float32 [B, H, W], how far along its word a core anchor point lies, from 0 to 1; shapes are regions
    [N, 16]."""

    place: Tensor


@dataclass(frozen=True)
class _Word:
    """A word as frames along its middle line. middle, along, across [T, 2]: the point, its derivative by t, and the
    vector from the upper edge to the lower one. t [T]. length, height: in pixels."""

    middle: Floats
    along: Floats
    across: Floats
    t: Floats
    length: float
    height: float


def _words(curves: Tensor) -> list[_Word]:
    lengths, heights = (side.tolist() for side in measured(curves))
    found = []
    for curve, length, height in zip(curves, lengths, heights, strict=True):
        steps = min(3 + 2 * round(_STEPS * length / max(2 * height, 1.0)), _MOST_STEPS)
        t = torch.linspace(0, 1, steps)
        middle, across = middle_lines(curve[None], t)
        along = tangents(curve.reshape(2, 4, 2).mean(0), t)
        found.append(_Word(middle[0].numpy(), along.numpy(), across[0].numpy(), t.numpy(), length, height))
    return found


def _local(word: _Word, shape: tuple[int, int]) -> tuple[slice, slice, Floats, Floats]:
    """Anchor points around a word, and their positions in it: along its middle line, 0 to 1, and across it, from -0.5
    at the upper edge to 0.5 at the lower one."""
    reach = np.abs(word.across) / 2
    low = np.floor((word.middle - reach).min(0) / STRIDE).astype(int) - 1
    high = np.ceil((word.middle + reach).max(0) / STRIDE).astype(int) + 1
    rows = slice(max(low[1], 0), max(min(high[1], shape[0]), 0))
    columns = slice(max(low[0], 0), max(min(high[0], shape[1]), 0))
    y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * STRIDE)[:, None, None] - word.middle[:, 1]
    x = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * STRIDE)[None, :, None] - word.middle[:, 0]
    nearest = (x * x + y * y).argmin(2)
    along, across = word.along[nearest], word.across[nearest]
    x = np.take_along_axis(np.broadcast_to(x, (*nearest.shape, x.shape[2])), nearest[..., None], 2)[..., 0]
    y = np.take_along_axis(np.broadcast_to(y, (*nearest.shape, y.shape[2])), nearest[..., None], 2)[..., 0]
    area = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    place = word.t[nearest] + (x * across[..., 1] - y * across[..., 0]) / area
    aside = (along[..., 0] * y - along[..., 1] * x) / area
    return rows, columns, place, aside


def curve_targets(
    curves: Tensor, ignore: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64], Floats]:
    """(text, counted, owner, place) [h, w] of one picture's regions [N, 16]; where cores meet, the smaller word owns
    the anchor point."""
    text = np.zeros(shape, bool)
    counted = np.ones(shape, bool)
    owner = np.full(shape, -1, np.int64)
    places = np.zeros(shape, np.float32)
    words = _words(curves)
    for index in sorted(range(len(words)), key=lambda n: -words[n].length * words[n].height):
        word = words[index]
        rows, columns, place, aside = _local(word, shape)
        along, down = np.abs(place - 0.5) * word.length, np.abs(aside) * word.height
        if ignore[index]:
            counted[rows, columns] &= (along > word.length / 2) | (down > word.height / 2)
            continue
        # Small words keep at least the points nearest to their middle line.
        cut = max(_CORE * word.height, min(_CORE_ENDS * word.length, _MOST_CUT * word.height))
        half_length = max(word.length / 2 - cut, 0.75 * STRIDE)
        half_height = max((0.5 - _CORE) * word.height, 0.6 * STRIDE)
        core = (along <= half_length) & (down <= half_height)
        text[rows, columns] |= core
        owner[rows, columns][core] = index
        places[rows, columns][core] = place[core].clip(0, 1)
    return text, counted | text, owner, places


def curve_truth(polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> CurveTruth:
    """As `spotter.families.interface.Family.truth`."""
    curves = fitted(polygons)
    pictures, rows, columns = shape
    found: list[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64], Floats]] = []
    before = 0
    for picture in range(pictures):
        here = image_index == picture
        text, counted, owner, place = curve_targets(curves[here], ignore[here].numpy(), (rows, columns))
        found.append((text, counted, np.where(owner >= 0, owner + before, -1), place))
        before += int(here.sum())
    texts, counts, owners, places = (torch.from_numpy(np.stack(maps)) for maps in zip(*found, strict=True))
    return CurveTruth(text=texts, counted=counts, owner=owners, shapes=curves, place=places)
