"""What the configuration may choose below the head ends in a graph that computes the same, at any size of picture."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from spotter.export.folding import folded
from spotter.model.backbone import Backbone
from spotter.model.config import BackboneConfig
from spotter.model.neck import neck
from tests.export.conftest import TIMEOUT, write_part

pytestmark = [pytest.mark.timeout(TIMEOUT), pytest.mark.usefixtures("one_thread")]


class Shared(nn.Module):
    """From pictures to the map that head and recogniser share."""

    def __init__(self, block: str, kind: str) -> None:
        super().__init__()
        config = BackboneConfig(stem=4, channels=(4, 4, 32), blocks=(1, 1, 1), block=block)
        self.backbone = Backbone(config)
        self.neck = neck(kind, config.channels, 8)

    def forward(self, pictures: Tensor) -> Tensor:
        shared: Tensor = self.neck(self.backbone(pictures)[1:])
        return shared


@pytest.mark.parametrize(("block", "kind"), [("attention", "bifpn"), ("inverted", "pan")])
def test_it_is_exported_alike(block: str, kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Shared(block, kind).eval()
    rows, columns = torch.export.Dim("rows", min=2, max=64), torch.export.Dim("columns", min=2, max=64)
    shapes = {"pictures": {2: 16 * rows, 3: 16 * columns}}
    write_part(folded(model), (torch.randn(1, 3, 96, 64),), tmp_path / "model.onnx", shapes)
    session = ort.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 96, 64), (1, 3, 32, 144)):
        pictures = torch.randn(shape)
        with torch.no_grad():
            expected = model(pictures).numpy()
        (found,) = session.run(None, {"pictures": pictures.numpy()})
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
    kinds = {node.op_type for node in onnx.load(str(tmp_path / "model.onnx")).graph.node}
    assert not {"Loop", "Scan", "If", "BatchNormalization"} & kinds
