"""Converts the graph's dense part to half precision, for GPUs: a mantissa of 10 bits is enough for maps, but not for
coordinates."""

from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from spotter.ops.interface import DOMAIN, SAMPLING

_ALL_MAPS = ("Conv", "Add", "Concat", "Mul", "Relu")
"""Operators all of whose inputs have the type of the computation; in others only the first one has it, and the rest are
shapes, scales and indices."""


def halve_precision(graph: onnx.GraphProto, nodes: Collection[str]) -> None:
    """Converts the named nodes to float16; the custom operators sample their float16 output.

    Their weights are stored in float16, and a Cast is inserted wherever a map enters or leaves them. On a device
    without float16 ONNX Runtime computes in float.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    halves: set[str] = set()
    stored: dict[str, str] = {}
    cast: dict[tuple[str, int], str] = {}
    rewritten: list[onnx.NodeProto] = []

    def as_type(name: str, kind: int) -> str:
        if (name, kind) not in cast:
            cast[name, kind] = f"{name}.{'half' if kind == TensorProto.FLOAT16 else 'float'}"
            rewritten.append(onnx.helper.make_node("Cast", [name], [cast[name, kind]], name=cast[name, kind], to=kind))
        return cast[name, kind]

    def as_half(name: str) -> str:
        if name in halves or (name in weights and weights[name].data_type != TensorProto.FLOAT):
            return name
        if name not in weights:
            return as_type(name, TensorProto.FLOAT16)
        if name not in stored:
            stored[name] = f"{name}.half"
            values = numpy_helper.to_array(weights[name]).astype(np.float16)
            graph.initializer.append(numpy_helper.from_array(values, stored[name]))
        return stored[name]

    for node in graph.node:
        samples = node.domain == DOMAIN and node.op_type in SAMPLING and node.input[0] in halves
        if node.name in nodes:
            places = [0, 2] if node.op_type == "Pad" else None if node.op_type in _ALL_MAPS else [0]
            for place, name in enumerate(node.input):
                if name and (places is None or place in places):
                    node.input[place] = as_half(name)
            halves.update(node.output)
        elif samples:
            halves.update(node.output)
        else:
            for place, name in enumerate(node.input):
                if name in halves:
                    node.input[place] = as_type(name, TensorProto.FLOAT)
        rewritten.append(node)
    outputs = {value.name for value in graph.output}
    if not halves.isdisjoint(outputs):
        raise ValueError(f"{sorted(halves & outputs)} would leave the graph in half precision")
    kept = {name for node in rewritten for name in node.input}
    initializers = [tensor for tensor in graph.initializer if tensor.name in kept]
    known = [value for value in graph.value_info if value.name not in halves]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(rewritten)
    graph.initializer.extend(initializers)
    graph.value_info.extend(known)
