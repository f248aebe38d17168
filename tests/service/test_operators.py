import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter import native
from spotter.registry.bundle import Bundle
from spotter.registry.folder import embedded
from spotter.service import imaging, operators
from spotter.service.imaging import PictureLimits
from spotter.service.operators import Operators
from spotter.service.session import Session, SessionOptions
from spotter.service.text import decode


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
    monkeypatch.setattr(operators, "_said", set())


def test_a_graph_without_operators_of_its_own_needs_no_kernels() -> None:
    options = Options("must not be called")
    assert operators.register(options, b"", "cpu") == Operators("none")


def test_kernels_are_given_when_they_fit(shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    options = Options()
    assert operators.register(options, shipped.model, "cpu") == Operators("native")
    assert options.given == [str(library)]
    assert options.entries == {}


def test_whether_convolutions_go_by_the_kernel_can_be_said(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    monkeypatch.setenv(native.CONVOLUTION_VARIABLE, "on")
    options = Options()
    operators.register(options, shipped.model, "cpu")
    assert options.entries == {"spotter.winograd": "on"}


def test_on_a_gpu_convolutions_go_by_their_bodies(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "find", lambda: native.Kernels(library, cuda=True))
    monkeypatch.setenv(native.CONVOLUTION_VARIABLE, "on")
    options = Options()
    assert operators.register(options, shipped.model, "cuda") == Operators("native")
    assert options.entries == {"spotter.winograd": "off"}


@pytest.mark.parametrize(
    ("change", "device", "reason"),
    [
        (lambda patch: patch.setenv(native.VARIABLE, "off"), "cpu", "off"),
        (lambda patch: None, "cuda", "none were built for cuda"),
        (lambda patch: patch.setattr(operators, "opset_version", lambda *_: 2), "cpu", "version 2 of the operators"),
    ],
)
def test_else_the_bodies_run_and_it_is_said_once(
    shipped: Bundle,
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: Any,
    device: str,
    reason: str,
) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    change(monkeypatch)
    options = Options()
    with caplog.at_level(logging.WARNING):
        found = [operators.register(options, shipped.model, device) for _ in range(3)]
    assert [each.run for each in found] == ["function"] * 3
    assert reason in found[0].reason
    assert options.given == []
    assert [reason in record.getMessage() for record in caplog.records] == [True]


def test_a_refusal_of_onnx_runtime_is_no_failure(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.VARIABLE, str(library))
    assert operators.register(Options("too old"), shipped.model, "cpu") == Operators("function", "too old")


def noise_with_a_bar() -> NDArray[np.uint8]:
    """Noise, and a bar with black strokes, so that something is found."""
    image = np.random.default_rng(0).integers(0, 256, (256, 320, 3), np.uint8)
    image[64:128] = 255
    image[80:112, 40:280:12] = 0
    return image


@pytest.mark.parametrize(("picture", "least"), [("noise", 1), ("golden", 5)])
def test_the_shipped_model_reads_alike_with_and_without_kernels(
    shipped: Bundle, library: Path, monkeypatch: pytest.MonkeyPatch, picture: str, least: int
) -> None:
    golden = imaging.prepare(shipped.read(shipped.manifest.golden.picture), shipped.manifest.input, PictureLimits())
    image = noise_with_a_bar() if picture == "noise" else golden.padded
    size = np.array([image.shape[:2] if picture == "noise" else golden.working[::-1]], np.int32)
    answers = []
    for value in (str(library), "off"):
        monkeypatch.setenv(native.VARIABLE, value)
        session = Session(shipped, SessionOptions(1))
        assert session.operators.run == ("function" if value == "off" else "native")
        answers.append(session.run(image[None], size)[0])
    kernel, body = answers
    assert len(kernel.scores) >= least
    np.testing.assert_allclose(kernel.polygons, body.polygons, atol=1e-3)
    # A sample that differs in its last bit may fall to the other side of an 8-bit step: 0.0018 and 0.0034 were seen.
    np.testing.assert_allclose(kernel.scores, body.scores, atol=1e-2)
    # In noise a letter may be as likely in upper as in lower case.
    charset = shipped.manifest.charset
    read = [[decode(row, charset).lower() for row in rows.characters.tolist()] for rows in (kernel, body)]
    assert read[0] == read[1]
