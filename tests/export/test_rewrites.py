"""Rewrites of a graph: the same outputs from cheaper nodes."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from spotter.export.rewrites import (
    double_in_integers,
    halve_by_resize,
    measure_rectified,
    normalise_at_once,
    pad_in_integers,
    read_floats,
)


def graph_of(nodes: list[onnx.NodeProto], **constants: object) -> onnx.ModelProto:
    """A model from float `x` [B, C, H, W] to float `y`."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("bchw")) for name in "xy"]
    graph = helper.make_graph(nodes, "graph", sides[:1], sides[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def run(model: onnx.ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, {"x": x})[0]
    return found


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def test_a_half_is_the_mean_of_four_values() -> None:
    model = graph_of([helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])])
    assert halve_by_resize(model.graph) == 1
    assert kinds(model) == ["Resize"]
    x = noise(2, 3, 6, 10)
    expected = x.reshape(2, 3, 3, 2, 5, 2).mean((3, 5))
    np.testing.assert_allclose(run(model, x), expected, atol=1e-6)


def test_a_size_is_that_of_the_rectified_map() -> None:
    def model() -> onnx.ModelProto:
        nodes = [
            helper.make_node("Neg", ["x"], ["map"]),
            helper.make_node("Shape", ["map"], ["shape"]),
            helper.make_node("Relu", ["map"], ["rectified"]),
            helper.make_node("Expand", ["rectified", "shape"], ["y"]),
        ]
        return graph_of(nodes)

    changed = model()
    assert measure_rectified(changed.graph) == 1
    assert [list(node.input) for node in changed.graph.node if node.op_type == "Shape"] == [["rectified"]]
    x = noise(2, 3, 4, 5)
    np.testing.assert_array_equal(run(changed, x), run(model(), x))
    assert measure_rectified(changed.graph) == 0


def test_other_pools_stay() -> None:
    model = graph_of([helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2])])
    assert halve_by_resize(model.graph) == 0
    assert kinds(model) == ["AveragePool"]


def rounded(*, scale_after: float = 0.1, by: float = 2.0, also_read: bool = False) -> onnx.ModelProto:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("Resize", ["d", "", "by"], ["r"], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor", name="up"),
        helper.make_node("QuantizeLinear", ["r", "after", "zero"], ["q2"]),
        helper.make_node("DequantizeLinear", ["q2", "after", "zero"], ["d2"]),
        helper.make_node("Add", ["d2", "more"], ["y"]),
    ]  # fmt: skip
    if also_read:
        nodes[-1:] = [helper.make_node("ReduceMax", ["d"], ["most"]), helper.make_node("Add", ["d2", "most"], ["y"])]
    return graph_of(
        nodes,
        scale=np.float32(0.1),
        after=np.float32(scale_after),
        zero=np.uint8(100),
        by=np.array([1, 1, by, by], np.float32),
        more=np.float32(0.5),
    )


@pytest.mark.parametrize("also_read", [False, True])
def test_a_map_is_doubled_in_its_eight_bits(also_read: bool) -> None:
    model, x = rounded(also_read=also_read), noise(2, 5, 3, 4)
    expected = run(model, x)
    assert double_in_integers(model.graph) == 1
    assert "Resize" not in kinds(model)
    assert kinds(model).count("DequantizeLinear") == 1 + also_read  # none is left that nobody reads
    np.testing.assert_array_equal(run(model, x), expected)
    np.testing.assert_array_equal(run(model, noise(1, 2, 7, 2)), run(rounded(also_read=also_read), noise(1, 2, 7, 2)))


@pytest.mark.parametrize("changed", [{"scale_after": 0.2}, {"by": 3.0}])
def test_a_map_that_is_rounded_otherwise_or_grows_otherwise_stays(changed: dict[str, float]) -> None:
    model = rounded(**changed)  # type: ignore[arg-type]
    assert double_in_integers(model.graph) == 0
    assert "Resize" in kinds(model)


def test_float_nodes_read_what_a_float_node_made() -> None:
    nodes = [
        helper.make_node("Sin", ["x"], ["s"], name="float"),
        helper.make_node("QuantizeLinear", ["s", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("Relu", ["d"], ["r"], name="integer"),
        helper.make_node("Cos", ["d"], ["c"], name="reader"),
        helper.make_node("Add", ["r", "c"], ["y"], name="both"),
    ]
    model = graph_of(nodes, scale=np.float32(0.5), zero=np.uint8(100))
    assert read_floats(model.graph, {"integer"}) == 1
    inputs = {node.name: list(node.input) for node in model.graph.node}
    assert (inputs["reader"], inputs["integer"]) == (["s"], ["d"])
    x = noise(1, 2, 3, 4)
    sine = np.sin(x)
    coarse = np.maximum(np.round(sine / 0.5) * 0.5, 0)
    np.testing.assert_allclose(run(model, x), coarse + np.cos(sine), atol=1e-6)


@pytest.mark.parametrize(("zero", "scale_after", "padded"), [(100, 0.1, 1), (0, 0.1, 1), (100, 0.2, 0)])
def test_a_map_is_padded_in_its_eight_bits(zero: int, scale_after: float, padded: int) -> None:
    def model() -> onnx.ModelProto:
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
            helper.make_node("Pad", ["d", "pads"], ["p"], name="pad"),
            helper.make_node("QuantizeLinear", ["p", "after", "zero"], ["q2"]),
            helper.make_node("DequantizeLinear", ["q2", "after", "zero"], ["y"]),
        ]
        numbers = {"scale": np.float32(0.1), "after": np.float32(scale_after), "zero": np.uint8(zero)}
        return graph_of(nodes, pads=np.array([0, 0, 1, 0, 0, 0, 0, 2]), **numbers)

    changed, x = model(), noise(1, 2, 3, 4)
    assert pad_in_integers(changed.graph) == padded
    assert kinds(changed).count("DequantizeLinear") == 2 - padded
    found = run(changed, x)
    np.testing.assert_array_equal(found, run(model(), x))
    assert found.shape == (1, 2, 4, 6)
    assert not found[:, :, 0].any()
    assert not found[..., 4:].any()


@pytest.mark.parametrize(
    ("mean", "by", "once"), [(128.0, 64.0, 1), (0.0, 255.0, 1), (127.5, 64.0, 0), (256.0, 64.0, 0)]
)
def test_pixels_are_normalised_at_once(mean: float, by: float, once: int) -> None:
    def model() -> onnx.ModelProto:
        nodes = [
            helper.make_node("Cast", ["x"], ["bytes"], to=TensorProto.UINT8),
            helper.make_node("Cast", ["bytes"], ["float"], to=TensorProto.FLOAT, name="cast"),
            helper.make_node("Sub", ["float", "mean"], ["around"]),
            helper.make_node("Div", ["around", "by"], ["y"]),
        ]
        return graph_of(nodes, mean=np.float32(mean), by=np.float32(by))

    changed = model()
    assert normalise_at_once(changed.graph) == once
    assert ("DequantizeLinear" in kinds(changed)) == bool(once)
    x = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16)
    np.testing.assert_allclose(run(changed, x), (x - mean) / by, rtol=1e-6)


def test_pixels_that_someone_else_reads_halfway_are_normalised_in_steps() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["bytes"], to=TensorProto.UINT8),
        helper.make_node("Cast", ["bytes"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["float", "mean"], ["around"]),
        helper.make_node("Div", ["around", "mean"], ["d"]),
        helper.make_node("Add", ["around", "d"], ["y"]),
    ]
    assert normalise_at_once(graph_of(nodes, mean=np.float32(128)).graph) == 0
