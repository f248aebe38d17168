from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spotter.export.exporter import exported as exporter
from spotter.export.graph import add_bodies
from spotter.export.parity import compare
from spotter.families.fots.regions import RoIRotate
from spotter.model.anchors import plain_anchors
from spotter.model.family import RegionSampler
from spotter.model.picture_recogniser import PictureRecogniser
from spotter.model.regions import PatchSize, sample_regions
from spotter.ops.interface import DOMAIN, INPUTS, OUTPUTS
from spotter.reading.bundles import find_bundle
from spotter.service.settings import Settings
from tests.export.conftest import TIMEOUT, Exported, quiet_exporter

pytestmark = pytest.mark.timeout(TIMEOUT)

Answer = list[NDArray[Any]]


@pytest.fixture(scope="module", name="session")
def make_session(exported: Exported) -> ort.InferenceSession:
    return ort.InferenceSession(str(exported.graph), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", name="proto")
def make_proto(exported: Exported) -> onnx.ModelProto:
    return onnx.load(str(exported.graph))


def noise(batch: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)


def answers(
    exported: Exported, session: ort.InferenceSession, images: NDArray[np.uint8], sizes: NDArray[np.int32]
) -> tuple[Answer, Answer]:
    with torch.no_grad():
        answer = exported.model(torch.from_numpy(images), torch.from_numpy(sizes))
    expected = [value.numpy() for value in answer[: len(OUTPUTS)]]
    return expected, session.run(list(OUTPUTS), {"images": images, "sizes": sizes})


@pytest.mark.parametrize("shape", [(1, 128, 192), (2, 192, 128), (3, 64, 64), (1, 64, 448)])
def test_the_graph_says_what_the_network_says(
    exported: Exported, session: ort.InferenceSession, shape: tuple[int, int, int]
) -> None:
    sizes = np.array([shape[1:]] * shape[0], np.int32)
    expected, found = answers(exported, session, noise(*shape), sizes)
    assert compare(expected, found, str(shape)) >= shape[0]
    # Random weights are sure of few characters, so `compare` may forgive those: probabilities must agree all the same.
    order = [np.lexsort((a[1][:, 0, 0], a[1][:, 0, 1], a[0])) for a in (expected, found)]
    np.testing.assert_allclose(expected[4][order[0]], found[4][order[1]], atol=5e-3)


def test_pictures_of_different_size_share_a_batch(exported: Exported, session: ort.InferenceSession) -> None:
    images = noise(2, 192, 256, seed=1)  # of seed 0, one column is as likely to say nothing as something
    sizes = np.array([[192, 256], [70, 130]], np.int32)
    expected, found = answers(exported, session, images, sizes)
    assert compare(expected, found, "two sizes") > 2
    index, polygons = found[0], found[1].astype(np.float64)
    assert set(index.tolist()) == {0, 1}
    # A region is found by an anchor point in the real part, so one of the words that it is cut into begins there.
    assert (polygons[index == 1].min(1) < [130, 70]).all(1).any()
    assert (polygons[index == 0].max(1) > [130, 70]).all(1).any()


def test_no_words_is_an_ordinary_answer(exported: Exported, session: ort.InferenceSession) -> None:
    sizes = np.zeros((2, 2), np.int32)  # nothing of either picture is real
    index, polygons, scores, characters, sureness = session.run(
        list(OUTPUTS), {"images": noise(2, 64, 128), "sizes": sizes}
    )
    assert index.shape == scores.shape == (0,)
    assert polygons.shape == (0, 4, 2)
    assert characters.shape[0] == 0
    assert sureness.shape == characters.shape


def test_argmax_sees_a_row_even_without_words(proto: onnx.ModelProto) -> None:
    """ONNX Runtime 1.31 gives ArgMax over a tensor without rows the size of another axis."""
    probed = onnx.ModelProto()
    probed.CopyFrom(proto)
    given = [node.input[0] for node in proto.graph.node if node.op_type == "ArgMax"]
    probed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in given)
    session = ort.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = session.run(given, {"images": noise(2, 64, 128), "sizes": np.zeros((2, 2), np.int32)})
    assert [value.shape[0] for value in seen] == [1]


def test_inputs_and_outputs_are_the_agreed_ones(session: ort.InferenceSession) -> None:
    inputs = {value.name: (value.type, len(value.shape)) for value in session.get_inputs()}
    assert inputs == {"images": ("tensor(uint8)", 4), "sizes": ("tensor(int32)", 2)}
    assert tuple(value.name for value in session.get_inputs()) == INPUTS
    outputs = {value.name: (value.type, len(value.shape)) for value in session.get_outputs()}
    assert outputs == {
        "image_index": ("tensor(int32)", 1),
        "polygons": ("tensor(float)", 3),
        "scores": ("tensor(float)", 1),
        "characters": ("tensor(int32)", 2),
        "character_scores": ("tensor(float)", 2),
        "orientation": ("tensor(float)", 2),
    }
    dynamic = [side for value in session.get_inputs() for side in value.shape if isinstance(side, str)]
    assert len(dynamic) == 4  # B, H and W, and B


def all_nodes(nodes: object) -> Iterator[onnx.NodeProto]:
    for node in nodes:  # type: ignore[attr-defined]
        yield node
        for attribute in node.attribute:
            yield from all_nodes(attribute.g.node)


@pytest.fixture(scope="module", name="shipped")
def load_shipped() -> onnx.ModelProto:
    """The graph that ships."""
    return onnx.load(str(find_bundle(Settings()).folder / "model.onnx"))


@pytest.mark.parametrize("graph", ["proto", "shipped"])
def test_nothing_loops_or_branches_in_graph_or_functions(graph: str, request: pytest.FixtureRequest) -> None:
    proto: onnx.ModelProto = request.getfixturevalue(graph)
    parts = {"": [*all_nodes(proto.graph.node)]}
    parts |= {function.name: [*all_nodes(function.node)] for function in proto.functions}
    assert sum(map(len, parts.values())) > 300
    looping = [
        f"{part}: {node.op_type}"
        for part, nodes in parts.items()
        for node in nodes
        if node.op_type in ("Loop", "If", "Scan")
    ]
    assert looping == []
    assert {node.domain for nodes in parts.values() for node in nodes} <= {"", DOMAIN}


class _Patches(nn.Module):
    """What a recogniser of feature maps is given of each box."""

    def __init__(self, sampler: RegionSampler) -> None:
        super().__init__()
        self.sampler = sampler

    def forward(self, fine: Tensor, shared: Tensor, boxes: Tensor, image_index: Tensor) -> tuple[Tensor, ...]:
        rows, columns = shared.shape[-2:]
        patches = self.sampler(fine, shared, plain_anchors(rows, columns, shared.device), boxes, image_index)
        return patches.fine, patches.coarse, patches.widths


def test_regions_are_sampled_by_our_operator_which_brings_its_body() -> None:
    sampler = RoIRotate(PatchSize(8, 4, 24))
    fine, shared = torch.randn(1, 4, 32, 48), torch.randn(1, 4, 16, 24)
    boxes = torch.tensor([[40.0, 30.0, 60.0, 16.0, 0.3, 0.0], [70.0, 40.0, 30.0, 12.0, -0.4, 0.1]])
    given = fine, shared, boxes, torch.zeros(2, dtype=torch.int64)
    with quiet_exporter():
        proto = exporter(_Patches(sampler.symbolic()), given)
    add_bodies(proto)
    sampling = [node for node in proto.graph.node if node.domain == DOMAIN]
    assert [node.op_type for node in sampling] == ["RoIRotate"] * 2
    attributes = [{a.name: a.i for a in node.attribute} for node in sampling]
    limits = {"min_width": 4, "max_width": 24}
    assert sorted(attributes, key=lambda a: a["stride"]) == [
        {"height": 16, "scale": 2, "stride": 2, **limits},
        {"height": 8, "scale": 1, "stride": 4, **limits},
    ]
    bodies = {function.name: function for function in proto.functions}
    assert {function.domain for function in proto.functions} == {DOMAIN}
    assert bodies.keys() == {"RoIRotate", "SampleRegions"}
    assert "SampleRegions" in [node.op_type for node in bodies["RoIRotate"].node]
    assert [node.op_type for node in bodies["SampleRegions"].node].count("GridSample") == 1
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    found = session.run(None, dict(zip(names, [value.numpy() for value in given], strict=True)))
    for mine, other in zip(_Patches(sampler)(*given), found, strict=True):
        np.testing.assert_allclose(other, mine.numpy(), atol=1e-4)


def test_the_graph_brings_the_bodies_that_it_calls_and_no_others(proto: onnx.ModelProto) -> None:
    assert {node.op_type for node in proto.graph.node if node.domain == DOMAIN} == {"SampleRegions"}
    assert [(function.domain, function.name) for function in proto.functions] == [(DOMAIN, "SampleRegions")]
    assert {entry.domain: entry.version for entry in proto.opset_import} == {"": 20, DOMAIN: 2}


def test_weights_lie_in_the_file(proto: onnx.ModelProto) -> None:
    assert not any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in proto.graph.initializer)


def test_the_network_keeps_its_own_parts(exported: Exported) -> None:
    assert type(exported.model.sampler) is RoIRotate
    assert isinstance(exported.model.recogniser, PictureRecogniser)
    assert exported.model.recogniser.sample is sample_regions


def test_a_family_without_an_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="no operator stands for RegionSampler"):
        RegionSampler().symbolic()


def test_nodes_tell_their_module_but_not_where_the_code_lay(exported: Exported) -> None:
    metadata = [
        {entry.key: entry.value for entry in node.metadata_props} for node in onnx.load(str(exported.graph)).graph.node
    ]
    assert any("name_scopes" in key for entries in metadata for key in entries)
    assert not any("/spotter/model/" in value for entries in metadata for value in entries.values())
