"""Fuses the blocks of a recogniser into custom operators that have native kernels (see `spotter.ops.bodies`)."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from spotter.export.patterns import FIRST, LAST, View, attributes_of, is_plain, join_turned, mask_of
from spotter.export.rewrites import drop_unread
from spotter.ops.interface import BLOCK, COLUMNS, DOMAIN, HALVING_BLOCK

LANES = 16
"""The kernel supports multiples of this number of channels."""


@dataclass(frozen=True)
class _Matrix:
    """A quantised 1x1 convolution: weights int8 [inputs, outputs], and floats [outputs]."""

    weights: NDArray[np.generic]
    scale: NDArray[np.generic]
    bias: NDArray[np.generic]


@dataclass(frozen=True)
class _Block:
    """The parts of a graph that become one node. input: the float input of the depthwise convolution. mask: the mask by
    which the result is multiplied (`masked`), or a mask that only gives the shape of a tensor of ones. factors: [W, C],
    of a block with squeeze-and-excitation, with its means."""

    input: str
    mask: str
    masked: bool
    result: str
    seen: onnx.NodeProto
    last: onnx.NodeProto
    residual: bool
    up: _Matrix
    down: _Matrix
    roundings: tuple[tuple[str, str], ...]
    factors: str | None = None
    means: "_Means | None" = None


@dataclass(frozen=True)
class _Means:
    """The means [U, C] of a block with squeeze-and-excitation: the name of the value, and the columns in one unit."""

    result: str
    columns: int


def fuse_blocks(graph: onnx.GraphProto) -> int:
    """Fuses each depthwise 3x3 convolution of masked maps, the two quantised 1x1 ones after it with GELU between them,
    and their squeeze-and-excitation, into one or two nodes with channels last; maps are transposed before the first of
    consecutive blocks and after the last. The model then needs the operators' bodies.

    Returns the number of fused blocks.
    """
    view = View(graph)
    matched = (_match(view, node) for node in graph.node if node.op_type == "Gelu")
    found = [block for block in matched if block is not None]
    if not found:
        return 0
    written: dict[str, list[onnx.NodeProto]] = {}  # new nodes by the output of the node that they replace or precede
    gone: set[str] = set()
    for block in found:
        early, late = _written(graph, block)
        written.setdefault(block.seen.output[0], []).extend(early)
        written.setdefault(block.last.output[0], []).extend(late)
        gone |= {block.last.output[0]} | ({block.means.result} if block.means is not None else set())
    nodes = []
    for node in graph.node:
        nodes += written.get(node.output[0], [])
        if node.output[0] not in gone:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    join_turned(graph)
    drop_unread(graph)
    return len(found)


def _matrix(view: View, node: onnx.NodeProto | None) -> _Matrix | None:
    if node is None or not is_plain(node, 1, 1, [1, 1]) or len(node.input) != 3:
        return None
    found = []
    for name in node.input[1:]:
        back = view.maker(name, "DequantizeLinear")
        parts = [view.array(part) for part in back.input] if back is not None else []
        known = [part for part in parts if part is not None]
        if len(parts) != 3 or len(known) != 3 or np.any(known[2]):
            return None
        found.append(known)
    (weights, scale, _), (bias, bias_scale, _) = found
    if weights.dtype != np.int8 or weights.ndim != 4 or any(side % LANES for side in weights.shape[:2]):
        return None
    outputs = len(weights)
    spread = np.broadcast_to(scale.astype(np.float32), outputs)
    offset = (bias.astype(np.float64) * bias_scale.astype(np.float64)).astype(np.float32)
    return _Matrix(np.ascontiguousarray(weights[:, :, 0, 0].T), spread, np.broadcast_to(offset, outputs))


def _match(view: View, gelu: onnx.NodeProto) -> _Block | None:
    middle = view.rounded(gelu.input[0])
    if middle is None or attributes_of(gelu).get("approximate", b"none") != b"none":
        return None
    up_node = view.maker(middle[0], "Conv")
    there = view.only_reader(gelu.output[0], "QuantizeLinear")
    back = view.only_reader(there.output[0], "DequantizeLinear") if there is not None else None
    down_node = view.only_reader(back.output[0], "Conv") if back is not None else None
    up, down = _matrix(view, up_node), _matrix(view, down_node)
    if up is None or down is None or up_node is None or down_node is None:
        return None
    given, after = view.rounded(up_node.input[0]), view.rounded(down_node.input[0])
    seen = _seen(view, given[0]) if given is not None else None
    if given is None or after is None or seen is None:
        return None
    convolution, factors, means = seen
    residual = attributes_of(convolution).get("strides", [1, 1]) == [1, 1]
    last = _last(view, down_node, given[0] if residual else None)
    source = view.floats(convolution.input[0])
    mask = mask_of(view, view.maker(source, "Mul"))
    if last is None or mask is None or (residual and down.weights.shape[1] != up.weights.shape[0]):
        return None
    multiplied = view.only_reader(last.output[0], "Mul")
    masked = multiplied is not None and mask_of(view, multiplied) == mask
    if masked and multiplied is not None:
        last = multiplied
    return _Block(
        source, mask, masked, last.output[0], convolution, last, residual, up, down, (given[1], middle[1], after[1]),
        factors, means,
    )  # fmt: skip


def _seen(view: View, name: str) -> tuple[onnx.NodeProto, str | None, _Means | None] | None:
    """The depthwise convolution that computes a map, and in a block with squeeze-and-excitation the factors and the
    means."""
    product = view.maker(name, "Mul")
    made = product.input[0] if product is not None else name
    node = view.maker(made, "Conv")
    weights = view.constants.get(node.input[1]) if node is not None and len(node.input) == 3 else None
    if node is None or weights is None or node.input[2] not in view.constants:
        return None
    channels = weights.dims[0]
    strides = [[1, 1]] if product is not None else [[1, 1], [2, 1]]
    if channels % LANES or list(weights.dims) != [channels, 1, 3, 3]:
        return None
    if not any(is_plain(node, 3, channels, each) for each in strides):
        return None
    if product is None:
        return node, None, None
    spread = view.maker(product.input[1], "Unsqueeze")
    turned = view.maker(spread.input[0], "Transpose") if spread is not None else None
    if spread is None or turned is None or attributes_of(turned).get("perm") != [1, 0]:
        return None
    means = _means(view, made, product)
    if means is None or not np.array_equal(np.asarray(view.array(spread.input[1])), [0, 2]):
        return None
    return node, turned.input[0], means


def _means(view: View, made: str, product: onnx.NodeProto) -> _Means | None:
    """The means [U, C] of each unit of a map with squeeze-and-excitation, where only the product with its factors reads
    the map otherwise."""
    others = [node for node in view.readers.get(made, []) if node is not product]
    if made in view.shown or [node.op_type for node in others] != ["Reshape"]:
        return None
    shape = view.array(others[0].input[1])
    mean = view.only_reader(others[0].output[0], "ReduceMean")
    picked = view.only_reader(mean.output[0], "Gather") if mean is not None else None
    turned = view.only_reader(picked.output[0], "Transpose") if picked is not None else None
    if shape is None or shape.size != 5 or mean is None or picked is None or turned is None:
        return None
    good = (
        np.array_equal(np.asarray(view.array(mean.input[1])), [2, 4])
        and attributes_of(mean).get("keepdims", 1) == 0
        and attributes_of(picked).get("axis", 0) == 0
        and np.array_equal(np.asarray(view.array(picked.input[1])), 0)
        and attributes_of(turned).get("perm") == [1, 0]
    )
    return _Means(turned.output[0], int(shape[4])) if good and shape[0] == 1 and shape[4] > 0 else None


def _last(view: View, down: onnx.NodeProto, base: str | None) -> onnx.NodeProto | None:
    """The node that adds the matrices' output to the base, or the one of the output where there is no base."""
    there = view.only_reader(down.output[0], "QuantizeLinear")
    back = view.only_reader(there.output[0], "DequantizeLinear") if there is not None else None
    if back is None:
        return None
    if base is None:
        return back
    total = view.only_reader(back.output[0], "Add")
    return total if total is not None and {*total.input} == {base, back.output[0]} else None


def _written(graph: onnx.GraphProto, block: _Block) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    """The nodes of a fused block: those that replace the convolution, and those that replace the last node. Its
    constants are added to the graph."""
    name = block.seen.name
    channels = block.up.weights.shape[0]

    def constant(part: str, value: NDArray[np.generic]) -> str:
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), f"{name}.{part}"))
        return f"{name}.{part}"

    before = f"{name}.before"
    early = [helper.make_node("Transpose", [block.input], [before], name=before, perm=LAST)]
    if block.means is not None:
        inputs = [before, *block.seen.input[1:]]
        by_unit = constant("by_unit", np.array([-1, block.means.columns, channels], np.int64))
        early += [
            helper.make_node(
                COLUMNS, inputs, [f"{name}.columns"], name=f"{name}.columns", domain=DOMAIN, channels=channels
            ),
            helper.make_node("Reshape", [f"{name}.columns", by_unit], [f"{name}.units"], name=f"{name}.units"),
            helper.make_node(
                "ReduceMean", [f"{name}.units", constant("axis", np.array([1], np.int64))], [block.means.result],
                name=f"{name}.means", keepdims=0,
            ),
        ]  # fmt: skip
    late = []
    mask = block.mask
    if not block.masked:
        mask = f"{name}.ones"
        late += [
            helper.make_node("Shape", [block.mask], [f"{name}.size"], name=f"{name}.size"),
            helper.make_node(
                "ConstantOfShape", [f"{name}.size"], [mask], name=mask,
                value=numpy_helper.from_array(np.ones(1, np.float32)),
            ),
        ]  # fmt: skip
    factors = block.factors or constant("factors", np.ones((1, 1), np.float32))
    inner, middle, gelu = block.roundings
    inputs = [before, mask, factors, *block.seen.input[1:], *inner]
    for part, matrix, rounding in (("up", block.up, (*middle, *gelu)), ("down", block.down, ())):
        inputs += [
            constant(part, matrix.weights),
            constant(f"{part}_scale", matrix.scale),
            constant(f"{part}_bias", matrix.bias),
            *rounding,
        ]
    kind = BLOCK if block.residual else HALVING_BLOCK
    made = helper.make_node(kind, inputs, [f"{name}.after"], name=name, domain=DOMAIN, channels=channels)
    made.metadata_props.extend(block.seen.metadata_props)
    late += [
        made,
        helper.make_node("Transpose", [f"{name}.after"], [block.result], name=f"{name}.after", perm=FIRST),
    ]
    return early, late
