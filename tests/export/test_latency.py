"""The detector's time, by ONNX Runtime."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch

from spotter.export.latency import dense_graph, detector_milliseconds
from spotter.families.fots.maps import DetectionMaps
from spotter.model.config import BackboneConfig
from tests.export.conftest import TIMEOUT, quiet_exporter
from tests.model.small import small_config, talkative_spotter

pytestmark = [pytest.mark.timeout(TIMEOUT), pytest.mark.usefixtures("one_thread")]


def test_the_graph_computes_the_detectors_maps_of_a_pyramid() -> None:
    model = talkative_spotter()
    images = torch.randint(0, 256, (1, 128, 128, 3), dtype=torch.uint8)
    with quiet_exporter():
        session = ort.InferenceSession(dense_graph(model, images), providers=["CPUExecutionProvider"])
    score, distances, direction = session.run(None, {"images": images.numpy()})
    with torch.inference_mode():
        maps = model.detect(model.pyramid(images))
    assert isinstance(maps, DetectionMaps)
    assert score.shape == (1, 1, 52, 32)  # (128 + 16 + 64) / 4 rows: the picture, a gap, its halves
    np.testing.assert_allclose(score, maps.score.numpy(), atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(distances, maps.distances.numpy(), atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(direction, maps.direction.numpy(), atol=2e-3, rtol=1e-3)


def test_a_wide_network_takes_longer() -> None:
    narrow = small_config()
    wide = replace(narrow, backbone=BackboneConfig(64, (128, 128, 8, 8), (2, 2, 1, 1)), neck=64)
    with quiet_exporter():
        assert detector_milliseconds(wide, 128) > 3 * detector_milliseconds(narrow, 128)
