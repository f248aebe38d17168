"""QLinearBlock, QLinearHalvingBlock and DepthwiseColumns: their kernels beside their bodies and plain sums, and the
instruction sets beside one another."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto

from spotter.ops.interface import BLOCK, COLUMNS, HALVING_BLOCK
from tests.ops.graphs import Floats, block_graph, open_graph

Constants = dict[str, NDArray[np.generic]]
NEEDED: dict[str, set[str]] = {
    "any": set(),
    "avx2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512bw", "avx512vl", "avx512_vnni"},
    "vbmi": {"avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512vbmi"},
}
ONES = np.ones((1, 1), np.float32)


def instructions() -> list[str]:
    """Those that this processor has."""
    info = Path("/proc/cpuinfo")
    there = set(info.read_text().split()) if info.exists() else set()
    return [name for name, needed in NEEDED.items() if needed <= there]


def constants_of(inputs: int, middle: int, outputs: int, seed: int = 0, whole: bool = False) -> Constants:
    """A block whose values fill most of the 8 bits. whole: the convolution's sums are exact, in whatever order."""
    rng = np.random.default_rng(seed)
    taps = rng.integers(-4, 5, (inputs, 1, 3, 3)) / 8 if whole else rng.normal(0, 0.4, (inputs, 1, 3, 3))
    bias = rng.integers(-4, 5, inputs) / 8 if whole else rng.normal(0, 0.3, inputs)

    made: Constants = {"w": taps.astype(np.float32), "b": bias.astype(np.float32)}
    for name, (rows, columns) in {"up": (inputs, middle), "down": (middle, outputs)}.items():
        unit = 1 / (60 * rows**0.5)
        made[name] = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
        made[f"{name}_scale"] = rng.uniform(0.5 * unit, unit, columns).astype(np.float32)
        made[f"{name}_bias"] = rng.normal(0, 0.5, columns).astype(np.float32)
    numbers = {"d": (1 / 32, 117), "m": (0.035, 130), "g": (0.021, 9)}
    for name, (scale, zero) in numbers.items():
        made[f"{name}_scale"] = np.array(scale, np.float32)
        made[f"{name}_zero_point"] = np.array(zero, np.uint8)
    return made


def maps(*shape: int, seed: int = 0, whole: bool = False) -> Floats:
    rng = np.random.default_rng(seed)
    values = rng.integers(-8, 9, shape) / 4 if whole else rng.normal(0, 1, shape)
    return values.astype(np.float32)


def mask_of(width: int, seed: int = 0) -> Floats:
    return (np.random.default_rng(seed).random(width) < 0.8).astype(np.float32)


def floats(value: NDArray[np.generic]) -> NDArray[np.float64]:
    return value.astype(np.float64)


def halved(weights: NDArray[np.generic]) -> NDArray[np.int8]:
    return (weights.astype(np.int16) // 2).astype(np.int8)


def convolved(x: Floats, constants: Mapping[str, NDArray[np.generic]], stride: int = 1) -> NDArray[np.float64]:
    padded = np.pad(floats(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = x.shape[1:3]
    taps = floats(constants["w"])
    total: NDArray[np.float64] = np.zeros(x.shape) + floats(constants["b"])
    for row, column in np.ndindex(3, 3):
        total += padded[:, row : row + rows, column : column + columns] * taps[:, 0, row, column]
    return total[:, ::stride]


def reference(x: Floats, mask: Floats, factors: Floats, constants: Constants, halving: bool) -> NDArray[np.float64]:
    """The definition, in double precision."""

    def quantised(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        scale, zero = float(floats(constants[f"{name}_scale"])), float(floats(constants[f"{name}_zero_point"]))
        rounded: NDArray[np.float64] = (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale
        return rounded

    def product(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        weights = floats(constants[name]) * floats(constants[f"{name}_scale"])
        made: NDArray[np.float64] = values @ weights + floats(constants[f"{name}_bias"])
        return made

    d: NDArray[np.float64] = convolved(x, constants, 2 if halving else 1) * factors
    m = quantised(product(quantised(d, "d"), "up"), "m")
    bent = 0.5 * m * (1 + torch.erf(torch.from_numpy(m / 2**0.5)).numpy())
    out = product(quantised(bent, "g"), "down")
    whole: NDArray[np.float64] = (out if halving else d + out) * mask[:, None]
    return whole


def run(session: ort.InferenceSession, x: Floats, mask: Floats, factors: Floats = ONES) -> Floats:
    (y,) = session.run(None, {"x": x, "mask": mask, "factors": factors})
    return np.asarray(y, np.float32)


def near(found: Floats, expected: NDArray[np.floating]) -> None:
    """Where a sum lies between two values it may be rounded to either: seldom, and then by little."""
    assert found.shape == expected.shape
    away = np.abs(found - expected)
    assert away.max(initial=0) < 0.08
    assert away.size == 0 or away.mean() < 2e-3


@pytest.mark.parametrize(
    ("inputs", "middle", "outputs"),
    [(48, 96, 48), (96, 192, 96), (160, 320, 160), (192, 384, 192), (384, 768, 384), (16, 16, 16), (80, 144, 80)],
)
def test_kernel_body_and_definition_agree(library: Path, inputs: int, middle: int, outputs: int) -> None:
    constants = constants_of(inputs, middle, outputs)
    kernel = open_graph(block_graph(BLOCK, constants), library)
    for rows, width in ((3, 1), (2, 49), (1, 20)):
        x, mask = maps(1, rows, width, inputs), mask_of(width)
        factors = np.random.default_rng(1).uniform(0.5, 1, (width, inputs)).astype(np.float32)
        for each in (ONES, factors):
            near(run(kernel, x, mask, each), reference(x, mask, each, constants, halving=False))
    # With AVX2 alone ONNX Runtime adds two products of bytes up in 16 bits: its sums are right for small weights.
    small = constants | {"up": halved(constants["up"]), "down": halved(constants["down"])}
    expected = reference(x, mask, factors, small, halving=False)
    assert expected.std() > 0.5
    near(run(open_graph(block_graph(BLOCK, small), None), x, mask, factors), expected)


@pytest.mark.parametrize(("inputs", "middle", "outputs"), [(48, 96, 96), (96, 192, 160), (192, 384, 384)])
@pytest.mark.parametrize("rows", [1, 6, 7])
def test_halving_the_rows(library: Path, inputs: int, middle: int, outputs: int, rows: int) -> None:
    constants = constants_of(inputs, middle, outputs)
    constants |= {"up": halved(constants["up"]), "down": halved(constants["down"])}
    model = block_graph(HALVING_BLOCK, constants)
    x, mask = maps(2, rows, 50, inputs), mask_of(50)
    expected = reference(x, mask, ONES, constants, halving=True)
    assert expected.shape == (2, (rows + 1) // 2, 50, outputs)
    for session in (open_graph(model, library), open_graph(model, None)):
        near(run(session, x, mask), expected)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(0, 2),
    rows=st.integers(0, 4),
    width=st.one_of(st.integers(0, 9), st.integers(46, 100)),
    channels=st.sampled_from([(16, 32, 16), (48, 96, 48), (32, 80, 32), (64, 192, 64), (96, 16, 96)]),
    seed=st.integers(0, 99),
    halving=st.booleans(),
)
def test_instruction_sets_give_the_same_bits(
    library: Path, batch: int, rows: int, width: int, channels: tuple[int, int, int], seed: int, halving: bool
) -> None:
    constants = constants_of(*channels, seed, whole=True)
    model = block_graph(HALVING_BLOCK if halving else BLOCK, constants)
    x, mask = maps(batch, rows, width, channels[0], seed=seed, whole=True), mask_of(width, seed)
    factors = np.random.default_rng(seed).random((width, channels[0]), np.float32)
    found = [
        run(open_graph(model, library, entries={"spotter.blocks": name}), x, mask, factors) for name in instructions()
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
    near(found[0], reference(x, mask, factors, constants, halving))


def test_what_is_too_large_is_cut_off(library: Path) -> None:
    constants = constants_of(16, 32, 16) | {"b": np.linspace(-1e30, 1e30, 16, dtype=np.float32)}
    x, mask = maps(1, 2, 7, 16), np.ones(7, np.float32)
    expected = reference(x, mask, ONES, constants, halving=False)
    for name in instructions():
        found = run(open_graph(block_graph(BLOCK, constants), library, entries={"spotter.blocks": name}), x, mask)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=0.1)


def test_numbers_in_the_mask_multiply_and_zeros_hide(library: Path) -> None:
    constants = constants_of(16, 32, 16)
    session = open_graph(block_graph(BLOCK, constants), library)
    x = maps(1, 3, 60, 16)
    whole = run(session, x, np.ones(60, np.float32))
    mask = np.linspace(0, 2, 60, dtype=np.float32)
    np.testing.assert_allclose(run(session, x, mask), whole * mask[:, None], rtol=1e-6)
    np.testing.assert_array_equal(run(session, x, np.zeros(60, np.float32)), np.zeros_like(whole))


def test_threads_compute_the_same(library: Path) -> None:
    model = block_graph(BLOCK, constants_of(48, 96, 48))
    x, mask = maps(2, 5, 200, 48), mask_of(200)
    one = run(open_graph(model, library), x, mask)
    for threads in (2, 3):
        np.testing.assert_array_equal(run(open_graph(model, library, threads), x, mask), one)


@pytest.mark.parametrize("shape", [(1, 12, 100, 48), (2, 1, 1, 16), (1, 2, 49, 96), (3, 6, 0, 16), (1, 3, 7, 384)])
def test_means_of_columns(library: Path, shape: tuple[int, int, int, int]) -> None:
    constants = constants_of(shape[3], 16, 16)
    model = block_graph(COLUMNS, constants)
    x = maps(*shape)
    expected = convolved(x, constants).mean((0, 1))
    found = [open_graph(model, library, entries={"spotter.blocks": name}) for name in instructions()]
    bodies = [open_graph(model, None)] if x.size else []  # ONNX Runtime's convolutions want something to look at
    for session in found + bodies:
        (y,) = session.run(None, {"x": x})
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"w": np.zeros((24, 1, 3, 3), np.float32)}, "C a multiple of 16"),
        ({"w": np.zeros((16, 1, 5, 5), np.float32)}, r"w must be \[C, 1, 3, 3\]"),
        ({"b": np.zeros(8, np.float32)}, "for each channel"),
        ({"up": np.zeros((16, 24), np.int8)}, "M a multiple of 16"),
        ({"up": np.zeros((32, 32), np.int8)}, r"up must be \[16, M\]"),
        ({"up_scale": np.ones(1, np.float32)}, "a scale and a bias"),
        ({"down_bias": np.ones(3, np.float32)}, "a scale and a bias"),
        ({"down": np.zeros((32, 32), np.int8)}, "a scale and a bias"),
        ({"m_scale": np.ones(32, np.float32)}, "m_scale must be one number"),
        ({"m_scale": np.array(1e-9, np.float32)}, "m_scale is too small"),
    ],
)
def test_what_does_not_belong_together_is_refused(library: Path, changed: Constants, message: str) -> None:
    with pytest.raises(Exception, match=message):
        open_graph(block_graph(BLOCK, constants_of(16, 32, 16) | changed, given={}), library)


def test_a_block_must_lead_back_to_as_many_channels(library: Path) -> None:
    with pytest.raises(Exception, match="back to as many channels"):
        open_graph(block_graph(BLOCK, constants_of(16, 32, 32)), library)


def test_weights_must_be_constants(library: Path) -> None:
    constants = constants_of(16, 32, 16)
    del constants["up"]
    with pytest.raises(Exception, match="up must be a constant"):
        open_graph(block_graph(BLOCK, constants, {"up": TensorProto.INT8}), library)


@pytest.mark.parametrize(
    ("x", "mask", "factors", "message"),
    [
        (maps(1, 2, 5, 32), np.ones(5, np.float32), ONES, "as many channels as w"),
        (maps(1, 2, 5, 16), np.ones(4, np.float32), ONES, "for each column"),
        (maps(1, 2, 5, 16), np.ones(5, np.float32), ONES * 2, "factors must be"),
        (maps(1, 2, 5, 16), np.ones(5, np.float32), np.ones((5, 8), np.float32), "factors must be"),
    ],
)
def test_maps_of_other_sizes_are_refused(library: Path, x: Floats, mask: Floats, factors: Floats, message: str) -> None:
    session = open_graph(block_graph(BLOCK, constants_of(16, 32, 16)), library)
    with pytest.raises(Exception, match=message):
        run(session, x, mask, factors)
