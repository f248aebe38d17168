"""A spotter whose recogniser reads the picture's own pixels, exported: in fp32 and in eight bits."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from spotter.export import parity
from spotter.export.parity import ParityError, check_form, check_parity, count_alike
from spotter.export.quantise import agreement, dense_convolutions, dense_products
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.ops.interface import BLOCK, COLUMNS, CONVOLUTION, DOMAIN, HALVING_BLOCK, ORIENTATION, OUTPUTS
from tests.export.conftest import TIMEOUT, Exported, noise, noisy_cases
from tests.model.small import spotter_of_turned_pictures
from tests.ops.graphs import open_graph

pytestmark = pytest.mark.timeout(TIMEOUT)


def test_the_graph_says_what_the_network_says(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    assert check_parity(exported.model, exported.graph, 64) > 10


def test_what_it_says_of_the_orientation_is_compared(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    other = spotter_of_turned_pictures()
    assert other.orientation is not None
    with torch.no_grad():
        other.orientation.out.bias[1] += 1
    with pytest.raises(ParityError, match="orientation"):
        check_parity(other, exported.graph, 64)


def test_in_eight_bits_it_says_the_same_of_the_orientation(exported: Exported, rounded_graph: Path) -> None:
    exact, rounded = (
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (exported.graph, rounded_graph)
    )
    for picture in noise(2):
        feeds = {"images": picture[None], "sizes": np.array([[128, 192]], np.int32)}
        expected, found = (session.run([ORIENTATION], feeds)[0] for session in (exact, rounded))
        assert expected.shape == (1, 4)
        np.testing.assert_allclose(expected.sum(), 1, atol=1e-5)
        np.testing.assert_allclose(found, expected, atol=0.1)


def test_no_words_are_an_ordinary_answer(exported: Exported) -> None:
    session = ort.InferenceSession(str(exported.graph), providers=["CPUExecutionProvider"])
    sizes = np.zeros((2, 2), np.int32)  # nothing of either picture is real
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 128, 3), dtype=np.uint8)
    answer = session.run(list(OUTPUTS), {"images": images, "sizes": sizes})
    check_form(answer, 2, 4, "no words")
    assert len(answer[0]) == 0


def test_words_are_sampled_from_the_picture_by_the_operator_with_its_body(exported: Exported) -> None:
    model = onnx.load(str(exported.graph))
    ours = [node.op_type for node in model.graph.node if node.domain == DOMAIN]
    assert ours == ["SampleRegions"]
    assert "SampleRegions" in {body.name for body in model.functions}


def test_eight_bits_go_to_the_detector_and_the_recognisers_1x1_convolutions(exported: Exported) -> None:
    graph = onnx.load(str(exported.graph)).graph
    weights = {node.name: node.input[1] for node in graph.node if node.op_type == "Conv"}
    chosen = {weights[name] for name in dense_convolutions(graph, exported.model.roles)}
    reading = {name for name in chosen if name.startswith("recogniser.")}
    recogniser = exported.model.recogniser
    assert isinstance(recogniser, PictureRecogniser)
    blocks = len(recogniser.network.blocks)
    assert len(reading) == 2 * blocks
    assert all(name.endswith((".up.weight", ".down.weight")) for name in reading)
    assert any(name.startswith("backbone.") for name in chosen)
    assert dense_products(graph, exported.model.roles) == {}  # its Transformer's matrices stay in float


def test_where_eight_bits_are(exported: Exported, rounded_graph: Path) -> None:
    graph = onnx.load(str(exported.graph)).graph
    weights = {node.name: node.input[1] for node in graph.node if node.op_type == "Conv"}
    chosen = {weights[name] for name in dense_convolutions(graph, exported.model.roles)}
    rounded = onnx.load(str(rounded_graph)).graph
    made_by = {name: node.op_type for node in rounded.node for name in node.output}
    for node in rounded.node:
        if node.op_type == "Conv":
            kinds = {made_by.get(name, "stored") for name in node.input[:2]}
            assert (kinds == {"DequantizeLinear"}) == (weights[node.name] in chosen), weights[node.name]
    share = agreement(exported.graph, rounded_graph, noise(2), 0.0)
    assert 0 < share <= 1
    answer = ort.InferenceSession(str(rounded_graph), providers=["CPUExecutionProvider"]).run(
        list(OUTPUTS), {"images": noise(1)[0][None], "sizes": np.array([[128, 192]], np.int32)}
    )
    check_form(answer, 1, 4, "rounded")
    assert len(answer[0]) > 3


def test_each_block_is_a_node_of_our_own_with_its_body(exported: Exported, rounded_graph: Path) -> None:
    model = onnx.load(str(rounded_graph))
    kinds = [node.op_type for node in model.graph.node if node.domain == DOMAIN and node.op_type != CONVOLUTION]
    assert kinds == ["SampleRegions", COLUMNS, BLOCK, BLOCK, HALVING_BLOCK, COLUMNS, BLOCK, HALVING_BLOCK, BLOCK]
    assert {body.name for body in model.functions} >= {COLUMNS, BLOCK, HALVING_BLOCK}
    # From one to the next nothing is turned.
    made_by = {name: node for node in model.graph.node for name in node.output}
    blocks = [node for node in model.graph.node if node.op_type in (BLOCK, HALVING_BLOCK)]
    assert [made_by[node.input[0]] in blocks for node in blocks] == [False, True, True, True, True, True]
    read = {name for node in model.graph.node for name in node.input}
    assert all(tensor.name in read for tensor in model.graph.initializer)
    assert not any(node.op_type == "Gelu" for node in model.graph.node)


def test_with_the_kernels_it_reads_as_with_the_bodies(rounded_graph: Path, library: Path) -> None:
    model = onnx.load(str(rounded_graph))
    entries = {"spotter.winograd": "off"}
    body, kernel = (open_graph(model, each, entries=entries, as_written=True) for each in (None, library))
    for number, picture in enumerate(noise(3)):
        feeds = {"images": picture[None], "sizes": np.array([[128, 192 - 40 * number]], np.int32)}
        expected, found = (session.run(list(OUTPUTS), feeds) for session in (body, kernel))
        assert len(expected[0]) > 3
        alike, total = count_alike(expected, found, 0.0)
        assert alike / total > 0.8  # of noise, which hardly any letter is sure of
        assert np.abs(found[4] - expected[4]).mean() < 0.02
