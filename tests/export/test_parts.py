"""The graph in two parts, run one after the other as a GPU does."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from spotter.export.parity import ParityError
from spotter.export.parts import check_parts, maps_between, split
from spotter.export.quantise import halve
from spotter.model.roles import Roles
from spotter.ops.interface import INPUTS, OUTPUTS
from spotter.reading import gpu
from tests.export.conftest import TIMEOUT, Exported, noisy_cases

pytestmark = pytest.mark.timeout(TIMEOUT)


@pytest.fixture(scope="module", name="parts", params=["fp32", "fp16"])
def make_parts(
    request: pytest.FixtureRequest, exported: Exported, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    """The graph, and its dense part and the rest."""
    folder = tmp_path_factory.mktemp("parts")
    whole = exported.graph
    if request.param == "fp16":
        whole = folder / "fp16.onnx"
        halve(exported.graph, whole, exported.model.roles)
    split(whole, folder / "dense.onnx", folder / "words.onnx", exported.model.roles)
    return whole, folder / "dense.onnx", folder / "words.onnx"


@pytest.fixture(scope="module", name="sessions")
def open_parts(parts: tuple[Path, Path, Path]) -> list[ort.InferenceSession]:
    return [ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in parts]


def test_the_parts_answer_as_the_whole_to_the_last_bit(
    parts: tuple[Path, Path, Path], sessions: list[ort.InferenceSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spotter.export.parts.cases", noisy_cases)
    assert check_parts(*parts, 64) > 0
    _, dense, words = sessions
    assert [value.name for value in dense.get_inputs()] == ["images"]
    maps = [value.name for value in dense.get_outputs()]
    assert [value.name for value in words.get_inputs()] == [*INPUTS, *maps]
    # Nothing of the pictures but their shape is needed twice, except what the recogniser samples.
    readers = {node.op_type for node in onnx.load(str(parts[2])).graph.node if "images" in node.input}
    assert readers == {"Shape", "Transpose"}


def test_parts_of_another_graph_are_refused(
    parts: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spotter.export.parts.cases", noisy_cases)
    dense = onnx.load(str(parts[1]))
    name = next(node.input[1] for node in dense.graph.node if node.op_type == "Conv")
    (tensor,) = (tensor for tensor in dense.graph.initializer if tensor.name == name)
    values = onnx.numpy_helper.to_array(tensor)
    tensor.CopyFrom(onnx.numpy_helper.from_array((values * 1.5).astype(values.dtype), name))
    onnx.save(dense, str(tmp_path / "other.onnx"))
    with pytest.raises(ParityError, match="in two parts the graph answers otherwise"):
        check_parts(parts[0], tmp_path / "other.onnx", parts[2], 64)


def test_a_graph_without_regions_is_not_cut() -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        maps_between(onnx.GraphProto(), Roles())


def test_bound_parts_answer_as_unbound_ones_whatever_is_recorded(
    sessions: list[ort.InferenceSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "RECORDED", 1)
    monkeypatch.setattr(gpu, "SHAPES", 2)
    _, first, second = sessions
    dense = gpu.Dense(first, "cpu")
    binding = gpu.Binding(second, "cpu", OUTPUTS, gpu.PageLocked(None), dense)
    rng = np.random.default_rng(1)

    def check(height: int, width: int) -> None:
        images: NDArray[np.uint8] = rng.integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        sizes = np.array([[height, width]], np.int32)
        maps = dict(zip(dense.outputs, first.run(dense.outputs, {"images": images}), strict=True))
        expected = second.run(OUTPUTS, {"images": images, "sizes": sizes} | maps)
        for mine, other in zip(binding.run(images, sizes), expected, strict=True):
            np.testing.assert_array_equal(mine, other)

    check(64, 128)
    assert not dense.recorded
    check(64, 128)
    assert dense.recorded.keys() == {(1, 64, 128, 3)}
    kept = binding._inputs[1, 64, 128, 3]
    for size in ((64, 128), (128, 64), (128, 64), (64, 64), (128, 128), (64, 128)):
        check(*size)
    assert dense.recorded.keys() == {(1, 64, 128, 3)}
    assert binding._inputs[1, 64, 128, 3] is kept  # where the recording reads


class Recorder:
    """A session that notes how it was asked to run, and fails to record on demand."""

    def __init__(self, session: ort.InferenceSession, fails: bool = False) -> None:
        self._session, self._fails = session, fails
        self.asked: list[str] = []

    def get_outputs(self) -> list[ort.NodeArg]:
        outputs: list[ort.NodeArg] = self._session.get_outputs()
        return outputs

    def io_binding(self) -> ort.IOBinding:
        return self._session.io_binding()

    def run_with_iobinding(self, binding: ort.IOBinding, options: ort.RunOptions) -> None:
        number = options.get_run_config_entry("gpu_graph_id")
        self.asked.append(number)
        if self._fails and number != "-1":
            raise RuntimeError("capture failed")
        self._session.run_with_iobinding(binding, options)


@pytest.mark.parametrize("fails", [False, True])
def test_a_shape_is_recorded_when_it_comes_back(
    sessions: list[ort.InferenceSession], caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    recorder = Recorder(sessions[1], fails)
    dense = gpu.Dense(recorder, "cpu")
    values = {width: ort.OrtValue.ortvalue_from_numpy(np.zeros((1, 64, width, 3), np.uint8)) for width in (64, 128)}
    with caplog.at_level(logging.WARNING):
        for width in (64, 128, 64, 64, 128):
            maps = dense.run((1, 64, width, 3), values[width])
            assert len(maps) == len(dense.outputs) == 1
    if fails:
        assert recorder.asked == ["-1", "-1", "-1", "1", "-1", "-1", "-1"]
        assert caplog.text.count("cannot record") == 1
    else:
        assert recorder.asked == ["-1", "-1", "-1", "1", "1", "-1", "2"]
