"""Does the graph say what the network says? A graph that does not is not exported."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from spotter.export.golden import GOLDEN_LINES, draw_lines
from spotter.export.graph import OUTPUTS
from spotter.model.spotter import Spotter

_PIXELS, _SCORE, _SURE = 0.5, 2e-3, 1e-2


class ParityError(RuntimeError):
    """The exported graph and the network it came from disagree."""


@dataclass(frozen=True)
class Case:
    """One batch: pictures of some size, some text or none."""

    name: str
    images: NDArray[np.uint8]
    sizes: NDArray[np.int32]


def cases(stride: int) -> list[Case]:
    """Batches of several shapes and counts, one without any word, one with pictures that fill only a part."""

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
    """Matches rows of two answers in the graph's form by picture and place; returns their number.

    Equal scores may order rows differently, so rows are matched rather than compared in turn. Raises ParityError.
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
        if abs(float(scores[row]) - float(other_scores[nearest])) > _SCORE:
            raise ParityError(f"{name}: word {row} scores {scores[row]:.4f}, in the graph {other_scores[nearest]:.4f}")
        differ = characters[row] != other_characters[nearest]
        if differ.any() and float(sureness[row][differ].max()) > 0.5 + _SURE:
            raise ParityError(f"{name}: word {row} reads otherwise in the graph")
        # Where no character is sure, only its probability tells one reader from another.
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
        found = session.run(list(OUTPUTS), {"images": case.images, "sizes": case.sizes})
        words += compare(expected, found, case.name)
    return words
