"""Matches predictions with true words by the protocol of the ICDAR 2015 contest on incidental text.

Karatzas et al., "ICDAR 2015 Competition on Robust Reading", and the contest's own scoring script:

- ignored regions (`###`) never count as missed;
- a prediction that lies in such a region with more than half of its own area is dropped;
- a true word takes the first prediction left, in their given order, whose IoU with it is above 0.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import STRtree, make_valid
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from spotter.training.data.annotations import Annotation
from spotter.training.prediction import Prediction

IOU = 0.5
COVERED = 0.5
EDGE_MARKS = "!?.:,*\"()·[]/'"  # the marks that the contest forgives at either end of a true word


@dataclass(frozen=True)
class Overlaps:
    """Overlaps of G true regions with D predictions.

    iou: float64 [G, D]. covered: float64 [G, D], the part of the prediction's own area inside the region.
    """

    iou: NDArray[np.float64]
    covered: NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """pairs: (true index, prediction index). truths, predictions: the indices that count."""

    pairs: list[tuple[int, int]]
    truths: list[int]
    predictions: list[int]


def shape(polygon: NDArray[np.float32]) -> BaseGeometry:
    """The area that a polygon [P, 2] encloses; a self-intersecting polygon is repaired."""
    area: BaseGeometry = Polygon(polygon)
    return area if area.is_valid else make_valid(area)


def overlaps(truths: Sequence[Annotation], predictions: Sequence[Prediction]) -> Overlaps:
    """The overlaps of all regions with all predictions; a shape without area overlaps nothing."""
    iou = np.zeros((len(truths), len(predictions)))
    covered = np.zeros_like(iou)
    shapes = [shape(prediction.polygon) for prediction in predictions]
    tree = STRtree(shapes)
    for g, truth in enumerate(truths):
        region = shape(truth.polygon)
        for d in tree.query(region).tolist():
            common = region.intersection(shapes[d]).area
            if common > 0:
                iou[g, d] = common / (region.area + shapes[d].area - common)
                covered[g, d] = common / shapes[d].area
    return Overlaps(iou, covered)


def match(
    ignored: Sequence[bool], found: Overlaps, keep: NDArray[np.bool_] | None = None, iou: float = IOU
) -> Matching:
    """Pairs true words with predictions.

    ignored: for each true region whether it is ignored.
    keep: bool [D], which predictions take part (by default all), e.g. those above a threshold.
    iou: the IoU that a pair must exceed; by default the contest's 0.5.
    """
    count = found.iou.shape[1]
    hidden = np.asarray(ignored, np.bool_)
    free = np.ones(count, np.bool_) if keep is None else keep.copy()
    free &= ~(found.covered[hidden] > COVERED).any(0)
    truths = np.flatnonzero(~hidden).tolist()
    predictions = np.flatnonzero(free).tolist()
    pairs = []
    for g in truths:
        candidates = np.flatnonzero(free & (found.iou[g] > iou))
        if len(candidates):
            pairs.append((g, int(candidates[0])))
            free[candidates[0]] = False
    return Matching(pairs, truths, predictions)


def same_text(truth: str, reading: str) -> bool:
    """Whether the texts are equal, ignoring case."""
    return truth.upper() == reading.upper()


def same_text_leniently(truth: str, reading: str) -> bool:
    """Whether the texts are equal by the rule of the contest's script: one mark at the true word's start, its end, or
    both may be missing."""
    truth, reading = truth.upper(), reading.upper()
    if truth == reading:
        return True
    first = bool(truth) and truth[0] in EDGE_MARKS
    last = bool(truth) and truth[-1] in EDGE_MARKS
    return (
        (first and truth[1:] == reading)
        or (last and truth[:-1] == reading)
        or (first and last and truth[1:-1] == reading)
    )
