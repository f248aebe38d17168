"""The targets of FOTS's maps."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spotter.families.fots.boxes import boxes_to_polygons, polygons_to_boxes
from spotter.families.interface import Truth
from spotter.model.anchors import STRIDE

_CORE = 0.25  # of the height is cut from every side of a word, so that neighbouring words stay separate
_CORE_ENDS = 0.15  # of the width, at least, is cut from both ends: points there predict the far end badly


def _local(
    box: NDArray[np.float32], polygon: NDArray[np.float32], shape: tuple[int, int]
) -> tuple[slice, slice, NDArray[np.float32], NDArray[np.float32]]:
    """Anchor points around a box, and their places in the box's own frame (along, down), pixels, its slant undone."""
    low = np.floor(polygon.min(0) / STRIDE).astype(int) - 1
    high = np.ceil(polygon.max(0) / STRIDE).astype(int) + 1
    rows = slice(max(low[1], 0), max(min(high[1], shape[0]), 0))
    columns = slice(max(low[0], 0), max(min(high[0], shape[1]), 0))
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5)[:, None] * STRIDE - box[1]
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5)[None] * STRIDE - box[0]
    cos, sin = np.cos(box[4]), np.sin(box[4])
    down = y * cos - x * sin
    return rows, columns, x * cos + y * sin - box[5] * down, down


def detection_targets(
    boxes: NDArray[np.float32], ignore: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """(text, counted, owner) [h, w] of one picture's boxes [N, 6]; where cores meet, the smaller word owns the
    point."""
    text = np.zeros(shape, bool)
    counted = np.ones(shape, bool)
    owner = np.full(shape, -1, np.int64)
    polygons = boxes_to_polygons(torch.from_numpy(boxes)).numpy()
    for index in np.argsort(-boxes[:, 2] * boxes[:, 3]):
        box = boxes[index]
        rows, columns, along, down = _local(box, polygons[index], shape)
        w, h = box[2], box[3]
        if ignore[index]:
            counted[rows, columns] &= (np.abs(along) > w / 2) | (np.abs(down) > h / 2)
            continue
        # Small words keep at least the points nearest to their middle line.
        half_width = max(w / 2 - max(_CORE * h, _CORE_ENDS * w), 0.75 * STRIDE)
        half_height = max(h / 2 - _CORE * h, 0.6 * STRIDE)
        core = (np.abs(along) <= half_width) & (np.abs(down) <= half_height)
        text[rows, columns] |= core
        owner[rows, columns][core] = index
    return text, counted | text, owner


def box_truth(polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> Truth:
    """As `spotter.families.interface.Family.truth`; shapes are boxes [N, 6]."""
    boxes = polygons_to_boxes(polygons)
    pictures, rows, columns = shape
    texts, counts, owners = [], [], []
    before = 0
    for picture in range(pictures):
        here = image_index == picture
        text, counted, owner = detection_targets(boxes[here].numpy(), ignore[here].numpy(), (rows, columns))
        texts.append(text)
        counts.append(counted)
        owners.append(np.where(owner >= 0, owner + before, -1))
        before += int(here.sum())
    return Truth(
        text=torch.from_numpy(np.stack(texts)),
        counted=torch.from_numpy(np.stack(counts)),
        owner=torch.from_numpy(np.stack(owners)),
        shapes=boxes,
    )
