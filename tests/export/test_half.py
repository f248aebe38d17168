"""Half precision of a graph's dense part: what computes in it, and what comes out."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from spotter import OPERATORS_VERSION
from spotter.export.half import halve_precision
from spotter.ops.bodies import functions
from spotter.ops.interface import DOMAIN


def model_of() -> onnx.ModelProto:
    """x [1, 4, 8, 8] -> a convolution, its pool, samples of it at `grid`, and the sine of them."""
    rng = np.random.default_rng(2)
    tensors = {
        "weight": rng.normal(size=(4, 4, 3, 3)).astype(np.float32),
        "bias": rng.normal(size=4).astype(np.float32),
        "pads": np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64),
        "grid": rng.uniform(0, 4, (2, 2, 3, 2)).astype(np.float32),
        "index": np.zeros(2, np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["x", "weight", "bias"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["m"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Pad", ["m", "pads"], ["p"], name="pad"),
        helper.make_node("SampleRegions", ["p", "grid", "index"], ["s"], name="sample", domain=DOMAIN),
        helper.make_node("Sin", ["s"], ["y"], name="sine"),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4, 2, 3])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=functions())


def run(model: onnx.ModelProto) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(7).normal(size=(1, 4, 8, 8)).astype(np.float32)
    found: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = session.run(None, {"x": x})[0]
    return found


DENSE = ("conv", "relu", "pool", "pad")


def test_dense_nodes_weigh_and_hand_on_in_half_precision_and_the_answer_is_the_same() -> None:
    model = model_of()
    expected = run(model)
    halve_precision(model.graph, DENSE)
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert kinds.keys() == {"weight.half", "bias.half", "pads", "grid", "index"}
    assert kinds["weight.half"] == kinds["bias.half"] == TensorProto.FLOAT16
    assert [node.name for node in model.graph.node if node.op_type == "Cast"] == ["x.half", "s.float"]
    found = run(model)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-2)
    assert np.abs(found - expected).max() > 0


def test_an_output_in_half_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="would leave the graph"):
        halve_precision(model_of().graph, (*DENSE, "sine"))
