"""The head's parts as graphs of standard operators and our kernel's, for any number of words."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from spotter.export.graph import add_bodies
from spotter.families.abcnet.bezier import fitted
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.mask import outlines_of
from spotter.model.anchors import AnchorPoints, plain_anchors
from spotter.ops.interface import DOMAIN
from tests.export.conftest import TIMEOUT, write_part
from tests.families.abcnet.shapes import arc
from tests.families.abcnet.shapes import straight as curved
from tests.families.mask_textspotter.shapes import bias, classes, loud, straight
from tests.lengths import minutes_long

pytestmark = [pytest.mark.timeout(TIMEOUT), minutes_long]
CONFIG = MaskConfig(channels=8, mask=8, reader=8, longest=3, reading="fused")
CPU = torch.device("cpu")


def talkative_head() -> MaskHead:
    torch.manual_seed(6)
    head = MaskHead(6, CONFIG, 9).eval()
    loud(head.reader.decoder)
    with torch.no_grad():
        nn.init.normal_(head.mask.out.weight, std=2)
        head.reader.classify.weight *= 6
        head.reader.middles.weight *= 8
        bias(head.reader.middles).add_(2)
    return head


class _Outlining(nn.Module):
    def __init__(self, head: MaskHead, anchors: AnchorPoints) -> None:
        super().__init__()
        self.mask, self.anchors = head.mask, anchors

    def forward(self, features: Tensor, curves: Tensor, image_index: Tensor) -> Tensor:
        return outlines_of(self.mask(features, self.anchors, curves, image_index))


class _Reading(nn.Module):
    def __init__(self, head: MaskHead, anchors: AnchorPoints) -> None:
        super().__init__()
        self.head, self.anchors = head, anchors

    def forward(self, features: Tensor, outlines: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        read = self.head.read(features, self.anchors, outlines, image_index)
        return read.logits, read.widths


def write(part: nn.Module, regions: Tensor, path: Path) -> ort.InferenceSession:
    words = torch.export.Dim("words", min=1, max=4096)
    example = torch.randn(2, 6, 32, 48), regions, torch.tensor([1, 0, 1])
    name = "curves" if regions.shape[1] == 16 else "outlines"
    write_part(part, example, path, {"features": None, name: {0: words}, "image_index": {0: words}})
    proto = onnx.load(str(path))
    add_bodies(proto)
    assert [node.op_type for node in proto.graph.node if node.domain == DOMAIN] == ["SampleRegions"]
    assert not {node.op_type for node in proto.graph.node} & {"Loop", "If", "Scan"}
    onnx.save(proto, str(path))
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def numbers(count: int) -> torch.Generator:
    return torch.Generator().manual_seed(count)


@pytest.mark.parametrize("count", [1, 40])
def test_masks_give_the_same_outlines_in_a_graph(outlining: ort.InferenceSession, count: int) -> None:
    spread = torch.tensor([180.0, 120.0, 60.0, 30.0, 6.2, 1.0])
    boxes = torch.rand(count, 6, generator=numbers(count)) * spread + torch.tensor([0.0, 0, 20, 8, -3.1, -0.5])
    curves = fitted(boxes_to_polygons(boxes)) + torch.randn(count, 16, generator=numbers(count))
    features, index = torch.randn(2, 6, 32, 48, generator=numbers(0)), torch.arange(count) % 2
    with torch.no_grad():
        wanted = _Outlining(talkative_head(), plain_anchors(32, 48, CPU))(features, curves, index)
    feeds = {"features": features.numpy(), "curves": curves.numpy(), "image_index": index.numpy()}
    (found,) = outlining.run(None, feeds)
    np.testing.assert_allclose(found, wanted.numpy(), atol=0.05)


@pytest.mark.parametrize("count", [1, 40])
def test_outlines_are_read_alike_in_a_graph(reading: ort.InferenceSession, count: int) -> None:
    places = torch.rand(count, 4, generator=numbers(count)) * torch.tensor([100.0, 90, 80, 20])
    outlines = torch.cat([straight(x, y, x + 10 + w, y + 8 + h) for x, y, w, h in places.tolist()])
    features, index = torch.randn(2, 6, 32, 48, generator=numbers(0)), torch.arange(count) % 2
    with torch.no_grad():
        wanted = talkative_head().read(features, plain_anchors(32, 48, CPU), outlines, index)
    feeds = {"features": features.numpy(), "outlines": outlines.numpy(), "image_index": index.numpy()}
    logits, widths = reading.run(None, feeds)
    assert widths.tolist() == wanted.widths.tolist()
    path = wanted.logits.argmax(2)
    assert classes(path) > (1 if count == 1 else 3)
    assert (logits.argmax(2) == path.numpy()).mean() > 0.99  # ties
    assert np.median(np.abs(logits - wanted.logits.numpy())) < 1e-3


@pytest.fixture(scope="module", name="outlining")
def make_outlining(tmp_path_factory: pytest.TempPathFactory) -> ort.InferenceSession:
    head = talkative_head().symbolic()
    assert isinstance(head, MaskHead)
    curves = torch.cat((arc(40, 60, -90, 90, (60, 60)), curved(50, 40, 60, 60), curved(90, 90, 160, 102)))
    path = tmp_path_factory.mktemp("outlining") / "part.onnx"
    return write(_Outlining(head, plain_anchors(32, 48, CPU)), curves, path)


@pytest.fixture(scope="module", name="reading")
def make_reading(tmp_path_factory: pytest.TempPathFactory) -> ort.InferenceSession:
    head = talkative_head().symbolic()
    assert isinstance(head, MaskHead)
    outlines = torch.cat((straight(10, 10, 70, 30), straight(5, 40, 25, 60), straight(20, 70, 150, 84)))
    path = tmp_path_factory.mktemp("reading") / "part.onnx"
    return write(_Reading(head, plain_anchors(32, 48, CPU)), outlines, path)
