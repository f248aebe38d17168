"""BranchStem: its kernels beside its body and the network's own stem."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto

from spotter.model.packing import UNIT, pack
from spotter.model.ppocr import BranchStem
from tests.ops.graphs import Floats, open_graph, stem_graph
from tests.ops.test_block import instructions

Constants = dict[str, NDArray[np.generic]]
WINDOWS = (3, 2, 2, 3, 1)


def constants_of(first: int, outputs: int, join: int | None = None, seed: int = 0) -> Constants:
    """Of a stem whose numbers neither vanish nor grow."""
    rng = np.random.default_rng(seed)
    join = join or first
    shapes = [(first, 4), (first // 2, first), (first, first // 2), (join, 2 * first), (outputs, join)]
    made: Constants = {}
    for number, ((to, inputs), window) in enumerate(zip(shapes, WINDOWS, strict=True), 1):
        spread = (2 / (inputs * window**2)) ** 0.5
        made[f"w{number}"] = rng.normal(0, spread, (to, inputs, window, window)).astype(np.float32)
        made[f"b{number}"] = rng.normal(0, 0.1, to).astype(np.float32)
    return made


def feeds_of(batch: int, rows: int, columns: int, seed: int = 0) -> dict[str, Floats]:
    """rows and columns of the result; some columns are gaps."""
    rng = np.random.default_rng(seed)
    mask = (rng.random(columns) < 0.8).astype(np.float32)
    return {
        "x": rng.normal(0, 1, (batch, 4, 4 * rows, 4 * columns)).astype(np.float32),
        "halves": np.repeat(mask, 2),
        "mask": mask,
    }


def run(session: ort.InferenceSession, feeds: dict[str, Floats]) -> Floats:
    (y,) = session.run(None, feeds)
    return np.asarray(y, np.float32)


@pytest.mark.parametrize(("first", "outputs", "join"), [(48, 96, 48), (48, 24, 72), (96, 48, 24)])
def test_kernels_and_body_agree(library: Path, first: int, outputs: int, join: int) -> None:
    model = stem_graph(constants_of(first, outputs, join))
    kernels = [open_graph(model, library, entries={"spotter.blocks": name}) for name in instructions()]
    body = open_graph(model, None)
    for shape in ((1, 12, 5), (2, 3, 25), (1, 1, 1)):
        feeds = feeds_of(*shape)
        expected = run(body, feeds)
        assert expected.shape == (*shape, outputs)
        for kernel in kernels:
            np.testing.assert_allclose(run(kernel, feeds), expected, rtol=1e-4, atol=1e-4)
    assert feeds_of(2, 3, 25)["mask"].min() == 0


@settings(max_examples=15, deadline=None)
@given(batch=st.integers(0, 2), rows=st.integers(0, 4), columns=st.integers(1, 60), seed=st.integers(0, 99))
def test_maps_of_any_size(library: Path, batch: int, rows: int, columns: int, seed: int) -> None:
    model = stem_graph(constants_of(48, 24, seed=seed))
    feeds = feeds_of(batch, rows, columns, seed)
    found = [run(open_graph(model, library, entries={"spotter.blocks": name}), feeds) for name in instructions()]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-4, atol=1e-4)
    if batch and rows:  # ONNX Runtime's convolutions want something to look at
        np.testing.assert_allclose(found[0], run(open_graph(model, None), feeds), rtol=1e-4, atol=1e-4)


def test_it_says_what_the_network_says(library: Path) -> None:
    torch.manual_seed(0)
    stem = BranchStem(4, 48, 96)
    packing = pack(torch.tensor([3, 1, 7]))
    x = torch.randn(1, 4, 48, UNIT * len(packing.inside)) * packing.inside.repeat_interleave(UNIT)
    constants: Constants = {}
    for number, layer in enumerate((stem.c1, stem.c2a, stem.c2b, stem.c3, stem.c4), 1):
        assert layer.bias is not None
        constants |= {f"w{number}": layer.weight.detach().numpy(), f"b{number}": layer.bias.detach().numpy()}
    halves, mask = packing.masks[UNIT // 2], packing.masks[UNIT // 4]
    feeds = {"x": x.numpy(), "halves": halves.numpy(), "mask": mask.numpy()}
    with torch.no_grad():
        expected = packing.mask(stem(x, packing), UNIT // 4).permute(0, 2, 3, 1).numpy()
    found = run(open_graph(stem_graph(constants), library), feeds)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.01


def test_threads_compute_the_same(library: Path) -> None:
    model = stem_graph(constants_of(48, 24))
    feeds = feeds_of(2, 4, 100)
    one = run(open_graph(model, library), feeds)
    np.testing.assert_array_equal(run(open_graph(model, library, 3), feeds), one)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"w1": np.zeros((48, 3, 3, 3), np.float32)}, "do not fit together"),
        ({"w1": np.zeros((24, 4, 3, 3), np.float32), "b1": np.zeros(24, np.float32)}, "do not fit together"),
        ({"w2": np.zeros((24, 48, 3, 3), np.float32)}, r"w2 must be \[M, C, 2, 2\]"),
        ({"w4": np.zeros((40, 96, 3, 3), np.float32)}, "M a multiple of 24"),
        ({"b5": np.zeros(3, np.float32)}, "a bias for each"),
    ],
)
def test_what_does_not_belong_together_is_refused(library: Path, changed: Constants, message: str) -> None:
    with pytest.raises(Exception, match=message):
        open_graph(stem_graph(constants_of(48, 24) | changed), library)


def test_weights_must_be_constants(library: Path) -> None:
    constants = constants_of(48, 24)
    del constants["w3"]
    with pytest.raises(Exception, match="w3 must be a constant"):
        open_graph(stem_graph(constants, {"w3": TensorProto.FLOAT}), library)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": np.zeros((1, 4, 6, 20), np.float32)}, "multiples of 4"),
        ({"x": np.zeros((1, 3, 8, 20), np.float32)}, r"\[B, 4, H, W\]"),
        ({"mask": np.zeros(4, np.float32)}, "every two and four columns"),
        ({"halves": np.zeros(5, np.float32)}, "every two and four columns"),
    ],
)
def test_maps_of_other_sizes_are_refused(library: Path, changed: dict[str, Floats], message: str) -> None:
    session = open_graph(stem_graph(constants_of(48, 24)), library)
    with pytest.raises(Exception, match=message):
        run(session, feeds_of(1, 2, 5) | changed)
