"""The recogniser's beginning as a node of our own: where, and that it computes the same."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from spotter.export.graph import add_bodies
from spotter.export.stems import fuse_stems
from spotter.ops.interface import STEM
from tests.ops.test_stem import constants_of, feeds_of

WINDOWS = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}
NARROW = {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}


def model_of(
    first: int = 48, shown: str = "", order: tuple[str, str] = ("p", "r3"), pool: int = 2, mask: str = "halves"
) -> onnx.ModelProto:
    """A stem as the exporter writes it. shown: another output; order: of what is joined; pool: sides of the pooling's
    window; mask: of what is joined."""
    constants: dict[str, NDArray[np.generic]] = constants_of(first, first) | {
        "pads": np.array([0, 0, 0, 0, 0, 0, pool - 1, pool - 1], np.int64)
    }

    def convolution(number: int, source: str, **attributes: object) -> onnx.NodeProto:
        inputs = [source, f"w{number}", f"b{number}"]
        return helper.make_node("Conv", inputs, [f"c{number}"], name=f"conv{number}", **attributes)

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [output], **attributes)

    nodes = [
        convolution(1, "x", **WINDOWS),
        node("Relu", ["c1"], "r1"),
        node("Mul", ["r1", "halves"], "s"),
        node("Pad", ["s", "pads"], "padded"),
        node("MaxPool", ["padded"], "p", kernel_shape=[pool, pool]),
        convolution(2, "s", **NARROW),
        node("Relu", ["c2"], "r2"),
        node("Mul", ["r2", "halves"], "a"),
        convolution(3, "a", **NARROW),
        node("Relu", ["c3"], "r3"),
        node("Concat", list(order), "both", axis=1),
        node("Mul", ["both", mask], "joined"),
        convolution(4, "joined", **WINDOWS),
        node("Relu", ["c4"], "r4"),
        convolution(5, "r4", kernel_shape=[1, 1]),
        node("Relu", ["c5"], "r5"),
        node("Mul", ["r5", "mask"], "y"),
    ]
    shapes = {"x": [1, 4, "h", "w"], "halves": ["k"], "mask": ["l"], "other": ["k"]}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("pqrs")) for name in filter(None, ("y", shown))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model: onnx.ModelProto) -> list[NDArray[np.float32]]:
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = feeds_of(1, 3, 9)
    found = session.run(None, feeds | {"other": feeds["halves"]})
    return [np.asarray(value, np.float32) for value in found]


def test_five_convolutions_become_one_node_that_computes_the_same() -> None:
    model = model_of()
    (expected,) = run(model)
    assert fuse_stems(model.graph) == 1
    add_bodies(model)
    assert [node.op_type for node in model.graph.node] == [STEM, "Transpose"]
    np.testing.assert_allclose(run(model)[0], expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.1
    assert fuse_stems(model.graph) == 0


def test_what_someone_else_reads_is_made_beside_it() -> None:
    model = model_of(shown="s")
    expected = run(model)
    assert fuse_stems(model.graph) == 1
    add_bodies(model)
    for found, wanted in zip(run(model), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        model_of(first=24),
        model_of(order=("r3", "p")),
        model_of(pool=3),
        model_of(mask="other"),
        model_of(shown="r4"),
        model_of(shown="both"),
        model_of(shown="c5"),
    ],
)
def test_others_stay_as_they_are(model: onnx.ModelProto) -> None:
    before = model.SerializeToString()
    assert fuse_stems(model.graph) == 0
    assert model.SerializeToString() == before
