"""The parity check: a graph must read the same as the network, and a quantised graph nearly the same, or it is not
exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from spotter.export.golden import GOLDEN_LINES, draw_lines
from spotter.model.spotter import Spotter
from spotter.ops.interface import ORIENTATION, OUTPUTS

_PIXELS, _SCORE, _SURE = 0.5, 2e-3, 1e-2
_CERTAIN = (
    0.8  # of a word's least certain character; scores depend on its logarithm, so below this they may differ more
)
_SAME_PLACE = 0.5
_TYPES = (np.int32, np.float32, np.float32, np.int32, np.float32)

LEAST_AGREEMENT = 0.8
"""The share of words that a quantised graph must read the same as the one in fp32."""


class ParityError(RuntimeError):
    """The exported graph and the network it came from disagree."""


@dataclass(frozen=True)
class Case:
    """A batch of pictures of one size, with text or without."""

    name: str
    images: NDArray[np.uint8]
    sizes: NDArray[np.int32]


def cases(stride: int) -> list[Case]:
    """Batches of several shapes and sizes, one without words, and one with pictures that fill only a part of it."""

    def batch(name: str, rows: int, columns: int, texts: list[int], real: tuple[int, int] | None = None) -> Case:
        height, width = rows * stride, columns * stride
        images = np.zeros((len(texts), height, width, 3), np.uint8)
        used = real or (height, width)
        for number, size in enumerate(texts):
            lines = GOLDEN_LINES if size else ()
            images[number, : used[0], : used[1]] = draw_lines(lines, width, height, size or 12)[: used[0], : used[1]]
        return Case(name, images, np.array([used] * len(texts), np.int32))

    return [
        batch("one picture", 4, 8, [24]),
        batch("no words", 2, 3, [0]),
        batch("wide, three pictures", 3, 10, [16, 28, 20]),
        batch("tall, partly padded", 9, 5, [18, 0], (500, 300)),
        batch("smallest", 1, 1, [0, 10, 0, 14]),
    ]


def compare(expected: list[NDArray[np.generic]], found: list[NDArray[np.generic]], name: str) -> int:
    """Matches the rows of two outputs by picture and position; returns the number of rows.

    Rows with equal scores may be in another order, so rows are matched and not compared one by one. Raises ParityError.
    """
    index, polygons, scores, characters, sureness = expected
    other_index, other_polygons, other_scores, other_characters, other_sureness = found
    if len(index) != len(other_index):
        raise ParityError(f"{name}: the network finds {len(index)} words, the graph {len(other_index)}")
    free = set(range(len(other_index)))
    for row in range(len(index)):
        gaps = {
            other: float(np.abs(polygons[row].astype(np.float64) - other_polygons[other]).max())
            for other in free
            if other_index[other] == index[row]
        }
        nearest = min(gaps, key=gaps.__getitem__, default=None)
        if nearest is None or gaps[nearest] > _PIXELS:
            raise ParityError(f"{name}: word {row} is not in the graph's answer within {_PIXELS} pixels")
        free.remove(nearest)
        least = float(sureness[row][characters[row] > 0].min(initial=1))
        limit = _SCORE if least >= _CERTAIN else _SURE
        if abs(float(scores[row]) - float(other_scores[nearest])) > limit:
            raise ParityError(f"{name}: word {row} scores {scores[row]:.4f}, in the graph {other_scores[nearest]:.4f}")
        differ = characters[row] != other_characters[nearest]
        if differ.any() and float(sureness[row][differ].max()) > 0.5 + _SURE:
            raise ParityError(f"{name}: word {row} reads otherwise in the graph")
        # Where characters are uncertain, only their probabilities are compared.
        if float(np.abs(sureness[row].astype(np.float64) - other_sureness[nearest]).max(initial=0)) > _SURE:
            raise ParityError(f"{name}: word {row}'s characters are otherwise probable in the graph")
    return len(index)


def check_parity(model: Spotter, graph: Path, stride: int) -> int:
    """Runs every case through both; returns the number of words compared. Raises ParityError."""
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    words = 0
    for case in cases(stride):
        with torch.no_grad():
            expected = [value.numpy() for value in model(torch.from_numpy(case.images), torch.from_numpy(case.sizes))]
        found = session.run(None, {"images": case.images, "sizes": case.sizes})
        words += compare(expected[: len(OUTPUTS)], found[: len(OUTPUTS)], case.name)
        for one, other in zip(expected[len(OUTPUTS) :], found[len(OUTPUTS) :], strict=True):
            if one.shape != other.shape or float(np.abs(one - other).max()) > _SURE:
                raise ParityError(f"{case.name}: the graph's {ORIENTATION} is {other.tolist()}, not {one.tolist()}")
    return words


def check_form(answer: Sequence[NDArray[np.generic]], pictures: int, points: int, name: str) -> None:
    """Raises ParityError unless an output for this number of pictures has the graph's types and shapes, with polygons
    of this number of points."""
    index, *_, characters, _ = answer
    words, columns = len(index), characters.shape[-1]
    shapes = [(words,), (words, points, 2), (words,), (words, columns), (words, columns)]
    for output, value, kind, shape in zip(OUTPUTS, answer, _TYPES, shapes, strict=True):
        if value.dtype != kind or value.shape != shape:
            raise ParityError(f"{name}: {output} is {value.dtype} {list(value.shape)}")
    if words and not 0 <= int(index.min()) <= int(index.max()) < pictures:
        raise ParityError(f"{name}: a word is of none of the {pictures} pictures")


def _words(
    answer: Sequence[NDArray[np.generic]], threshold: float
) -> list[tuple[int, tuple[int, ...], NDArray[np.float64]]]:
    """(picture, classes of its characters, axis-parallel box [4]) of each word with a sufficient score."""
    index, polygons, scores, characters, _ = answer
    corners = polygons.astype(np.float64)
    boxes = np.concatenate((corners.min(1), corners.max(1)), 1)
    sure = np.flatnonzero(scores.astype(np.float64) >= threshold)
    return [(int(index[n]), tuple(characters[n][characters[n] > 0].tolist()), boxes[n]) for n in sure]


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    both = float(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod())
    return both / max(float((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()) - both, 1e-6)


def count_alike(
    expected: Sequence[NDArray[np.generic]], found: Sequence[NDArray[np.generic]], threshold: float
) -> tuple[int, int]:
    """(2 x the number of words that both outputs have with the same text and position, the total number of words of
    both)."""
    mine, others = _words(expected, threshold), _words(found, threshold)
    alike, total = 0, len(mine) + len(others)
    for picture, text, box in mine:
        same = (n for n, o in enumerate(others) if o[:2] == (picture, text) and _overlap(box, o[2]) > _SAME_PLACE)
        if (match := next(same, None)) is not None:
            others.pop(match)
            alike += 2
    return alike, total


def check_rounded(exact: Path, rounded: Path, stride: int, threshold: float) -> float:
    """Runs every case, and pictures that are only padding, through a graph in fp32 and a quantised one; returns 2 x the
    number of words that both read with the same text and position, divided by the total number of words of both.

    Raises ParityError when the quantised graph's output has another form, when it finds words in padding, when the two
    agree too little, or when neither reads anything.
    """
    first, second = (ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (exact, rounded))
    alike = total = 0
    for case in cases(stride):
        feeds = {"images": case.images, "sizes": case.sizes}
        expected = first.run(list(OUTPUTS), feeds)
        points = expected[1].shape[1]
        nothing = second.run(list(OUTPUTS), feeds | {"sizes": np.zeros_like(case.sizes)})
        check_form(nothing, len(case.images), points, case.name)
        if len(nothing[0]):
            raise ParityError(f"{case.name}: rounded, the graph sees {len(nothing[0])} words where nothing is")
        found = second.run(list(OUTPUTS), feeds)
        check_form(found, len(case.images), points, case.name)
        counts = count_alike(expected, found, threshold)
        alike, total = alike + counts[0], total + counts[1]
    if not total:
        raise ParityError("neither in fp32 nor rounded does the graph read a word: there is nothing to compare")
    if alike / total < LEAST_AGREEMENT:
        raise ParityError(f"rounded and in fp32 the graph reads only {alike / total:.0%} of the cases' words alike")
    return alike / total
