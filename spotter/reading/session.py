"""The graph in ONNX Runtime: takes arrays, returns one tuple of rows for each picture."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from spotter.ops import loading
from spotter.ops.interface import DOMAIN, INPUTS, ORIENTATION, OUTPUTS
from spotter.reading import gpu
from spotter.reading.gpu import Device
from spotter.reading.sizing import bucket
from spotter.registry.bundle import Bundle
from spotter.registry.errors import BundleError
from spotter.registry.graph import opset_version

logger = logging.getLogger(__name__)


class Rows(NamedTuple):
    """The graph's output for one picture, one row for each word.

    polygons: float32 [N, P, 2], padded-image pixels; scores: float32 [N]; characters: int32 [N, T], 0 = blank;
    character_scores: float32 [N, T]; orientation: float32 [4], the probabilities that the picture is upright or turned
    clockwise by 90, 180 or 270 degrees, None where the graph does not give them.
    """

    polygons: NDArray[np.float32]
    scores: NDArray[np.float32]
    characters: NDArray[np.int32]
    character_scores: NDArray[np.float32]
    orientation: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class SessionOptions:
    """threads: used within the graph. device: where it runs; `tensorrt` is also a GPU. cuda_graphs: on `cuda`, the
    kernels of the dense part are recorded and replayed, where the bundle contains that part separately."""

    threads: int
    device: Device = "cpu"
    cuda_graphs: bool = False


class Form(NamedTuple):
    """The expected inputs and outputs of a graph. outputs: None for any; there may also be `ORIENTATION`. recorded:
    whether CUDA is to record its kernels."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...] | None
    recorded: bool = False


WHOLE = Form(INPUTS, OUTPUTS)


class Session:
    """A bundle's graph, loaded."""

    def __init__(self, bundle: Bundle, options: SessionOptions) -> None:
        """Raises BundleError when ONNX Runtime rejects the model, or its inputs and outputs are not the expected
        ones."""
        self._device = options.device
        spec = bundle.manifest.input
        self._usual, self._least = spec.target_side**2, bucket(1, 1, spec)[0]
        self._frugal = ort.RunOptions()
        self._frugal.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        if options.device != "cpu":
            self._binding = self._bind(bundle, options)
            return
        self._multi_threaded = self._open(bundle.model, options)
        # One thread for each picture is faster than several threads for one picture, since threads then wait less for
        # each other. So when all lanes are busy, each reads with one thread.
        several = options.threads > 1
        self._single_threaded = (
            self._open(bundle.model, replace(options, threads=1)) if several else self._multi_threaded
        )

    def _bind(self, bundle: Bundle, options: SessionOptions) -> gpu.Binding:
        """The graph on a GPU, in two parts where its kernels are to be recorded and the bundle allows it."""
        memory = gpu.PageLocked(gpu.cuda_runtime())
        if options.cuda_graphs:
            try:
                return self._bind_parts(bundle, options, memory)
            except BundleError as error:
                logger.warning("CUDA graphs are not used: %s", error)
        session = self._open(bundle.model, options)
        return gpu.Binding(session, "cuda", [output.name for output in session.get_outputs()], memory)

    def _bind_parts(self, bundle: Bundle, options: SessionOptions, memory: gpu.PageLocked) -> gpu.Binding:
        parts = bundle.parts()
        if parts is None:
            raise BundleError("the bundle has no parts of its graph, which `spotter export --fp16` writes")
        first, second = parts
        dense = gpu.Dense(self._open(first, options, Form(INPUTS[:1], None, recorded=True)), "cuda")
        words = self._open(second, options, Form((*INPUTS, *dense.outputs), OUTPUTS))
        return gpu.Binding(words, "cuda", OUTPUTS, memory, dense)

    def _open(self, model: bytes, options: SessionOptions, form: Form = WHOLE) -> ort.InferenceSession:
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        # Spinning threads pick up work at once within a run; after it they would occupy the cores that decode the next
        # pictures.
        settings.add_session_config_entry("session.force_spinning_stop", "1")
        providers = gpu.providers(options.device, form.recorded)
        _demand(providers[0][0], ort.get_available_providers())
        if options.device != "cpu":
            ort.preload_dlls()  # CUDA's libraries may lie in their own Python packages
        self.operators = loading.register(settings, opset_version(model, DOMAIN), options.device)
        try:
            session = ort.InferenceSession(model, settings, providers=providers)
        except Exception as error:  # ONNX Runtime's exceptions share no base but this
            raise BundleError(f"ONNX Runtime refuses the model: {error}") from error
        _demand(providers[0][0], session.get_providers())
        for kind, found, wanted in (
            ("inputs", session.get_inputs(), form.inputs),
            ("outputs", session.get_outputs(), form.outputs),
        ):
            names = tuple(value.name for value in found)
            if wanted is not None and names not in (wanted, (*wanted, ORIENTATION)):
                raise BundleError(f"the graph's {kind} are {names}, they must be {wanted}")
        return session

    def run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool = False) -> list[Rows]:
        """Reads a batch: images uint8 [B, H, W, 3], sizes int32 [B, 2] = (height, width) of the real parts.

        May be called by as many threads at once as the session has threads. crowded: whether all of them are busy, so
        that the CPU reads this batch with one thread.
        """
        if self._device != "cpu":
            index, *columns = self._binding.run(images, sizes)
            return split_rows(index, columns, len(images))
        if len(images) == 1:
            return self._run(images, sizes, crowded)
        # On a CPU, running several pictures at once gains nothing and uses the caches less well.
        return [self._run(images[n : n + 1], sizes[n : n + 1], crowded)[0] for n in range(len(images))]

    def release_memory(self) -> None:
        """Frees the memory that is kept for the next picture; on a CPU it is five times the model's size. The next
        picture then takes a quarter longer."""
        if self._device == "cpu":
            blank = np.zeros((1, self._least, self._least, 3), np.uint8), np.full((1, 2), self._least, np.int32)
            for session in {self._multi_threaded, self._single_threaded}:
                session.run(OUTPUTS, dict(zip(INPUTS, blank, strict=True)), self._frugal)

    def _run(self, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool) -> list[Rows]:
        session = self._single_threaded if crowded else self._multi_threaded
        # Hundreds of megabytes for a picture of unusual size would otherwise be kept for the next one of that size.
        options = self._frugal if images.shape[1] * images.shape[2] > self._usual else None
        index, *columns = session.run(None, {"images": images, "sizes": sizes}, options)
        return split_rows(index, columns, len(images))


def _demand(provider: str, present: Sequence[str]) -> None:
    if provider not in present:
        name = provider.removesuffix("ExecutionProvider")
        raise BundleError(f"ONNX Runtime has no {name} here; install the gpu extra or use the cpu device")


def split_rows(index: NDArray[np.int32], columns: Sequence[NDArray[np.generic]], count: int) -> list[Rows]:
    """Splits the rows among `count` pictures by `image_index` [N], keeping their order. columns: the outputs after
    `image_index`; those beyond `OUTPUTS` have one row for each picture."""
    rows, pictures = columns[: len(OUTPUTS) - 1], columns[len(OUTPUTS) - 1 :]
    if count == 1:
        return [Rows(*rows, *(each[0] for each in pictures))]  # type: ignore[arg-type]
    order = np.argsort(index, kind="stable")
    ends = np.searchsorted(index[order], np.arange(count + 1))
    return [
        Rows(*(column[order[start:end]] for column in rows), *(each[picture] for each in pictures))  # type: ignore[arg-type]
        for picture, (start, end) in enumerate(itertools.pairwise(ends))
    ]
