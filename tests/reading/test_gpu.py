"""What a GPU needs, as far as a processor can show it: the same code binds memory of either."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.utils import Extractor

from spotter.ops.interface import OUTPUTS
from spotter.reading import gpu
from spotter.reading.session import Session, SessionOptions
from spotter.registry.bundle import Bundle, open_bundle, write_bundle
from spotter.registry.errors import BundleError
from tests.reading.tiny import write_tiny_bundle

Batch = tuple[NDArray[np.uint8], NDArray[np.int32]]


class FakeRuntime:
    """Counts what is locked, and refuses on demand."""

    def __init__(self, code: int = 0) -> None:
        self._code = code
        self.locked: dict[int, int] = {}

    def cudaHostRegister(self, address: Any, size: Any, flags: Any) -> int:  # noqa: N802
        assert isinstance(address, ctypes.c_void_p)
        assert isinstance(size, ctypes.c_size_t)
        assert flags == 0
        if not self._code:
            self.locked[address.value or 0] = size.value
        return self._code

    def cudaHostUnregister(self, address: Any) -> int:  # noqa: N802
        del self.locked[address.value or 0]
        return 0


def batch(*reds: int, height: int = 32) -> Batch:
    images = np.zeros((len(reds), height, 64, 3), np.uint8)
    images[..., 0] = np.array(reds)[:, None, None]
    return images, np.array([[height, 64]] * len(reds), np.int32)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    write_tiny_bundle(tmp_path / "tiny")
    return Session(open_bundle(tmp_path / "tiny"), SessionOptions(threads=1))


def test_cuda_searches_convolutions_quickly_and_falls_back_to_the_processor() -> None:
    (first, options), (second, _) = gpu.providers("cuda")
    assert (first, second) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert gpu.providers("cpu") == [("CPUExecutionProvider", {})]


def test_tensorrt_keeps_its_engines_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (first, options), *others = gpu.providers("tensorrt")
    assert first == "TensorrtExecutionProvider"
    assert options["trt_engine_cache_enable"] == "1"
    assert options["trt_engine_cache_path"] == str(tmp_path / "spotter" / "tensorrt")
    assert others == gpu.providers("cuda")


@pytest.mark.parametrize(("device", "name"), [("cuda", "CUDA"), ("tensorrt", "Tensorrt")])
def test_a_device_that_is_not_there_is_refused(tmp_path: Path, device: gpu.Device, name: str) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    with pytest.raises(BundleError, match=f"has no {name} here"):
        Session(open_bundle(tmp_path / "tiny"), SessionOptions(threads=1, device=device))


def test_only_a_dense_part_is_recorded() -> None:
    assert gpu.providers("cuda", recorded=True)[0][1]["enable_cuda_graph"] == "1"
    assert "enable_cuda_graph" not in gpu.providers("cuda")[0][1]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The processor in the GPU's place; tells of each session that is opened whether it is to be recorded."""
    opened: list[bool] = []

    def providers(device: gpu.Device, recorded: bool = False) -> list[tuple[str, dict[str, str]]]:
        opened.append(recorded)
        return [("CPUExecutionProvider", {})]

    binding, dense = gpu.Binding, gpu.Dense
    monkeypatch.setattr(gpu, "providers", providers)
    monkeypatch.setattr(gpu, "Binding", lambda session, _, *others: binding(session, "cpu", *others))
    monkeypatch.setattr(gpu, "Dense", lambda session, _: dense(session, "cpu"))
    return opened


def write_bundle_in_parts(folder: Path, **changed: str) -> Bundle:
    """The tiny bundle with its graph in two parts in addition, cut at what is seen of the pixels."""
    write_tiny_bundle(folder)
    model = onnx.shape_inference.infer_shapes(onnx.load(str(folder / "model.onnx")))
    extractor = Extractor(model)
    parts = folder.parent / "dense.onnx", folder.parent / "words.onnx"
    maps = changed.get("maps", "pixel")
    onnx.save(extractor.extract_model(["images"], ["pixel"]), str(parts[0]))
    onnx.save(extractor.extract_model(["images", "sizes", maps], list(OUTPUTS)), str(parts[1]))
    bundle = open_bundle(folder)
    manifest = bundle.manifest
    kept = ("name", "version", "charset", "input", "opset", "provenance", "metrics", "score_threshold")
    write_bundle(
        folder.parent / "parts",
        model=folder / "model.onnx",
        golden_picture=folder / manifest.golden.picture,
        golden_words=manifest.golden.words,
        card="# Tiny",
        parts=parts,
        **{name: getattr(manifest, name) for name in kept},
    )
    return open_bundle(folder.parent / "parts")


def test_a_session_in_two_parts_answers_as_the_whole(tmp_path: Path, pretended: list[bool]) -> None:
    bundle = write_bundle_in_parts(tmp_path / "tiny")
    assert {"dense.onnx", "words.onnx"} < bundle.manifest.files.keys()
    whole = Session(bundle, SessionOptions(1, "cuda"))
    parts = Session(bundle, SessionOptions(1, "cuda", cuda_graphs=True))
    assert pretended == [False, True, False]
    for images, sizes in (batch(1, 0, 30), batch(7), batch(1, 0, 30), batch(200, height=64), batch(9, 9, 8)):
        for mine, other in zip(parts.run(images, sizes), whole.run(images, sizes), strict=True):
            for column, expected in zip(mine, other, strict=True):
                np.testing.assert_array_equal(column, expected)


def test_without_parts_that_fit_the_whole_graph_runs(
    tmp_path: Path, pretended: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    write_tiny_bundle(tmp_path / "plain")
    odd = write_bundle_in_parts(tmp_path / "tiny", maps="marks_u8")
    for bundle, reason in ((open_bundle(tmp_path / "plain"), "no parts of its graph"), (odd, "the graph's inputs are")):
        caplog.clear()
        session = Session(bundle, SessionOptions(1, "cuda", cuda_graphs=True))
        assert reason in caplog.text
        (rows,) = session.run(*batch(7))
        assert len(rows.scores) == 1
    assert pretended == [False, True, False, False]


def test_a_bound_session_answers_as_an_unbound_one(session: Session) -> None:
    binding = gpu.Binding(session._multi_threaded, "cpu", OUTPUTS, gpu.PageLocked(None))
    for images, sizes in (batch(1, 0, 30), batch(7), batch(1, 0, 30), batch(200, height=64), batch(9, 9, 8)):
        expected = session._multi_threaded.run(OUTPUTS, {"images": images, "sizes": sizes})
        for mine, other in zip(binding.run(images, sizes), expected, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_memory_of_few_shapes_is_kept_the_latest_longest(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "SHAPES", 2)
    binding = gpu.Binding(session._multi_threaded, "cpu", OUTPUTS, gpu.PageLocked(None))
    for images, sizes in (batch(1), batch(1, 2), batch(3), batch(1, 2, 3)):
        binding.run(images, sizes)
    assert [shape[0] for shape in binding._inputs] == [1, 3]


def test_pictures_lie_in_locked_memory_that_grows_when_it_must() -> None:
    runtime = FakeRuntime()
    memory = gpu.PageLocked(runtime)
    for images in (batch(1)[0], batch(4, 5)[0], batch(6)[0]):
        held = memory.hold(images)
        np.testing.assert_array_equal(held, images)
        assert memory.locked
        assert runtime.locked == {held.ctypes.data: batch(1)[0].nbytes * (1 if images[0, 0, 0, 0] == 1 else 2)}
    memory.release()
    assert (memory.locked, runtime.locked) == (False, {})


@pytest.mark.parametrize("runtime", [None, FakeRuntime(code=2)])
def test_where_nothing_can_be_locked_ordinary_memory_does(
    runtime: FakeRuntime | None, caplog: pytest.LogCaptureFixture
) -> None:
    memory = gpu.PageLocked(runtime)
    np.testing.assert_array_equal(memory.hold(batch(4, 5)[0]), batch(4, 5)[0])
    assert not memory.locked
    assert ("code 2" in caplog.text) == (runtime is not None)
