"""Splits the graph in two: the dense part, whose shapes depend on the pictures, and the rest, whose shapes depend on
the words.

CUDA can record and replay the kernels of the dense part; see `spotter.reading.gpu`.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx.utils import Extractor

from spotter.export.parity import ParityError, cases
from spotter.model.roles import Roles, matches
from spotter.ops.interface import DOMAIN, INPUTS, OUTPUTS, SAMPLING

_ROUNDING = 0.01  # of a map's largest value


def maps_between(graph: onnx.GraphProto, roles: Roles) -> list[str]:
    """The outputs of the dense part of a network's graph: the detector's maps, and the maps from which patches are
    sampled, unless these are sampled from the picture itself. roles: of the network's weights. Raises ValueError where
    the graph has no detector."""
    learnt = _learnt(graph)
    sampled = [
        node.input[0]
        for node in graph.node
        if node.domain == DOMAIN and node.op_type in SAMPLING and node.input[0] in learnt
    ]
    last = [
        node.output[0]
        for node in graph.node
        if node.op_type == "Conv" and any(matches(name, roles.last) for name in node.input)
    ]
    if not last:
        raise ValueError("the graph has no detector: it cannot be cut behind it")
    return [*dict.fromkeys(sampled), *last]


def _learnt(graph: onnx.GraphProto) -> set[str]:
    """The names of the values that depend on a convolution."""
    found: set[str] = set()
    for node in graph.node:
        if node.op_type == "Conv" or not found.isdisjoint(node.input):
            found.update(node.output)
    return found


def split(graph: Path, dense: Path, words: Path, roles: Roles) -> None:
    """Writes the two parts of a network's graph: `images` -> maps, and `images`, `sizes` and the maps -> rows. roles:
    of the network's weights."""
    model = onnx.shape_inference.infer_shapes(onnx.load(str(graph)))  # an input must state its type
    maps = maps_between(model.graph, roles)
    extractor = Extractor(model)
    for path, inputs, outputs in ((dense, ["images"], maps), (words, [*INPUTS, *maps], list(OUTPUTS))):
        part = extractor.extract_model(inputs, outputs)
        onnx.checker.check_model(part, full_check=False)
        onnx.save(part, str(path))


def check_parts(whole: Path, dense: Path, words: Path, stride: int) -> int:
    """Runs the parity check's cases through a graph and through its parts; returns the number of words compared.

    From the maps of the whole graph, the second part must compute its answer to the last bit. The first part's maps may
    differ by the rounding of half precision: a processor casts the pixels otherwise in a graph in which the recogniser
    reads them, too. Raises ParityError where the parts differ by more.
    """
    second, third = (ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (dense, words))
    maps = [value.name for value in second.get_outputs()]
    model = onnx.load(str(whole))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in maps)
    first = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    compared = 0
    for case in cases(stride):
        feeds = {"images": case.images, "sizes": case.sizes}
        answer = first.run([*OUTPUTS, *maps], feeds)
        rows, between = answer[: len(OUTPUTS)], answer[len(OUTPUTS) :]
        found = third.run(list(OUTPUTS), feeds | dict(zip(maps, between, strict=True)))
        if not (
            all(map(np.array_equal, rows, found))
            and all(map(_nearly_equal, between, second.run(maps, {"images": case.images})))
        ):
            raise ParityError(f"{case.name}: in two parts the graph answers otherwise")
        compared += len(rows[0])
    return compared


def _nearly_equal(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    first, second = one.astype(np.float32), other.astype(np.float32)
    return bool(np.abs(first - second).max() <= _ROUNDING * np.abs(first).max())
