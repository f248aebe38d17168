"""Pattern matching in a graph: finds producers and consumers of values, quantisation, plain convolutions and masks."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
"""The permutations of a map to channels last, and back."""


class View:
    """An index of a graph: producers and consumers of values, constants, and ranks where they are known."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.made_by = {name: node for node in graph.node for name in node.output}
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.shown = {value.name for value in graph.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in set(node.input):
                self.readers.setdefault(name, []).append(node)
        self.ranks = {
            value.name: len(value.type.tensor_type.shape.dim)
            for value in (*graph.value_info, *graph.input)
            if value.type.tensor_type.HasField("shape")
        }

    def maker(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The node that produces a value, if it is of this kind."""
        node = self.made_by.get(name)
        return node if node is not None and node.op_type == kind else None

    def only_reader(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The only consumer of a value, if it is of this kind and the value is not an output of the graph."""
        readers = self.readers.get(name, [])
        return readers[0] if name not in self.shown and [node.op_type for node in readers] == [kind] else None

    def array(self, name: str) -> NDArray[np.generic] | None:
        tensor = self.constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def rounded(self, name: str) -> tuple[str, tuple[str, str]] | None:
        """The input, and the scale and zero point, of the pair of QuantizeLinear and DequantizeLinear that produces a
        value."""
        back = self.maker(name, "DequantizeLinear")
        there = self.maker(back.input[0], "QuantizeLinear") if back is not None else None
        if there is None or len(there.input) < 3 or not self.constants.keys() >= set(there.input[1:]):
            return None
        numbers = [self.array(part) for part in there.input[1:]]
        if [part.size for part in numbers if part is not None and part.dtype in (np.float32, np.uint8)] != [1, 1]:
            return None
        return there.input[0], (there.input[1], there.input[2])

    def floats(self, name: str) -> str:
        """A value before it is quantised."""
        found = self.rounded(name)
        return name if found is None else found[0]


def attributes_of(node: onnx.NodeProto) -> dict[str, object]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def is_plain(node: onnx.NodeProto, window: int, group: int, strides: list[int], pads: list[int] | None = None) -> bool:
    """Whether a convolution has that kernel size, padding that keeps the size or those `pads`, and no other attribute
    that matters."""
    given = attributes_of(node)
    return (
        given.get("kernel_shape") == [window, window]
        and given.get("pads", [0] * 4) == (pads or [window // 2] * 4)
        and given.get("group", 1) == group
        and given.get("strides", [1, 1]) == strides
        and given.get("dilations", [1, 1]) == [1, 1]
        and given.get("auto_pad", b"NOTSET") == b"NOTSET"
    )


def mask_of(view: View, node: onnx.NodeProto | None) -> str | None:
    """The column mask of a product of a map and a mask."""
    names = [] if node is None else [view.floats(name) for name in node.input]
    return next((name for name in names if view.ranks.get(name) == 1), None)


def join_turned(graph: onnx.GraphProto) -> None:
    """Removes pairs of transposes to channels first and back between nodes that use channels last."""
    view = View(graph)
    for node in list(graph.node):
        if node.op_type != "Transpose" or attributes_of(node)["perm"] != LAST:
            continue
        other = view.maker(node.input[0], "Transpose")
        if other is None or attributes_of(other)["perm"] != FIRST:
            continue
        for reader in view.readers.get(node.output[0], []):
            for place, name in enumerate(reader.input):
                if name == node.output[0]:
                    reader.input[place] = other.input[0]
