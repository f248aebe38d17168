"""Pictures become a batch with the detector's targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spotter.model.cells import STRIDE
from spotter.model.charset import Charset
from spotter.model.geometry import boxes_to_polygons, polygons_to_boxes
from spotter.model.pyramid import LEVEL_HEIGHTS
from spotter.training.sample import Sample

_CORE = 0.25  # of the height is cut from every side of a word, so that neighbours part
_CORE_ENDS = 0.15  # of the width at least is cut from both ends: cells there see the far end badly
_LEARNT = 1.4 * LEVEL_HEIGHTS[0]  # pixels; higher words are ignored
_NOT_HERE = 1.8 * LEVEL_HEIGHTS[0]  # pixels; higher words are another level's to find, and background here


@dataclass(frozen=True)
class Batch:
    """images: uint8 [B, H, W, 3]. text, counted: bool [B, h, w], cells of the head's map in a word's core and cells
    that the score loss counts. owner: int64 [B, h, w], the word that a core cell belongs to, else -1. boxes: float32
    [N, 6]. image_index: int64 [N]. readable: bool [N]. targets: classes of the characters of the readable words, in
    order."""

    images: Tensor
    text: Tensor
    counted: Tensor
    owner: Tensor
    boxes: Tensor
    image_index: Tensor
    readable: Tensor
    targets: list[list[int]]


def _local(
    box: NDArray[np.float32], polygon: NDArray[np.float32], shape: tuple[int, int]
) -> tuple[slice, slice, NDArray[np.float32], NDArray[np.float32]]:
    """Cells around a box, and their centres in the box's own frame (along, down), pixels, its lean undone."""
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
    """(text, counted, owner) [h, w] of one picture's boxes [N, 6]; where cores meet, the smaller word owns the cell."""
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
        # Small words keep at least the cells nearest their middle line.
        half_width = max(w / 2 - max(_CORE * h, _CORE_ENDS * w), 0.75 * STRIDE)
        half_height = max(h / 2 - _CORE * h, 0.6 * STRIDE)
        core = (np.abs(along) <= half_width) & (np.abs(down) <= half_height)
        text[rows, columns] |= core
        owner[rows, columns][core] = index
    return text, counted | text, owner


def collate(samples: Sequence[Sample], charset: Charset) -> Batch:
    """Samples of one size -> a batch. A word with characters outside the charset is found but not read.

    A picture stands for one level of a pyramid: words much too high for that are background.
    """
    texts, counts, owners, boxes, image_index, readable, targets = [], [], [], [], [], [], []
    words = 0
    for number, sample in enumerate(samples):
        polygons = torch.from_numpy(np.asarray(sample.polygons, np.float32).reshape(-1, 4, 2))
        found = polygons_to_boxes(polygons).numpy()
        here = found[:, 3] < _NOT_HERE
        found = found[here]
        # A quadrilateral of no extent has no frame to measure in.
        ignore = np.asarray(sample.ignore, bool)[here] | (found[:, 2:4].min(1, initial=1e9) < 2)
        ignore |= found[:, 3] >= _LEARNT
        height, width = sample.image.shape[:2]
        text, counted, owner = detection_targets(found, ignore, (height // STRIDE, width // STRIDE))
        texts.append(text)
        counts.append(counted)
        owners.append(np.where(owner >= 0, owner + words, -1))
        boxes.append(found)
        image_index.extend([number] * len(found))
        for transcript, skip in zip(compress(sample.texts, here), ignore, strict=True):
            known = bool(transcript) and all(character in charset.characters for character in transcript)
            readable.append(known and not skip)
            if readable[-1]:
                targets.append(charset.encode(transcript))
        words += len(found)
    return Batch(
        images=torch.from_numpy(np.stack([sample.image for sample in samples])),
        text=torch.from_numpy(np.stack(texts)),
        counted=torch.from_numpy(np.stack(counts)),
        owner=torch.from_numpy(np.stack(owners)),
        boxes=torch.from_numpy(np.concatenate(boxes).astype(np.float32)),
        image_index=torch.tensor(image_index, dtype=torch.int64),
        readable=torch.tensor(readable, dtype=torch.bool),
        targets=targets,
    )
