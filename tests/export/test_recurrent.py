from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from spotter.export.packed_sequences import PackedRecogniser
from spotter.model.recogniser import Recogniser
from tests.export.conftest import TIMEOUT, write_part
from tests.model.small import small_config, word_patches

pytestmark = pytest.mark.timeout(TIMEOUT)


def make_recogniser(encoder: str) -> Recogniser:
    torch.manual_seed(0)
    config = replace(small_config().map_recogniser, encoder=encoder, layers=2, decoder="both")
    return Recogniser(fine=4, coarse=8, classes=96, config=config).eval()


@pytest.fixture(scope="module", params=["lstm", "gru"], name="encoder")
def name_encoder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", name="graph")
def make_graph(encoder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser of LSTMs or GRUs alone, any number of words of any width."""
    recogniser = make_recogniser(encoder)
    path = tmp_path_factory.mktemp("recurrent") / "model.onnx"
    words, columns = torch.export.Dim("words", min=1), torch.export.Dim("columns", min=4, max=24)
    example = torch.randn(3, 4, 16, 16), torch.randn(3, 8, 8, 8), torch.tensor([8, 3, 5])
    shapes = {"fine": {0: words, 3: 2 * columns}, "coarse": {0: words, 3: columns}, "widths": {0: words}}
    write_part(PackedRecogniser(recogniser), example, path, shapes)
    return path


def test_the_operator_reads_as_the_network_does(graph: Path, encoder: str) -> None:
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    recogniser = make_recogniser(encoder)
    for widths in ([8, 3, 5], [1], [24, 4, 4, 20, 7]):
        fine, coarse, used = word_patches(widths, 4, 8, max(4, *widths))
        with torch.no_grad():
            expected = recogniser(fine, coarse, used).numpy()
        (found,) = session.run(None, {"fine": fine.numpy(), "coarse": coarse.numpy(), "widths": used.numpy()})
        for n, width in enumerate(widths):
            np.testing.assert_allclose(found[n, :width], expected[n, :width], atol=1e-4)


def test_it_is_one_operator_a_layer_and_no_loop(graph: Path, encoder: str) -> None:
    proto = onnx.load(str(graph))
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds.count(encoder.upper()) == 2
    assert not {"Loop", "Scan", "If"} & set(kinds)
    assert not any("attention" in tensor.name for tensor in proto.graph.initializer)
