import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter import OPERATORS_VERSION
from spotter.ops import loading, native
from spotter.ops.loading import OperatorStatus
from spotter.reading import imaging
from spotter.reading.imaging import PictureLimits
from spotter.reading.session import Rows, Session, SessionOptions
from spotter.reading.text import texts
from spotter.registry.bundle import Bundle
from spotter.registry.folder import embedded


class Options:
    """Stands in for a session's options."""

    def __init__(self, fail: str = "") -> None:
        self.fail = fail
        self.given: list[str] = []
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value

    def register_custom_ops_library(self, path: str) -> None:
        if self.fail:
            raise RuntimeError(self.fail)
        self.given.append(path)


@pytest.fixture(name="shipped", scope="module")
def open_shipped() -> Bundle:
    return embedded().open("spotter", embedded().aliases("spotter")["live"])


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_said", set())


def test_a_graph_without_operators_of_its_own_needs_no_kernels() -> None:
    options = Options("must not be called")
    assert loading.register(options, None, "cpu") == OperatorStatus("none")


def test_kernels_are_given_when_they_fit(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    options = Options()
    assert loading.register(options, OPERATORS_VERSION, "cpu") == OperatorStatus("native")
    assert options.given == [str(library)]
    assert options.entries == {}


@pytest.mark.parametrize(
    ("variable", "setting", "entries"),
    [
        (native.CONVOLUTION_VARIABLE, "on", {"spotter.winograd": "on"}),
        (native.BLOCKS_VARIABLE, "avx2", {"spotter.blocks": "avx2"}),
    ],
)
def test_how_kernels_are_used_can_be_said(
    variable: str, setting: str, entries: dict[str, str], library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    monkeypatch.setenv(variable, setting)
    options = Options()
    loading.register(options, OPERATORS_VERSION, "cpu")
    assert options.entries == entries


def test_on_a_gpu_convolutions_go_by_their_bodies(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "find", lambda: native.Kernels(library, cuda=True))
    monkeypatch.setenv(native.CONVOLUTION_VARIABLE, "on")
    options = Options()
    assert loading.register(options, OPERATORS_VERSION, "cuda") == OperatorStatus("native")
    assert options.entries == {"spotter.winograd": "off", "spotter.blocks": "off"}


@pytest.mark.parametrize(
    ("off", "version", "device", "reason"),
    [
        (True, OPERATORS_VERSION, "cpu", "off"),
        (False, OPERATORS_VERSION, "cuda", "none were built for cuda"),
        (False, OPERATORS_VERSION + 1, "cpu", "version 3 of the operators, the kernels 1 to 2"),
    ],
)
def test_else_the_bodies_run_and_it_is_said_once(
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    off: bool,
    version: int,
    device: str,
    reason: str,
) -> None:
    monkeypatch.setenv(native.VARIABLE, "off" if off else str(library))
    options = Options()
    with caplog.at_level(logging.WARNING):
        found = [loading.register(options, version, device) for _ in range(3)]
    assert [each.run for each in found] == ["function"] * 3
    assert reason in found[0].reason
    assert options.given == []
    assert [reason in record.getMessage() for record in caplog.records] == [True]


def test_a_refusal_of_onnx_runtime_is_no_failure(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    assert loading.register(Options("too old"), OPERATORS_VERSION, "cpu") == OperatorStatus("function", "too old")


def read_with_and_without_kernels(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch, image: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[Rows, Rows]:
    """What the kernels and the bodies make of a picture of (height, width)."""
    answers = []
    for value in (str(library), "off"):
        monkeypatch.setenv(native.VARIABLE, value)
        session = Session(shipped, SessionOptions(1))
        assert session.operators.run == ("function" if value == "off" else "native")
        answers.append(session.run(image[None], np.array([size], np.int32))[0])
    return answers[0], answers[1]


def letters(shipped: Bundle, rows: Rows) -> list[str]:
    return [text.lower() for text in texts(rows.characters, shipped.manifest.charset)]


def golden_picture(shipped: Bundle) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    golden = imaging.prepare(shipped.read(shipped.manifest.golden.picture), shipped.manifest.input, PictureLimits())
    return golden.padded, (golden.working[1], golden.working[0])


def test_the_shipped_model_reads_alike_with_and_without_kernels(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the convolutions', which round a little otherwise than sums of integers."""
    monkeypatch.setenv(native.CONVOLUTION_VARIABLE, "off")
    image, size = golden_picture(shipped)
    kernel, body = read_with_and_without_kernels(shipped, library, monkeypatch, image, size)
    assert len(kernel.scores) >= 5
    np.testing.assert_allclose(kernel.polygons, body.polygons, atol=1e-3)
    # A sample that differs in its last bit may fall to the other side of an 8-bit step, which a recogniser of pictures
    # carries on through twenty convolutions: of eight scores three moved by 0.0102 and more, one of nine by 0.106.
    moved = np.abs(kernel.scores - body.scores)
    assert np.sort(moved)[: max(1, len(moved) * 3 // 4)].max() < 2e-2
    assert moved.max() < 0.15
    assert letters(shipped, kernel) == letters(shipped, body)


def test_the_shipped_model_reads_the_same_words_by_the_kernel_of_convolutions(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In places that differ by a rounding of the maps: 1.3 pixels were seen."""
    monkeypatch.setenv(native.CONVOLUTION_VARIABLE, "on")
    image, size = golden_picture(shipped)
    kernel, body = read_with_and_without_kernels(shipped, library, monkeypatch, image, size)
    sure = [np.flatnonzero(rows.scores >= shipped.manifest.score_threshold) for rows in (kernel, body)]
    words = [sorted(letters(shipped, rows)[n] for n in kept) for rows, kept in zip((kernel, body), sure, strict=True)]
    assert words[0] == words[1]
    assert words[0] == sorted(word.lower() for word in shipped.manifest.golden.words)
    places = [rows.polygons[kept].mean(1) for rows, kept in zip((kernel, body), sure, strict=True)]
    for place in places[0]:
        assert np.linalg.norm(places[1] - place, axis=1).min() < 4
