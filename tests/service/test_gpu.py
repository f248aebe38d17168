"""What a GPU needs, as far as a processor can show it: the same code binds memory of either."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.registry.bundle import open_bundle
from spotter.registry.errors import BundleError
from spotter.service import gpu
from spotter.service.session import OUTPUTS, Session, SessionOptions
from tests.service.tiny import write_tiny_bundle

Batch = tuple[NDArray[np.uint8], NDArray[np.int32]]


class FakeRuntime:
    """Counts what is locked, and refuses when told to."""

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


def test_a_bound_session_answers_as_an_unbound_one(session: Session) -> None:
    binding = gpu.Binding(session._alone, "cpu", OUTPUTS, gpu.PageLocked(None))
    for images, sizes in (batch(1, 0, 30), batch(7), batch(1, 0, 30), batch(200, height=64), batch(9, 9, 8)):
        expected = session._alone.run(OUTPUTS, {"images": images, "sizes": sizes})
        for mine, other in zip(binding.run(images, sizes), expected, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_memory_of_few_shapes_is_kept_the_latest_longest(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "SHAPES", 2)
    binding = gpu.Binding(session._alone, "cpu", OUTPUTS, gpu.PageLocked(None))
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
