"""Running on a GPU: execution providers and their options, and input in page-locked memory.

CUDA cannot record and replay the whole graph: after the detector, shapes depend on the number of words, which must be
copied back to the host first. Up to there, shapes depend on the pictures only. Where a bundle contains this dense part
separately, its kernels are recorded as a CUDA graph for each recurring shape, and launched together.
"""

import ctypes
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from spotter.ops.native import cache_folder

logger = logging.getLogger(__name__)

Device = Literal["cpu", "cuda", "tensorrt"]
SHAPES = 8
"""The number of batch shapes for which memory on the device is kept."""

RECORDED = 4
"""The number of shapes that are recorded; it is limited, since ONNX Runtime never drops a recording."""

_PLAIN = -1
"""The graph id of a run that is neither recorded nor replayed."""

_RUNTIMES = ("libcudart.so.13", "libcudart.so.12", "libcudart.so")


def providers(device: Device, recorded: bool = False) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's execution providers for a device, the preferred one first, each with its options; recorded:
    whether CUDA is to record the graph's kernels."""
    found: list[tuple[str, dict[str, str]]] = [("CPUExecutionProvider", {})]
    if device != "cpu":
        # The exhaustive search for the best convolution would take hundreds of milliseconds for each new shape.
        options = {"cudnn_conv_algo_search": "HEURISTIC", "cudnn_conv_use_max_workspace": "1"}
        recording = {"enable_cuda_graph": "1"} if recorded else {}
        found.insert(0, ("CUDAExecutionProvider", {**options, **recording}))
    if device == "tensorrt":
        folder = str(cache_folder("tensorrt"))
        cached = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder, "trt_timing_cache_enable": "1"}
        found.insert(
            0, ("TensorrtExecutionProvider", {**cached, "trt_timing_cache_path": folder, "trt_fp16_enable": "1"})
        )
    return found


class Runtime(Protocol):
    """The functions of CUDA's runtime that lock pages; they return 0 on success."""

    def cudaHostRegister(self, address: Any, size: Any, flags: Any) -> int:  # noqa: N802
        """Locks `size` bytes."""

    def cudaHostUnregister(self, address: Any) -> int:  # noqa: N802
        """Unlocks them."""


def cuda_runtime() -> Runtime | None:
    """CUDA's runtime library, or None where none can be loaded."""
    for name in _RUNTIMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


class PageLocked:
    """Page-locked memory, which the device copies from asynchronously; ordinary memory where it cannot be locked."""

    def __init__(self, runtime: Runtime | None) -> None:
        self._runtime = runtime
        self._memory = np.empty(0, np.uint8)
        self.locked = False

    def hold(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of `images` in this memory, valid until the next call."""
        if images.nbytes > self._memory.nbytes:
            self.release()
            self._memory = np.empty(images.nbytes, np.uint8)
            self.locked = self._call("cudaHostRegister", self._address(), ctypes.c_size_t(images.nbytes), 0)
        view = self._memory[: images.nbytes].reshape(images.shape)
        np.copyto(view, images)
        return view

    def release(self) -> None:
        """Gives the memory back."""
        if self.locked:
            self._call("cudaHostUnregister", self._address())
        self._memory, self.locked = np.empty(0, np.uint8), False

    def _address(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._memory.ctypes.data)

    def _call(self, name: str, *arguments: Any) -> bool:
        if self._runtime is None:
            return False
        code: int = getattr(self._runtime, name)(*arguments)
        if code:
            logger.warning("%s failed with code %d: pictures go to the device from ordinary memory", name, code)
        return code == 0


class Dense:
    """The dense part of a graph, whose shapes depend on the pictures only: images -> maps that stay on the device.

    The kernels for a shape are recorded when it occurs for the second time, and replayed from then on, with the memory
    of the recording. To be used for one batch at a time, always on the same thread: another thread would record again.
    """

    def __init__(self, session: ort.InferenceSession, device: Literal["cpu", "cuda"]) -> None:
        self._session, self._device = session, device
        self.outputs = [output.name for output in session.get_outputs()]
        self._met: set[tuple[int, ...]] = set()
        self._failed = False
        self.recorded: dict[tuple[int, ...], tuple[int, Sequence[ort.OrtValue]]] = {}
        """The graph id and the maps for each shape of images; the memory of the images must not move either."""

    def run(self, shape: tuple[int, ...], pixels: ort.OrtValue) -> Sequence[ort.OrtValue]:
        """The maps of images of a shape, valid until the next run of that shape."""
        if shape in self.recorded:
            number, maps = self.recorded[shape]
            return self._launch(pixels, maps, number)
        maps = self._launch(pixels, None, _PLAIN)
        if shape in self._met and len(self.recorded) < RECORDED and not self._failed:
            number = len(self.recorded) + 1
            try:
                self._launch(pixels, maps, number)
                self.recorded[shape] = number, maps
            except Exception as error:  # ONNX Runtime's exceptions share no other base
                self._failed = True
                logger.warning("CUDA cannot record the graph's dense part: %s", error)
                maps = self._launch(pixels, None, _PLAIN)
        self._met.add(shape)
        return maps

    def _launch(
        self, pixels: ort.OrtValue, maps: Sequence[ort.OrtValue] | None, recording: int
    ) -> Sequence[ort.OrtValue]:
        """Runs the graph, writing to `maps` or to new ones, and returns them; recording: the graph id, which is
        recorded if it is new."""
        options = ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(recording))
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("images", pixels)
        for number, name in enumerate(self.outputs):
            if maps is None:
                binding.bind_output(name, self._device)
            else:
                binding.bind_ortvalue_output(name, maps[number])
        self._session.run_with_iobinding(binding, options)
        return maps or list(binding.get_outputs())


class Binding:
    """Runs a session, one batch at a time, with its inputs in memory of the device that is reused for every batch.

    dense: computes the session's inputs other than images and sizes.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        device: Literal["cpu", "cuda"],
        outputs: Sequence[str],
        memory: PageLocked,
        dense: Dense | None = None,
    ) -> None:
        self._session, self._device, self._outputs, self._memory = session, device, outputs, memory
        self._dense = dense
        self._inputs: OrderedDict[tuple[int, ...], tuple[ort.OrtValue, ort.OrtValue]] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32]) -> list[NDArray[Any]]:
        """The outputs for a batch: images uint8 [B, H, W, 3], sizes int32 [B, 2]."""
        with self._lock:
            pixels, measures = self._kept(images.shape)
            pixels.update_inplace(self._memory.hold(images))
            measures.update_inplace(np.ascontiguousarray(sizes))
            binding = self._session.io_binding()
            binding.bind_ortvalue_input("images", pixels)
            binding.bind_ortvalue_input("sizes", measures)
            if self._dense is not None:
                for name, value in zip(self._dense.outputs, self._dense.run(images.shape, pixels), strict=True):
                    binding.bind_ortvalue_input(name, value)
            for name in self._outputs:  # their sizes are not known in advance, so ONNX Runtime allocates them
                binding.bind_output(name, "cpu")
            self._session.run_with_iobinding(binding)
            found: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
            return found

    def _kept(self, shape: tuple[int, ...]) -> tuple[ort.OrtValue, ort.OrtValue]:
        if shape not in self._inputs:
            pinned = self._dense.recorded if self._dense is not None else {}
            while len(self._inputs) >= SHAPES:
                del self._inputs[next(kept for kept in self._inputs if kept not in pinned)]
            self._inputs[shape] = (
                ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, self._device, 0),
                ort.OrtValue.ortvalue_from_shape_and_type((shape[0], 2), np.int32, self._device, 0),
            )
        self._inputs.move_to_end(shape)
        return self._inputs[shape]
