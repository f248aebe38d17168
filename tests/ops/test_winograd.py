"""QLinearConv3x3: its kernel beside its body and plain sums of integers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto

from spotter.ops.interface import CONVOLUTION
from tests.ops.graphs import convolution_graph, open_graph

Bytes = NDArray[np.uint8]
Constants = dict[str, NDArray[np.generic]]
ON = {"spotter.winograd": "on"}


def _has_avx2() -> bool:
    info = Path("/proc/cpuinfo")
    return info.exists() and {"avx2", "fma"} <= set(info.read_text().split())


pytestmark = pytest.mark.skipif(not _has_avx2(), reason="the kernel is for processors with AVX2")


def constants_of(inputs: int, outputs: int, seed: int = 0, x_zero: int = 7, y_zero: int = 90) -> Constants:
    """A layer whose results fill most of the 8 bits."""
    rng = np.random.default_rng(seed)
    x_scale, w_scale = np.float32(0.02), rng.uniform(0.001, 0.003, outputs).astype(np.float32)
    return {
        "x_scale": np.array(x_scale),
        "x_zero_point": np.array(x_zero, np.uint8),
        "w": rng.integers(-127, 128, (outputs, inputs, 3, 3)).astype(np.int8),
        "w_scale": w_scale,
        "w_zero_point": np.zeros(outputs, np.int8),
        "b": rng.integers(-20_000, 20_000, outputs).astype(np.int32),
        "b_scale": x_scale * w_scale,
        "b_zero_point": np.zeros(outputs, np.int32),
        "y_scale": np.array(np.float32(0.01 * inputs**0.5)),
        "y_zero_point": np.array(y_zero, np.uint8),
    }


def noise(*shape: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def reference(x: Bytes, constants: Mapping[str, NDArray[np.generic]]) -> Bytes:
    """Sums of integers, rounded in double precision."""
    w = constants["w"].astype(np.int64)
    centred = np.pad(x.astype(np.int64) - int(constants["x_zero_point"]), ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    total = np.zeros((*x.shape[:3], len(w)), np.int64) + constants["b"].astype(np.int64)
    for row, column in np.ndindex(3, 3):
        total += centred[:, row : row + height, column : column + width] @ w[:, :, row, column].T
    scale = (
        constants["x_scale"].astype(np.float64) * constants["w_scale"].astype(np.float64) / float(constants["y_scale"])
    )
    rounded: Bytes = np.clip(np.rint(total * scale) + int(constants["y_zero_point"]), 0, 255).astype(np.uint8)
    return rounded


def run(session: ort.InferenceSession, x: Bytes) -> Bytes:
    (y,) = session.run(None, {"x": x})
    return np.asarray(y)


def near(found: Bytes, expected: Bytes) -> None:
    """One off at most, and of many seldom."""
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    away = np.abs(found.astype(int) - expected.astype(int))
    assert away.max(initial=0) <= 1
    assert away.size < 1000 or away.mean() < 0.1


def test_a_corner_worked_by_hand(library: Path) -> None:
    """Ones over all 3x3 taps of the first channel, of scale 1: an output sums up the inputs around it that are on the
    map."""
    constants = constants_of(8, 16) | {
        **dict.fromkeys(("x_scale", "y_scale"), np.array(np.float32(1))),
        **dict.fromkeys(("w_scale", "b_scale"), np.ones(16, np.float32)),
        "b": np.arange(16, dtype=np.int32),
        **dict.fromkeys(("x_zero_point", "y_zero_point"), np.array(2, np.uint8)),
    }
    w = np.zeros((16, 8, 3, 3), np.int8)
    w[:, 0] = 1
    x = np.full((1, 3, 4, 8), 9, np.uint8)  # every other channel must not count
    x[0, :, :, 0] = [[3, 4, 5, 6], [7, 8, 9, 10], [11, 12, 13, 14]]
    found = run(open_graph(convolution_graph(constants | {"w": w}), library, entries=ON), x)
    assert found[0, 0, 0, 0] == (1 + 2 + 5 + 6) + 2  # inputs less 2, of the upper left corner
    assert found[0, 1, 1, 0] == (1 + 2 + 3 + 5 + 6 + 7 + 9 + 10 + 11) + 2
    assert found[0, 2, 3, 5] == (7 + 8 + 11 + 12) + 2 + 5


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(8, 16), (32, 32), (64, 32), (24, 48), (128, 64), (136, 16), (256, 144)]
)
def test_kernel_and_body_sum_up_alike(library: Path, inputs: int, outputs: int) -> None:
    constants = constants_of(inputs, outputs)
    kernel = open_graph(convolution_graph(constants), library, entries=ON)
    for shape in ((1, 9, 14), (3, 4, 4), (2, 17, 5)):
        x = noise(*shape, inputs)
        expected = reference(x, constants)
        assert len(np.unique(expected)) > 150
        near(run(kernel, x), expected)
    # With AVX2 alone ONNX Runtime adds two products of bytes up in 16 bits: its sums are right for small weights.
    small = constants | {"w": constants["w"] // 2}
    body = open_graph(convolution_graph(small), None)
    near(run(body, x), reference(x, small))


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(0, 3),
    height=st.integers(0, 13),
    width=st.integers(0, 13),
    seed=st.integers(0, 99),
    x_zero=st.sampled_from([0, 1, 128, 255]),
    y_zero=st.sampled_from([0, 128, 255]),
)
def test_maps_of_any_size(
    library: Path, batch: int, height: int, width: int, seed: int, x_zero: int, y_zero: int
) -> None:
    constants = constants_of(8, 16, seed, x_zero, y_zero)
    x = noise(batch, height, width, 8, seed=seed)
    near(run(open_graph(convolution_graph(constants), library, entries=ON), x), reference(x, constants))


def test_what_is_too_large_is_cut_off(library: Path) -> None:
    constants = constants_of(8, 16) | {"y_scale": np.array(np.float32(1e-6))}
    x = noise(1, 8, 8, 8)
    found = run(open_graph(convolution_graph(constants), library, entries=ON), x)
    np.testing.assert_array_equal(found, reference(x, constants))
    assert set(np.unique(found)) == {0, 255}


def test_threads_and_sessions_compute_the_same(library: Path) -> None:
    model = convolution_graph(constants_of(16, 32))
    x = noise(2, 40, 50, 16)
    one = run(open_graph(model, library, entries=ON), x)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(run(open_graph(model, library, threads, ON), x), one)


def test_a_picture_alone_and_in_a_batch(library: Path) -> None:
    session = open_graph(convolution_graph(constants_of(8, 16)), library, entries=ON)
    x = noise(3, 10, 11, 8)
    together = run(session, x)
    for number in range(3):
        np.testing.assert_array_equal(run(session, x[number : number + 1]), together[number : number + 1])


def kinds(model: onnx.ModelProto, library: Path, wish: str, tmp_path: Path) -> set[str]:
    """The operators that a session runs."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "rewritten.onnx")
    options.add_session_config_entry("spotter.winograd", wish)
    options.register_custom_ops_library(str(library))
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {node.op_type for node in onnx.load(str(tmp_path / "rewritten.onnx")).graph.node}


def test_a_session_is_asked_which_it_wants(library: Path, tmp_path: Path) -> None:
    model = convolution_graph(constants_of(8, 16))
    assert kinds(model, library, "on", tmp_path) == {CONVOLUTION}
    without = kinds(model, library, "off", tmp_path)
    assert "QLinearConv" in without
    assert CONVOLUTION not in without


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"w": np.zeros((16, 12, 3, 3), np.int8)}, "M a multiple of 16 and C of 8"),
        ({"w": np.zeros((12, 8, 3, 3), np.int8)}, "M a multiple of 16 and C of 8"),
        ({"w": np.zeros((16, 8, 5, 5), np.int8)}, r"must be \[M, C, 3, 3\]"),
        ({"w": np.zeros((16, 72), np.int8)}, r"must be \[M, C, 3, 3\]"),
        ({"w_zero_point": np.ones(16, np.int8)}, "must be 0"),
        ({"b_zero_point": np.ones(16, np.int32)}, "must be 0"),
        ({"b": np.zeros(8, np.int32)}, "for each output"),
        ({"w_scale": np.ones(3, np.float32)}, "for each or one"),
        ({"y_scale": np.ones(16, np.float32)}, "one scale and one zero point"),
    ],
)
def test_what_does_not_belong_together_is_refused(library: Path, changed: Constants, message: str) -> None:
    model = convolution_graph(constants_of(8, 16) | changed, bodies=False)
    with pytest.raises(Exception, match=message):
        open_graph(model, library, entries=ON)


def test_weights_must_be_constants(library: Path) -> None:
    constants = constants_of(8, 16)
    del constants["w"]
    with pytest.raises(Exception, match="w of QLinearConv3x3 must be a constant"):
        open_graph(convolution_graph(constants, {"w": TensorProto.INT8}, bodies=False), library, entries=ON)


def test_maps_of_other_channels_are_refused(library: Path) -> None:
    session = open_graph(convolution_graph(constants_of(8, 16)), library, entries=ON)
    with pytest.raises(Exception, match="as many channels as w"):
        session.run(None, {"x": noise(1, 4, 4, 16)})
