"""The detector's time, by ONNX Runtime."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch

from spotter.export import latency
from spotter.export.latency import DensePart, detector_milliseconds
from spotter.model.config import BackboneConfig
from spotter.model.spotter import Spotter
from tests.export.conftest import TIMEOUT, quiet_exporter
from tests.model.small import small_config, talkative_spotter

pytestmark = [pytest.mark.timeout(TIMEOUT), pytest.mark.usefixtures("one_thread")]


def test_what_is_timed_is_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph that is timed computes the maps of the picture's pyramid."""
    model = talkative_spotter()
    graphs: list[bytes] = []

    class Session(ort.InferenceSession):  # type: ignore[misc]
        def __init__(self, graph: bytes, *arguments: object, **options: object) -> None:
            graphs.append(graph)
            super().__init__(graph, *arguments, **options)

    monkeypatch.setattr(latency, "build_spotter", lambda _config: model)
    monkeypatch.setattr(latency.ort, "InferenceSession", Session)
    with quiet_exporter():
        assert detector_milliseconds(small_config(), 128, turns=1) > 0
    images = torch.randint(0, 256, (1, 128, 128, 3), dtype=torch.uint8)
    found = ort.InferenceSession(graphs[0], providers=["CPUExecutionProvider"]).run(None, {"images": images.numpy()})
    with torch.inference_mode():
        expected = DensePart(Spotter.eval(model))(images)
    assert [value.shape for value in found] == [(1, 1, 56, 32), (1, 4, 56, 32), (1, 3, 56, 32)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=2e-3, rtol=1e-3)


def test_a_wide_network_takes_longer() -> None:
    narrow = small_config()
    wide = replace(narrow, backbone=BackboneConfig(64, (128, 128, 8, 8), (2, 2, 1, 1)), neck=64)
    with quiet_exporter():
        assert detector_milliseconds(wide, 128) > 3 * detector_milliseconds(narrow, 128)
