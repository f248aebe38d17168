"""Rounded convolutions as nodes of our own: which, and that they compute the same."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from spotter.export.convolutions import name_convolutions
from spotter.export.graph import add_bodies
from spotter.ops.interface import CONVOLUTION, DOMAIN

Arrays = dict[str, NDArray[np.generic]]


def rounded(
    number: int, source: str, inputs: int, outputs: int, **attributes: object
) -> tuple[list[onnx.NodeProto], Arrays]:
    """Nodes and constants of a rounded convolution from 8 bits in `source` to 8 bits in `y{number}`."""
    rng = np.random.default_rng(number)
    given = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]} | attributes

    def name(part: str) -> str:
        return f"{part}{number}"

    window = given["kernel_shape"]
    assert isinstance(window, list)
    constants: Arrays = {
        name("xs"): np.array(np.float32(0.02)),
        name("xz"): np.array(9, np.uint8),
        name("w"): rng.integers(-60, 60, (outputs, inputs, *window)).astype(np.int8),
        name("ws"): np.full(outputs, 0.002, np.float32),
        name("wz"): np.zeros(outputs, np.int8),
        name("b"): rng.integers(-9999, 9999, outputs).astype(np.int32),
        name("bs"): np.full(outputs, 0.00004, np.float32),
        name("bz"): np.zeros(outputs, np.int32),
        name("ys"): np.array(np.float32(0.05)),
        name("yz"): np.array(100, np.uint8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", [source, name("xs"), name("xz")], [name("xf")]),
        helper.make_node("DequantizeLinear", [name("w"), name("ws"), name("wz")], [name("wf")], axis=0),
        helper.make_node("DequantizeLinear", [name("b"), name("bs"), name("bz")], [name("bf")], axis=0),
        helper.make_node("Conv", [name("xf"), name("wf"), name("bf")], [name("c")], name=name("conv"), **given),
        helper.make_node("QuantizeLinear", [name("c"), name("ys"), name("yz")], [name("y")]),
    ]
    return nodes, constants


def model_of(nodes: list[onnx.NodeProto], constants: Arrays, inputs: int, outputs: list[str]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["b", inputs, "h", "w"])],
        [
            helper.make_tensor_value_info(
                name, TensorProto.UINT8 if name[0] == "y" else TensorProto.FLOAT, list("pqrs")
            )
            for name in outputs
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model: onnx.ModelProto, x: NDArray[np.uint8]) -> list[NDArray[np.generic]]:
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(None, {"x": x})]


def test_two_in_a_row_become_two_nodes_that_compute_the_same() -> None:
    first, constants = rounded(1, "x", 8, 16)
    second, more = rounded(2, "y1", 16, 32)
    model = model_of([*first, *second], constants | more, 8, ["y2"])
    x = np.random.default_rng(0).integers(0, 256, (2, 8, 7, 9), dtype=np.uint8)
    (expected,) = run(model, x)
    assert name_convolutions(model.graph) == 2
    add_bodies(model)
    assert [node.op_type for node in model.graph.node] == ["Transpose", CONVOLUTION, "Transpose"] * 2
    assert [node.name for node in model.graph.node if node.domain == DOMAIN] == ["conv1", "conv2"]
    np.testing.assert_array_equal(run(model, x)[0], expected)
    assert len(np.unique(expected)) > 100
    assert name_convolutions(model.graph) == 0


@pytest.mark.parametrize(
    ("inputs", "outputs", "attributes"),
    [
        (12, 16, {}),
        (8, 24, {}),
        (8, 16, {"strides": [2, 2]}),
        (8, 16, {"pads": [0, 0, 0, 0]}),
        (8, 16, {"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
        (8, 16, {"kernel_shape": [1, 1], "pads": [0, 0, 0, 0]}),
        (8, 16, {"kernel_shape": [1, 3], "pads": [0, 1, 0, 1]}),
    ],
)
def test_others_stay_as_they_are(inputs: int, outputs: int, attributes: dict[str, object]) -> None:
    nodes, constants = rounded(1, "x", inputs, outputs, **attributes)
    model = model_of(nodes, constants, inputs, ["y1"])
    before = model.SerializeToString()
    assert name_convolutions(model.graph) == 0
    assert model.SerializeToString() == before


def test_floats_that_someone_reads_stay() -> None:
    """The convolution's own, which then must be made; and its input's, which are kept beside it."""
    nodes, constants = rounded(1, "x", 8, 16)
    seen = model_of(nodes, constants, 8, ["y1", "c1"])
    assert name_convolutions(seen.graph) == 0
    reader = helper.make_node("Neg", ["xf1"], ["f"])
    model = model_of([*nodes, reader], constants, 8, ["y1", "f"])
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 4, 4), dtype=np.uint8)
    expected = run(model, x)
    assert name_convolutions(model.graph) == 1
    add_bodies(model)
    for found, wanted in zip(run(model, x), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
