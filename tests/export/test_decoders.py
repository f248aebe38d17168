"""Attention decoders in the graph: step by step, without a loop, and jointly scored with CTC."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from spotter.export.graph import add_bodies
from spotter.export.packed_sequences import PackedRecogniser
from spotter.model.ctc import greedy_path
from spotter.model.recogniser import Recogniser
from spotter.ops.interface import ATTENTION_STEP, FORWARD_STEP
from tests.export.conftest import TIMEOUT, write_part
from tests.model.small import SMALL_RECOGNISER, word_patches

pytestmark = [pytest.mark.timeout(TIMEOUT), pytest.mark.usefixtures("one_thread")]

LONGEST, COLUMNS = 5, 12
DECODERS = ("attention", "hybrid")


def make_recogniser(decoder: str) -> Recogniser:
    torch.manual_seed(0)
    config = replace(SMALL_RECOGNISER, decoder=decoder, longest=LONGEST, max_width=COLUMNS)
    recogniser = Recogniser(fine=4, coarse=8, classes=12, config=config).eval()
    assert recogniser.attention is not None
    with torch.no_grad():  # so that they say something, and not the same of every word
        recogniser.columns.get_parameter("0.weight").mul_(3)
        recogniser.classify.weight *= 6
        recogniser.attention.classify.weight *= 9
        recogniser.attention.embed.weight *= 3
    return recogniser


class Both(nn.Module):
    """A recogniser of each kind on the same patches."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PackedRecogniser(make_recogniser(decoder)) for decoder in DECODERS)

    def forward(self, fine: Tensor, coarse: Tensor, widths: Tensor) -> tuple[Tensor, ...]:
        return tuple(part(fine, coarse, widths) for part in self.parts)


@pytest.fixture(scope="module", name="graph")
def make_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("decoders") / "model.onnx"
    words, columns = torch.export.Dim("words", min=1), torch.export.Dim("columns", min=4, max=COLUMNS)
    example = torch.randn(3, 4, 16, 16), torch.randn(3, 8, 8, 8), torch.tensor([8, 3, 5])
    shapes = {"fine": {0: words, 3: 2 * columns}, "coarse": {0: words, 3: columns}, "widths": {0: words}}
    write_part(Both(), example, path, shapes)
    proto = onnx.load(str(path))
    add_bodies(proto)
    onnx.checker.check_model(proto)
    onnx.save(proto, str(path))
    return path


def test_the_graph_reads_as_the_network_does(graph: Path) -> None:
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    texts: dict[str, set[tuple[int, ...]]] = {decoder: set() for decoder in DECODERS}
    for widths in ([8, 3, 5], [1], [12, 4, 4, 12, 7]):
        fine, coarse, used = word_patches(widths, 4, 8, max(4, *widths), seed=sum(widths))
        answers = session.run(None, {"fine": fine.numpy(), "coarse": coarse.numpy(), "widths": used.numpy()})
        for decoder, answer in zip(DECODERS, answers, strict=True):
            with torch.no_grad():
                expected = make_recogniser(decoder)(fine, coarse, used)
            for n, width in enumerate(widths):
                np.testing.assert_allclose(np.exp(answer[n, :width]), expected[n, :width].exp(), atol=1e-4)
            texts[decoder] |= {tuple(c for c in row if c) for row in greedy_path(expected, used).classes.tolist()}
    assert all(len(found) > 3 for found in texts.values())
    assert texts["attention"] != texts["hybrid"]


def test_steps_stand_one_behind_the_other(graph: Path) -> None:
    proto = onnx.load(str(graph))
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds.count(ATTENTION_STEP) == 2 * LONGEST
    assert kinds.count(FORWARD_STEP) == COLUMNS
    nodes = [*proto.graph.node, *(node for body in proto.functions for node in body.node)]
    assert not {"Loop", "Scan", "If"} & {node.op_type for node in nodes}
