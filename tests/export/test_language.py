"""The language model's search as an operator of the exported graph, by its body."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from spotter.export.graph import SymbolicLanguageModel, add_bodies
from spotter.model.charset import PRINTABLE_ASCII, Charset
from spotter.model.config import SearchConfig
from spotter.model.language import LanguageModel, LanguageTables
from tests.export.conftest import TIMEOUT, write_part

pytestmark = pytest.mark.timeout(TIMEOUT)


def make_language() -> LanguageModel:
    rng = np.random.default_rng(0)
    symbols = "".join(sorted(set(PRINTABLE_ASCII.lower())))
    costs = rng.integers(0, 200, (50, len(symbols) + 1)).astype(np.uint8)
    following = rng.integers(0, 50, costs.shape).astype(np.uint16)
    return LanguageModel(LanguageTables(costs, following, symbols), Charset(), SearchConfig(0.5, 1.5, 6))


@pytest.fixture(scope="module", name="graph")
def make_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search alone, of any number of words of any width."""
    path = tmp_path_factory.mktemp("language") / "model.onnx"
    words, columns = torch.export.Dim("words", min=1), torch.export.Dim("columns", min=4, max=24)
    example = torch.randn(3, 8, 96).log_softmax(-1), torch.tensor([8, 3, 5])
    shapes = {"log_probabilities": {0: words, 1: columns}, "widths": {0: words}}
    write_part(SymbolicLanguageModel(make_language()).eval(), example, path, shapes)
    proto = onnx.load(str(path))
    add_bodies(proto)
    onnx.save(proto, str(path))
    return path


@pytest.mark.parametrize("widths", [[8, 3, 5], [1], [24, 4, 0, 20, 7]])
def test_the_operator_reads_as_the_network_does(graph: Path, widths: list[int]) -> None:
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(len(widths))
    log_probabilities = (3 * torch.randn(len(widths), max(4, *widths), 96, generator=generator)).log_softmax(-1)
    classes, margins = make_language()(log_probabilities, torch.tensor(widths))
    found, ahead = session.run(None, {"log_probabilities": log_probabilities.numpy(), "widths": np.array(widths)})
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, classes.numpy())
    np.testing.assert_allclose(ahead, margins.numpy(), atol=1e-4)


def test_columns_are_read_in_turn_and_nothing_else_loops_or_branches(graph: Path) -> None:
    (body,) = (function for function in onnx.load(str(graph)).functions if function.name == "CtcBeamSearch")
    nodes = [*body.node, *(inner for node in body.node for a in node.attribute for inner in a.g.node)]
    assert [node.op_type for node in nodes if node.op_type in ("Loop", "If", "Scan")] == ["Scan"]


def test_the_tables_are_stored_in_as_few_bits_as_they_need(graph: Path) -> None:
    stored = {tensor.data_type: list(tensor.dims) for tensor in onnx.load(str(graph)).graph.initializer}
    assert stored[onnx.TensorProto.UINT8] == [50, 70]
    assert stored[onnx.TensorProto.UINT16] == [50, 70]
