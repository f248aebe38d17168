"""Fuses the stem of a recogniser into a custom operator that has a native kernel."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from spotter.export.patterns import FIRST, View, attributes_of, is_plain, join_turned, mask_of
from spotter.export.rewrites import drop_unread
from spotter.ops.interface import DOMAIN, STEM

_OUTPUTS = 24
"""The kernel supports multiples of this number of channels, and of twice this number in the first convolution."""


@dataclass(frozen=True)
class _Stem:
    """A stem found in a graph. convolutions: in order. halves, mask: the masks at strides 2 and 4 along the row. last:
    the last node, the product with `mask`."""

    convolutions: list[onnx.NodeProto]
    input: str
    halves: str
    mask: str
    last: onnx.NodeProto


def fuse_stems(graph: onnx.GraphProto) -> int:
    """Fuses five float convolutions, two of them parallel to a max pooling, and their masks into one node with channels
    last, which is transposed back after it. The model then needs the operator's body.

    Returns the number of fused stems.
    """
    view = View(graph)
    matched = [_match(view, node) for node in graph.node if node.op_type == "MaxPool"]
    found = [stem for stem in matched if stem is not None]
    if not found:
        return 0
    written = {stem.last.output[0]: _written(stem) for stem in found}
    nodes = [made for node in graph.node for made in written.get(node.output[0], [node])]
    del graph.node[:]
    graph.node.extend(nodes)
    join_turned(graph)
    drop_unread(graph)
    return len(found)


def _written(stem: _Stem) -> list[onnx.NodeProto]:
    name = stem.convolutions[0].name
    weights = [part for node in stem.convolutions for part in node.input[1:]]
    inputs = [stem.input, stem.halves, stem.mask, *weights]
    made = helper.make_node(STEM, inputs, [f"{name}.stem"], name=f"{name}.stem", domain=DOMAIN)
    made.metadata_props.extend(stem.convolutions[0].metadata_props)
    turned = helper.make_node("Transpose", [f"{name}.stem"], list(stem.last.output), name=f"{name}.turned", perm=FIRST)
    return [made, turned]


def _match(view: View, pool: onnx.NodeProto) -> _Stem | None:
    padded = view.maker(pool.input[0], "Pad")
    joined = view.only_reader(pool.output[0], "Concat")
    product = view.only_reader(joined.output[0], "Mul") if joined is not None else None
    halves = mask_of(view, product)
    if padded is None or joined is None or product is None or halves is None or not _is_window(view, pool, padded):
        return None
    if list(joined.input)[:1] != [pool.output[0]] or len(joined.input) != 2 or attributes_of(joined).get("axis") != 1:
        return None
    masked = padded.input[0]
    first = _convolution(view, masked, halves)
    wide = _convolution(view, joined.input[1], None)
    narrow = _convolution(view, wide.input[0], halves) if wide is not None else None
    join = view.only_reader(product.output[0], "Conv")
    last = view.only_reader(_rectified(view, join), "Conv")
    final = view.only_reader(_rectified(view, last), "Mul")
    mask = mask_of(view, final)
    convolutions = [first, narrow, wide, join, last]
    known = [node for node in convolutions if node is not None and len(node.input) == 3]
    if len(known) != len(convolutions) or final is None or mask is None or known[1].input[0] != masked:
        return None
    plain = (
        is_plain(known[0], 3, 1, [2, 2])
        and is_plain(known[1], 2, 1, [1, 1], [0, 0, 1, 1])
        and is_plain(known[2], 2, 1, [1, 1], [0, 0, 1, 1])
        and is_plain(known[3], 3, 1, [2, 2])
        and is_plain(known[4], 1, 1, [1, 1])
    )
    return _Stem(known, known[0].input[0], halves, mask, final) if plain and _fit(view, known) else None


def _convolution(view: View, name: str, mask: str | None) -> onnx.NodeProto | None:
    """The convolution before a ReLU and, where there is one, a mask."""
    if mask is not None:
        product = view.maker(name, "Mul")
        if product is None or mask_of(view, product) != mask:
            return None
        name = product.input[0]
    rectified = view.maker(name, "Relu")
    return view.maker(rectified.input[0], "Conv") if rectified is not None else None


def _rectified(view: View, node: onnx.NodeProto | None) -> str:
    """The output of the ReLU that is the only consumer of a convolution; empty where there is none."""
    rectified = view.only_reader(node.output[0], "Relu") if node is not None else None
    return rectified.output[0] if rectified is not None else ""


def _is_window(view: View, pool: onnx.NodeProto, padded: onnx.NodeProto) -> bool:
    """Whether a pooling is over 2x2 values, with zeros beyond the right and lower edge."""
    given = attributes_of(pool)
    pads = view.array(padded.input[1])
    return (
        given.get("kernel_shape") == [2, 2]
        and given.get("strides", [1, 1]) == [1, 1]
        and given.get("pads", [0] * 4) == [0] * 4
        and given.get("dilations", [1, 1]) == [1, 1]
        and attributes_of(padded).get("mode", b"constant") == b"constant"
        and all(not name for name in padded.input[2:])
        and np.array_equal(np.asarray(pads), [0, 0, 0, 0, 0, 0, 1, 1])
    )


def _fit(view: View, convolutions: list[onnx.NodeProto]) -> bool:
    """Whether the kernel supports their channels."""
    if not all(name in view.constants for node in convolutions for name in node.input[1:]):
        return False
    (first, pixels, *_), (narrow, *_), (wide, *_), (join, joined, *_), (last, *_) = (
        view.constants[node.input[1]].dims for node in convolutions
    )
    many = first % (2 * _OUTPUTS) == 0 and not any(outputs % _OUTPUTS for outputs in (narrow, wide, join, last))
    return many and pixels == 4 and wide == first and joined == 2 * first
