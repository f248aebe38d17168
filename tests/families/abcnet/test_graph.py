"""How maps become regions, as a graph of standard operators."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from spotter.families.abcnet.config import CurveConfig
from spotter.families.abcnet.head import CurveHead
from spotter.model.anchors import AnchorPoints, plain_anchors
from tests.export.conftest import TIMEOUT, write_part
from tests.lengths import minutes_long

pytestmark = [pytest.mark.timeout(TIMEOUT), minutes_long]
CPU = torch.device("cpu")


class _Finding(nn.Module):
    def __init__(self, head: CurveHead, anchors: AnchorPoints) -> None:
        super().__init__()
        self.head, self.anchors = head, anchors

    def forward(self, features: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.head.regions(self.head(features, self.anchors), sizes)
        return found.shapes, found.scores, found.image_index


def finding() -> _Finding:
    """Words of many sizes and bends, of which some overlap."""
    torch.manual_seed(5)
    head = CurveHead(6, CurveConfig(channels=8, bend=8)).eval()
    assert head.out.bias is not None
    with torch.no_grad():
        head.out.weight *= 4
        head.out.bias += torch.tensor([1.5, -0.5, 0.7, -0.5, 0.7, 0, 0, 0])
        nn.init.normal_(head.curve.weight, std=0.1)
    return _Finding(head, plain_anchors(40, 56, CPU))


def test_a_graph_finds_the_same_regions(tmp_path: Path) -> None:
    sizes = torch.tensor([[160, 224], [96, 128]], dtype=torch.int32)
    example = torch.randn(2, 6, 40, 56, generator=torch.Generator().manual_seed(0)), sizes
    write_part(finding(), example, tmp_path / "part.onnx", {"features": None, "sizes": None})
    session = ort.InferenceSession(str(tmp_path / "part.onnx"), providers=["CPUExecutionProvider"])
    for seed, loud in ((0, 1.0), (1, 1.6), (2, 0.0)):
        features = loud * torch.randn(2, 6, 40, 56, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            shapes, scores, index = finding()(features, sizes)
        found = session.run(None, {"features": features.numpy(), "sizes": sizes.numpy()})
        assert (len(shapes) > 5) == (loud > 0)
        np.testing.assert_array_equal(found[2], index.numpy())
        np.testing.assert_allclose(found[1], scores.numpy(), atol=1e-5)
        np.testing.assert_allclose(found[0], shapes.numpy(), atol=0.05)
