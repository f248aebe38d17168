"""Splits the graph in two: the dense part, whose shapes depend on the pictures, and the rest, whose shapes depend on
the words.

CUDA can record and replay the kernels of the dense part; see `spotter.reading.gpu`.
"""

from pathlib import Path

import onnx
import onnxruntime as ort
from onnx.utils import Extractor

from spotter.export.parity import LEAST_AGREEMENT, ParityError, cases, count_alike
from spotter.model.roles import Roles, matches
from spotter.ops.interface import DOMAIN, INPUTS, OUTPUTS, SAMPLING


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
    """Runs the parity check's cases through a graph and through its parts, one after the other; returns the number of
    words compared. In half precision a processor rounds otherwise where the graph is cut, so that a few words may read
    otherwise. Raises ParityError where the two agree too little."""
    first, second, third = (
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (whole, dense, words)
    )
    maps = [value.name for value in second.get_outputs()]
    compared = alike = total = 0
    for case in cases(stride):
        feeds = {"images": case.images, "sizes": case.sizes}
        expected = first.run(list(OUTPUTS), feeds)
        between = dict(zip(maps, second.run(maps, {"images": case.images}), strict=True))
        counts = count_alike(expected, third.run(list(OUTPUTS), feeds | between), 0.0)
        alike, total = alike + counts[0], total + counts[1]
        compared += len(expected[0])
    if total and alike / total < LEAST_AGREEMENT:
        raise ParityError(f"whole and in two parts the graph reads only {alike / total:.0%} of the cases' words alike")
    return compared
