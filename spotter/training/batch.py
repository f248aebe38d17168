"""Collates pictures into a batch with the detector's targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spotter.families.interface import Family, Texts, Truth
from spotter.model.anchors import STRIDE
from spotter.model.charset import Charset
from spotter.model.pyramid import LEVEL_HEIGHTS
from spotter.training.polygons import together
from spotter.training.sample import Sample

_LEARNT = 1.4 * LEVEL_HEIGHTS[0]  # pixels; taller words are ignored
_NOT_HERE = (
    1.8 * LEVEL_HEIGHTS[0]
)  # pixels; taller words belong to another level of the pyramid and are background here
_LEAST = 2.0  # pixels; words of smaller height or length are too small for targets


@dataclass(frozen=True)
class Batch:
    """images: uint8 [B, H, W, 3]. truth: targets of the family's maps. image_index: int64 [N]. readable: bool [N].
    targets: classes of the characters of the readable words, in order."""

    images: Tensor
    truth: Truth
    image_index: Tensor
    readable: Tensor
    targets: list[list[int]]


def collate(samples: Sequence[Sample], charset: Charset, family: Family) -> Batch:
    """Collates samples of one size into a batch. Words with characters outside the charset train the detector only.

    A picture represents one level of the pyramid: words much too tall for it are background.
    """
    polygons = torch.from_numpy(together([polygon for sample in samples for polygon in sample.polygons]))
    image_index = torch.tensor([n for n, sample in enumerate(samples) for _ in sample.polygons], dtype=torch.int64)
    skipped = torch.tensor([bool(skip) for sample in samples for skip in sample.ignore], dtype=torch.bool)
    lengths, heights = family.geometry.extent(family.geometry.of_polygons(polygons))
    here = heights < _NOT_HERE
    ignore = (skipped | (lengths < _LEAST) | (heights < _LEAST) | (heights >= _LEARNT))[here]
    texts = list(compress((text for sample in samples for text in sample.texts), here.tolist()))
    readable = [
        bool(text) and not skip and charset.covers(text) for text, skip in zip(texts, ignore.tolist(), strict=True)
    ]
    quads = list(compress((quads for sample in samples for quads in _characters(sample)), here.tolist()))
    height, width = samples[0].image.shape[:2]
    shape = (len(samples), height // STRIDE, width // STRIDE)
    targets = [charset.encode(text) for text in compress(texts, readable)]
    truth = family.truth(polygons[here], image_index[here], ignore, shape)
    return Batch(
        images=torch.from_numpy(np.stack([sample.image for sample in samples])),
        truth=family.with_texts(truth, _texts(readable, targets, quads)),
        image_index=image_index[here],
        readable=torch.tensor(readable, dtype=torch.bool),
        targets=targets,
    )


def _characters(sample: Sample) -> Sequence[NDArray[np.float32]]:
    """The quadrilaterals of the characters of each word of a sample, none where they are not known."""
    return sample.characters or [np.zeros((0, 4, 2), np.float32)] * len(sample.texts)


def _texts(readable: Sequence[bool], targets: Sequence[Sequence[int]], quads: Sequence[NDArray[np.float32]]) -> Texts:
    """The words' texts: classes of the readable ones, and the quadrilaterals of the characters of all."""
    longest = max((len(target) for target in targets), default=0)
    classes = torch.zeros(len(readable), longest, dtype=torch.int64)
    places = torch.zeros(len(readable), longest, 4, 2)
    located = torch.zeros(len(readable), dtype=torch.bool)
    for word, target in zip(np.flatnonzero(readable).tolist(), targets, strict=True):
        classes[word, : len(target)] = torch.tensor(target)
        if len(quads[word]) == len(target):
            places[word, : len(target)] = torch.from_numpy(quads[word])
            located[word] = True
    return Texts(classes, places, located)
