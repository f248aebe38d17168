"""Attention decoders in the graph: step by step, without a loop, jointly scored with CTC, and served."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from spotter.export import bundle as module
from spotter.export import parity
from spotter.export.bundle import export_bundle
from spotter.export.card import Origin
from spotter.export.graph import export_graph
from spotter.export.quantise import dense_products
from spotter.ops.interface import ATTENTION_STEP, FORWARD_STEP, OUTPUTS
from spotter.reading.reader import Reader
from tests.export.conftest import TIMEOUT, Exported, noisy_cases, quiet_exporter
from tests.export.metrics import metrics
from tests.lengths import minutes_long
from tests.model.small import SMALL_RECOGNISER, attending_spotter

pytestmark = [pytest.mark.timeout(2 * TIMEOUT), minutes_long]

LONGEST = 6


@pytest.fixture(scope="module", name="hybrid")
def make_hybrid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """A whole spotter that reads by both decoders; of one that reads by attention alone the graph has a part of this
    one's."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = attending_spotter("hybrid")
    graph = tmp_path_factory.mktemp("hybrid") / "model.onnx"
    with quiet_exporter():
        export_graph(model, graph)
    yield Exported(model, graph)
    torch.set_num_threads(threads)


def test_the_graph_reads_as_the_network_does(hybrid: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    assert parity.check_parity(hybrid.model, hybrid.graph, 64) > 10


def test_both_decoders_have_a_say(hybrid: Exported) -> None:
    """What the graph reads, beside what the same weights read by either decoder alone."""
    (case,) = [each for each in noisy_cases(64) if each.name == "one picture"]
    session = ort.InferenceSession(str(hybrid.graph), providers=["CPUExecutionProvider"])
    characters = np.asarray(session.run(["characters"], {"images": case.images, "sizes": case.sizes})[0])
    found = [tuple(row[row > 0].tolist()) for row in characters]
    alone = {}
    for decoder in ("both", "attention"):
        model = attending_spotter(decoder)
        model.load_state_dict(hybrid.model.state_dict())
        with torch.no_grad():
            rows = model(torch.from_numpy(case.images), torch.from_numpy(case.sizes))[OUTPUTS.index("characters")]
        alone[decoder] = {tuple(row[row > 0].tolist()) for row in rows}
    assert set(found) <= alone["both"] | alone["attention"]
    assert set(found) - alone["both"]
    assert set(found) - alone["attention"]


def test_steps_stand_one_behind_the_other(hybrid: Exported) -> None:
    proto = onnx.load(str(hybrid.graph))
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds.count(ATTENTION_STEP) == LONGEST
    assert kinds.count(FORWARD_STEP) == SMALL_RECOGNISER.max_width
    nodes = [*proto.graph.node, *(node for body in proto.functions for node in body.node)]
    assert not {"Loop", "Scan", "If"} & {node.op_type for node in nodes}


def test_the_products_that_give_characters_stay_in_float(hybrid: Exported) -> None:
    graph = onnx.load(str(hybrid.graph)).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    rounded = dense_products(graph, hybrid.model.roles)
    assert len(rounded) > 3
    assert all(shapes[matrix][1] != hybrid.model.charset.classes for matrix in rounded.values())


def test_a_bundle_of_it_is_served(hybrid: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CTC is so sure that every word is an a that attention, which reads anything, is outvoted."""
    sure = hybrid.sure_of("a", tmp_path)
    monkeypatch.setattr(module, "GOLDEN_LINES", ("a fig",))
    monkeypatch.setattr(module, "export_graph", sure.write)
    monkeypatch.setattr(parity, "cases", noisy_cases)
    origin = Origin([], metrics(), "Nothing but the letter a.", 12345)
    manifest, _ = export_bundle(
        copy.deepcopy(sure.model), tmp_path / "bundle", name="hybrid", version="1", score_threshold=0.3, origin=origin
    )
    assert manifest.golden.words == ("a",)
    noise = np.random.default_rng(0).integers(0, 256, (256, 512, 3), dtype=np.uint8)
    words = Reader.open(tmp_path / "bundle").read(noise, threshold=0.0)
    assert words
    assert {word.text for word in words} == {"a"}
