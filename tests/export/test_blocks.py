"""A recogniser's blocks as nodes of our own: which, and that they compute the same."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from spotter.export.blocks import fuse_blocks
from spotter.export.graph import add_bodies
from spotter.ops.interface import BLOCK, DOMAIN, HALVING_BLOCK

Arrays = dict[str, NDArray[np.generic]]
Nodes = list[onnx.NodeProto]


def rounding(source: str, scale: float, zero: int) -> tuple[Nodes, Arrays]:
    """To 8 bits and back: `source.f`."""
    numbers = [f"{source}.s", f"{source}.z"]
    nodes = [
        helper.make_node("QuantizeLinear", [source, *numbers], [f"{source}.q"]),
        helper.make_node("DequantizeLinear", [f"{source}.q", *numbers], [f"{source}.f"]),
    ]
    return nodes, {numbers[0]: np.array(scale, np.float32), numbers[1]: np.array(zero, np.uint8)}


def matrix(name: str, source: str, inputs: int, outputs: int, seed: int) -> tuple[Nodes, Arrays]:
    """A 1x1 convolution of small 8-bit weights from `source` to `name`."""
    rng = np.random.default_rng(seed)
    constants: Arrays = {
        f"{name}.w": rng.integers(-60, 61, (outputs, inputs, 1, 1)).astype(np.int8),
        f"{name}.ws": rng.uniform(0.001, 0.003, outputs).astype(np.float32),
        f"{name}.wz": np.zeros(outputs, np.int8),
        f"{name}.b": rng.integers(-9999, 9999, outputs).astype(np.int32),
        f"{name}.bs": np.full(outputs, 0.00004, np.float32),
        f"{name}.bz": np.zeros(outputs, np.int32),
    }
    nodes = [
        helper.make_node("DequantizeLinear", [f"{name}.{part}" for part in parts], [f"{name}.{parts[0]}f"], axis=0)
        for parts in (("w", "ws", "wz"), ("b", "bs", "bz"))
    ]
    nodes.append(helper.make_node("Conv", [source, f"{name}.wf", f"{name}.bf"], [name], kernel_shape=[1, 1]))
    return nodes, constants


def block(number: int, source: str, channels: int, outputs: int, **changed: object) -> tuple[Nodes, Arrays]:
    """From the masked `source` to the masked `y{number}`; changed: attributes of the convolution, and of the GELU."""

    def name(part: str) -> str:
        return f"{part}{number}"

    bend = {"approximate": changed.pop("approximate", "none")}
    given = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1], "group": channels} | changed
    rng = np.random.default_rng(number)
    constants: Arrays = {
        name("w"): rng.normal(0, 0.3, (channels, 1, 3, 3)).astype(np.float32),
        name("b"): rng.normal(0, 0.3, channels).astype(np.float32),
    }
    residual = given["strides"] == [1, 1]
    parts = [
        ([helper.make_node("Conv", [source, name("w"), name("b")], [name("d")], name=name("block"), **given)], {}),
        rounding(name("d"), 0.02, 120),
        matrix(name("m"), f"{name('d')}.f", channels, 2 * channels, number),
        rounding(name("m"), 0.03, 130),
        ([helper.make_node("Gelu", [f"{name('m')}.f"], [name("g")], **bend)], {}),
        rounding(name("g"), 0.02, 9),
        matrix(name("o"), f"{name('g')}.f", 2 * channels, outputs, number + 50),
        rounding(name("o"), 0.01, 128),
    ]
    nodes = [node for made, _ in parts for node in made]
    for _, found in parts:
        constants |= found
    if residual:
        nodes.append(helper.make_node("Add", [name("d"), f"{name('o')}.f"], [name("s")]))
    nodes.append(helper.make_node("Mul", [name("s") if residual else f"{name('o')}.f", "mask"], [name("y")]))
    return nodes, constants


def model_of(nodes: Nodes, constants: Arrays, channels: int, outputs: list[str], mask_rank: int = 1) -> onnx.ModelProto:
    """Of the map x, which is masked first."""
    first = helper.make_node("Mul", ["x", "mask"], ["y0"])
    graph = helper.make_graph(
        [first, *nodes],
        "graph",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, "h", "w"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, list("klmw")[-mask_rank:]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("pqrs")) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model: onnx.ModelProto, channels: int) -> list[NDArray[np.float32]]:
    onnx.checker.check_model(model)
    rng = np.random.default_rng(0)
    feeds = {
        "x": rng.normal(0, 1, (1, channels, 6, 21)).astype(np.float32),
        "mask": (rng.random(21) < 0.8).astype(np.float32),
    }
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(value, np.float32) for value in session.run(None, feeds)]


def near(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """What the last matrix makes is no longer rounded to hundredths, which the next block passes on."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 0.006
    assert np.abs(found - expected).max() < 0.1
    assert expected.std() > 0.1


def test_blocks_in_a_row_become_a_row_of_nodes_that_compute_the_same() -> None:
    first, constants = block(1, "y0", 16, 16)
    second, more = block(2, "y1", 16, 32, strides=[2, 1])
    third, rest = block(3, "y2", 32, 32)
    model = model_of([*first, *second, *third], constants | more | rest, 16, ["y3"])
    (expected,) = run(model, 16)
    assert fuse_blocks(model.graph) == 3
    add_bodies(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["Mul", "Transpose", BLOCK, HALVING_BLOCK, BLOCK, "Transpose"]
    assert [node.name for node in model.graph.node if node.domain == DOMAIN] == ["block1", "block2", "block3"]
    near(run(model, 16)[0], expected)
    assert fuse_blocks(model.graph) == 0


def test_what_is_not_masked_behind_a_block_keeps_its_gaps() -> None:
    nodes, constants = block(1, "y0", 16, 16)
    model = model_of([*nodes[:-1], helper.make_node("Neg", ["s1"], ["y1"])], constants, 16, ["y1"])
    (expected,) = run(model, 16)
    assert fuse_blocks(model.graph) == 1
    add_bodies(model)
    near(run(model, 16)[0], expected)


def test_sums_that_someone_else_reads_stay() -> None:
    nodes, constants = block(1, "y0", 16, 16)
    model = model_of(nodes, constants, 16, ["y1", "s1"])
    expected = run(model, 16)
    assert fuse_blocks(model.graph) == 1
    add_bodies(model)
    for found, wanted in zip(run(model, 16), expected, strict=True):
        near(found, wanted)


@pytest.mark.parametrize(
    ("channels", "outputs", "changed", "mask_rank"),
    [
        (24, 24, {}, 1),
        (16, 8, {"strides": [2, 1]}, 1),
        (16, 16, {"strides": [2, 2]}, 1),
        (16, 16, {"kernel_shape": [3, 3], "dilations": [2, 2], "pads": [2, 2, 2, 2]}, 1),
        (16, 16, {"approximate": "tanh"}, 1),
        (16, 16, {}, 2),
    ],
)
def test_others_stay_as_they_are(channels: int, outputs: int, changed: dict[str, object], mask_rank: int) -> None:
    nodes, constants = block(1, "y0", channels, outputs, **changed)
    model = model_of(nodes, constants, channels, ["y1"], mask_rank)
    before = model.SerializeToString()
    assert fuse_blocks(model.graph) == 0
    assert model.SerializeToString() == before


@pytest.mark.parametrize("shown", ["o1", "o1.f", "g1"])
def test_what_would_no_longer_be_made_stays(shown: str) -> None:
    nodes, constants = block(1, "y0", 16, 16)
    model = model_of(nodes, constants, 16, ["y1", shown])
    before = model.SerializeToString()
    assert fuse_blocks(model.graph) == 0
    assert model.SerializeToString() == before
