"""Rewrites of a graph that are faster in ONNX Runtime and compute the same."""

from collections.abc import Collection, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

_HALF, _ROWS, _COLUMNS, _ONE, _TWO, _ZERO = (f"rewrite.{name}" for name in ("half", "rows", "columns", "1", "2", "0"))


def _constants(graph: onnx.GraphProto, **values: object) -> None:
    present = {tensor.name for tensor in graph.initializer}
    for name, value in values.items():
        if f"rewrite.{name}" not in present:
            graph.initializer.append(numpy_helper.from_array(np.asarray(value), f"rewrite.{name}"))


def halve_by_resize(graph: onnx.GraphProto) -> int:
    """Turns each AveragePool over 2x2 values into a bilinear Resize to half the size, which reads the same four values
    with the same weights in a third of the time. Sides must be even. Returns the number of replaced nodes."""
    pools = [
        node
        for node in graph.node
        if node.op_type == "AveragePool"
        and {a.name: list(a.ints) for a in node.attribute if a.ints}.items()
        >= {"kernel_shape": [2, 2], "strides": [2, 2]}.items()
    ]
    if pools:
        _constants(graph, half=np.array([1, 1, 0.5, 0.5], np.float32))
    for node in pools:
        node.op_type = "Resize"
        node.input.extend(["", _HALF])
        del node.attribute[:]
        node.attribute.append(onnx.helper.make_attribute("mode", "linear"))
        node.attribute.append(onnx.helper.make_attribute("coordinate_transformation_mode", "half_pixel"))
    return len(pools)


def measure_rectified(graph: onnx.GraphProto) -> int:
    """Takes each Shape of a ReLU's input from its output instead, which has the same shape. The convolution before it
    then has only the ReLU as consumer and can be quantised after it. Returns the number of changed inputs."""
    shapes: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        if node.op_type == "Shape":
            shapes.setdefault(node.input[0], []).append(node)
    found = 0
    for relu in [node for node in graph.node if node.op_type == "Relu" and node.input[0] in shapes]:
        order = list(graph.node)
        first = min(order.index(shape) for shape in shapes[relu.input[0]])
        if first < order.index(relu):
            graph.node.remove(relu)
            graph.node.insert(first, relu)
        for shape in shapes[relu.input[0]]:
            shape.input[0] = relu.output[0]
            found += 1
    return found


def double_in_integers(graph: onnx.GraphProto) -> int:
    """Turns each nearest Resize to twice the size between a DequantizeLinear and a QuantizeLinear of the same scale
    into copies of the 8-bit values.

    8-bit convolutions keep channels last, where a Resize copies single values; a Gather copies all channels of a
    position at once, which is ten times as fast. Returns the number of replaced nodes.
    """
    values = {tensor.name: tensor for tensor in graph.initializer}
    found = 0
    for resize, before, after in _between_equal_roundings(graph, "Resize"):
        if numpy_helper.to_array(values[resize.input[2]]).tolist() != [1, 1, 2, 2]:
            continue
        replace(graph, (resize, after), _doubled(before.input[0], after.output[0], f"{resize.name}."), [before])
        found += 1
    if found:
        _constants(
            graph, rows=np.array(1), columns=np.array(2), **{"0": np.array(0), "1": np.array(1), "2": np.array(2)}
        )
    return found


def pad_in_integers(graph: onnx.GraphProto) -> int:
    """Turns each Pad by zeros between a DequantizeLinear and a QuantizeLinear of the same scale into a Pad of the 8-bit
    values. Returns the number of replaced nodes."""
    found = 0
    for pad, before, after in _between_equal_roundings(graph, "Pad"):
        if len(pad.input) > 2:
            continue
        made = onnx.helper.make_node(
            "Pad", [before.input[0], pad.input[1], after.input[2]], after.output, name=pad.name
        )
        made.attribute.extend(pad.attribute)
        replace(graph, (pad, after), [made], [before])
        found += 1
    return found


def normalise_at_once(graph: onnx.GraphProto) -> int:
    """Turns each Cast of bytes to float, Sub of a whole number below 256 and Div by a number into one
    DequantizeLinear, which computes the same. Returns the number of replaced nodes."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = 0
    for cast in [node for node in graph.node if node.op_type == "Cast"]:
        minus = only_reader(graph, cast.output[0], "Sub")
        divided = only_reader(graph, minus.output[0], "Div") if minus is not None else None
        if minus is None or divided is None or not {minus.input[1], divided.input[1]} <= values.keys():
            continue
        zero, deviation = float(values[minus.input[1]]), float(values[divided.input[1]])
        if zero not in range(256):
            continue
        numbers = {
            f"{cast.name}.scale": np.array(1 / deviation, np.float32),
            f"{cast.name}.zero": np.array(zero, np.uint8),
        }
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in numbers.items())
        made = onnx.helper.make_node("DequantizeLinear", [cast.input[0], *numbers], divided.output, name=cast.name)
        replace(graph, (cast, minus, divided), [made])
        found += 1
    return found


def read_floats(graph: onnx.GraphProto, rounded: Collection[str]) -> int:
    """Lets nodes that compute in float, all except the `rounded` ones, read the float output of a float node directly,
    instead of the quantised value that others need. Returns the number of changed inputs."""
    made_by = {name: node for node in graph.node for name in node.output}
    found = 0
    for node in graph.node:
        for place, name in enumerate(node.input):
            back = made_by.get(name)
            there = made_by.get(back.input[0]) if back is not None and back.op_type == "DequantizeLinear" else None
            if node.name in rounded or there is None or there.op_type != "QuantizeLinear":
                continue
            maker = made_by.get(there.input[0])
            if maker is not None and maker.name not in rounded and maker.op_type != "DequantizeLinear":
                node.input[place] = there.input[0]
                found += 1
    return found


Rounded = tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto]


def only_reader(graph: onnx.GraphProto, name: str, kind: str) -> onnx.NodeProto | None:
    """The only consumer of `name`, if it is of this kind and the value is not an output of the graph."""
    readers = [node for node in graph.node if name in node.input]
    shown = any(value.name == name for value in graph.output)
    return readers[0] if not shown and [node.op_type for node in readers] == [kind] else None


def _between_equal_roundings(graph: onnx.GraphProto, kind: str) -> list[Rounded]:
    """Nodes of a kind between a DequantizeLinear and a QuantizeLinear of the same scale: (node, before, after)."""
    made_by = {name: node for node in graph.node for name in node.output}
    values = {tensor.name: tensor for tensor in graph.initializer}
    found = []
    for node in [each for each in graph.node if each.op_type == kind]:
        before, after = made_by.get(node.input[0]), only_reader(graph, node.output[0], "QuantizeLinear")
        if before is None or before.op_type != "DequantizeLinear" or after is None:
            continue
        if _same(values, before.input[1:], after.input[1:]):
            found.append((node, before, after))
    return found


def replace(
    graph: onnx.GraphProto,
    gone: Sequence[onnx.NodeProto],
    made: Sequence[onnx.NodeProto],
    sources: Sequence[onnx.NodeProto] = (),
) -> None:
    """Replaces nodes; the new ones are inserted where the first removed one was. `sources` are also removed where
    nothing reads them any more, since ONNX Runtime would still compute them."""
    place = list(graph.node).index(gone[0])
    for offset, node in enumerate(made):
        graph.node.insert(place + offset, node)
    for node in gone:
        graph.node.remove(node)
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for node in sources:
        if node in graph.node and not read.intersection(node.output):
            graph.node.remove(node)


def drop_unread(graph: onnx.GraphProto) -> None:
    """Removes nodes and constants that nothing reads."""
    shown = {value.name for value in graph.output}
    while True:
        read = shown | {name for node in graph.node for name in _read_by(node)}
        unread = [node for node in graph.node if read.isdisjoint(node.output)]
        for node in unread:
            graph.node.remove(node)
        if not unread:
            break
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)


def _read_by(node: onnx.NodeProto) -> list[str]:
    """The values that a node and its subgraphs read."""
    inside = [each for attribute in node.attribute for each in (attribute.g, *attribute.graphs)]
    return [*node.input, *(name for graph in inside for each in graph.node for name in _read_by(each))]


def _same(values: dict[str, onnx.TensorProto], names: list[str], others: list[str]) -> bool:
    return all(
        np.array_equal(numpy_helper.to_array(values[a]), numpy_helper.to_array(values[b]))
        for a, b in zip(names, others, strict=True)
    )


def _doubled(source: str, target: str, prefix: str) -> list[onnx.NodeProto]:
    """Nodes from uint8 [B, C, H, W] to [B, C, 2H, 2W]."""

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
        return onnx.helper.make_node(kind, inputs, [output], name=output, **attributes)

    def named(name: str) -> str:
        return prefix + name

    nodes = [
        node("Transpose", [source], named("last"), perm=[0, 2, 3, 1]),
        node("Shape", [named("last")], named("shape")),
    ]
    read = named("last")
    for axis, (name, index) in enumerate((("rows", _ROWS), ("columns", _COLUMNS)), 1):
        nodes += [
            node("Gather", [named("shape"), index], named(f"{name}.count"), axis=0),
            node("Mul", [named(f"{name}.count"), _TWO], named(f"{name}.twice")),
            node("Range", [_ZERO, named(f"{name}.twice"), _ONE], named(f"{name}.range")),
            node("Div", [named(f"{name}.range"), _TWO], named(f"{name}.index")),
            node("Gather", [read, named(f"{name}.index")], named(name), axis=axis),
        ]
        read = named(name)
    return [*nodes, node("Transpose", [read], target, perm=[0, 3, 1, 2])]
