"""Mask TextSpotter in the common loop, from FOTS's weights, in a graph, in 8 bits, and served."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

from spotter.export import bundle, parity, quantise
from spotter.export.card import Origin
from spotter.export.graph import export_graph
from spotter.families.build import build_spotter
from spotter.families.config import SpotterConfig
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.mask import outlines_of
from spotter.families.mask_textspotter.targets import MaskTruth
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig, ScoreConfig
from spotter.model.spotter import Spotter
from spotter.ops.interface import DOMAIN
from spotter.registry.folder import FolderStore
from spotter.training.batch import collate
from spotter.training.config import Stage, TrainConfig
from spotter.training.loop import Trainer
from spotter.training.sample import Sample
from spotter.training.starting_weights import load_starting_weights
from tests.export.conftest import TIMEOUT, noisy_cases, quiet_exporter
from tests.export.metrics import metrics
from tests.families.mask_textspotter.shapes import loud
from tests.model.small import few_channels, picture_spotter, small_config
from tests.service.serving import serving

pytestmark = pytest.mark.timeout(TIMEOUT)

SMALL = MaskConfig(channels=16, mask=8, reader=8, longest=3, candidates=64, reading="fused")
LEARNER = TrainConfig(
    seed=3,
    size=64,
    batch=4,
    sizes=(64,),
    words=4,
    steps=70,
    warmup=5,
    learning_rate=4e-3,
    save_every=1000,
    log_every=10,
    stages=(
        Stage(
            1000,
            ("backbone", "neck", "head"),
            ("score", "dice", "box", "ends", "direction", "mask", "characters", "sequence"),
        ),
    ),
)


class BlocksSource:
    """A word of "a", a block at the top, and "b", one at the bottom, on a light sign."""

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        image = np.full((size, size, 3), 90, np.uint8)
        count = int(rng.integers(2, 5))
        text = "".join(rng.choice(list("ab"), count))
        left, top = int(rng.integers(2, size - 12 * count - 2)), int(rng.integers(2, size - 18))
        image[top : top + 16, left : left + 12 * count] = 220
        quads = []
        for n, letter in enumerate(text):
            x, y = left + 12 * n, top + (2 if letter == "a" else 8)
            image[y : y + 6, x + 3 : x + 9] = 20
            quads.append([[x, top], [x + 12, top], [x + 12, top + 16], [x, top + 16]])
        right = left + 12 * count
        word = np.array([[[left, top], [right, top], [right, top + 16], [left, top + 16]]], np.float32)
        return Sample(image, word, [text], np.zeros(1, bool), characters=[np.array(quads, np.float32)])


def family_config(detection: MaskConfig = SMALL) -> SpotterConfig:
    return replace(small_config(), family="mask_textspotter", detection=detection)


def test_it_learns_in_the_common_loop(tmp_path: Path) -> None:
    config = family_config(replace(SMALL, mask=16, reader=32, longest=6))
    backbone = replace(config.backbone, channels=(8, 16, 16, 16))
    trainer = Trainer(tmp_path, BlocksSource(), LEARNER, replace(config, backbone=backbone, neck=16), workers=0)
    trainer.train()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    first, *_, last = [row for row in rows if "mask" in row]
    assert last["score"] < 0.7 * first["score"]
    assert last["mask"] < 0.7 * first["mask"]
    assert last["characters"] < 0.7 * first["characters"]
    assert last["sequence"] < 0.7 * first["sequence"]
    assert last["recognition"] == 0
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert state["model_config"]["detection"]["reading"] == "fused"
    assert SpotterConfig.from_dict(state["model_config"]) == trainer.model_config


def test_a_batch_tells_the_head_what_words_say_and_where() -> None:
    family = Trainer.__init__.__globals__["family_named"]("mask_textspotter")
    source, rng = BlocksSource(), np.random.default_rng(0)
    drawn = source.sample(rng, 64)
    real = replace(source.sample(rng, 64), characters=())
    batch = collate([drawn, real], Charset(), family)
    assert isinstance(batch.truth, MaskTruth)
    spelt = Charset().encode(drawn.texts[0])
    assert batch.truth.classes[0, : len(spelt)].tolist() == spelt
    assert batch.truth.located.tolist() == [True, False]
    assert batch.truth.characters[0, : len(spelt)].tolist() == drawn.characters[0].tolist()
    assert (batch.truth.classes > 0).sum(1).tolist() == [len(drawn.texts[0]), len(real.texts[0])]
    assert batch.truth.pictures.tolist() == [0, 1]


def test_it_starts_from_the_weights_of_fots(tmp_path: Path) -> None:
    """Backbone, neck, reader and the layers of the head that both have."""
    with few_channels():
        other = picture_spotter()
        reader = PictureRecogniserConfig("small", longest=24)
        its = replace(small_config(), recogniser=reader)
        torch.save({"model_config": its.to_dict(), "weights": other.state_dict()}, tmp_path / "fots.pt")
        torch.manual_seed(9)
        model = build_spotter(replace(family_config(), recogniser=reader))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        load_starting_weights(model, tmp_path / "fots.pt")
    for name, value in model.state_dict().items():
        own = name.startswith(("head.mask.", "head.reader."))
        assert torch.equal(value, before[name] if own else other.state_dict()[name]), name


def talkative(model: Spotter) -> Spotter:
    """Random weights that find words in noise and read them as differently as their pixels are."""
    head = model.head
    assert isinstance(head, MaskHead)
    model.train()
    images = torch.randint(0, 256, (2, 128, 192, 3), dtype=torch.uint8)
    spread = torch.tensor([180.0, 120.0, 60.0, 50.0, 6.2, 1.0])
    boxes = torch.rand(40, 6) * spread + torch.tensor([0.0, 0, 20, 8, -3.1, -0.5])
    index = torch.arange(40) % 2
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # the statistics of the last pictures are the ones to keep
        nn.init.normal_(head.mask.out.weight)
        features = model.features(images)
        model.detect(features)
        outlines = outlines_of(head.mask(features.shared, features.anchors, boxes, index), boxes)
        if head.reads:
            head.reader(features.shared, features.anchors, outlines, index)
            loud(head.reader.decoder)
            head.reader.classify.weight *= 6
            head.reader.middles.weight *= 8
            head.reader.middles.bias += 2  # type: ignore[operator]
        else:
            model.columns(features, outlines, index)
        head.out.bias[0] = 0.0  # type: ignore[index]
        head.out.weight[0] *= 3
    return model.eval()


@pytest.fixture(scope="module", name="one_thread", autouse=True)
def make_one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", name="model")
def make_model() -> Spotter:
    """One that reads by its own maps and decoder."""
    torch.manual_seed(0)
    return talkative(build_spotter(replace(family_config(), score=ScoreConfig(character=0.1, text=0.001))))


@pytest.fixture(scope="module", name="graph")
def make_graph(model: Spotter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = tmp_path_factory.mktemp("graph") / "model.onnx"
    with quiet_exporter():
        export_graph(model, graph)
    return graph


def test_its_graph_is_one_without_loops_and_samples_by_the_common_kernel(graph: Path) -> None:
    """Masks, and what is read within their outlines."""
    proto = onnx.load(str(graph))
    assert [node.op_type for node in proto.graph.node if node.domain == DOMAIN] == ["SampleRegions"] * 2
    assert not {node.op_type for node in proto.graph.node} & {"Loop", "If", "Scan"}


def test_its_graph_reads_as_the_network(model: Spotter, graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    assert parity.check_parity(model, graph, 64) > 20


def test_with_the_common_reader_its_graph_reads_as_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    reader = PictureRecogniserConfig("small", longest=24)
    config = replace(family_config(replace(SMALL, reading="ctc")), recogniser=reader)
    torch.manual_seed(0)
    with few_channels(), quiet_exporter():
        model = talkative(build_spotter(replace(config, score=ScoreConfig(character=0.1, text=0.001))))
        export_graph(model, tmp_path / "model.onnx")
        assert parity.check_parity(model, tmp_path / "model.onnx", 64) > 20
    assert bundle.decoding_of(model).margin == reader.margin_x  # type: ignore[union-attr]


def test_in_eight_bits_it_is_verified_and_served(
    model: Spotter, graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "export_graph", lambda _, path: path.write_bytes(graph.read_bytes()))
    monkeypatch.setattr(bundle, "golden_words", lambda *_: ["a"])
    monkeypatch.setattr(parity, "cases", noisy_cases)
    for module in (parity, quantise):  # of noise, rounding may choose other places
        monkeypatch.setattr(module, "LEAST_AGREEMENT", 0.0)
    rng = np.random.default_rng(4)
    pictures = [rng.integers(0, 256, (128, 192, 3), dtype=np.uint8) for _ in range(2)]
    origin = Origin([], metrics(), "Noise.", 12)
    manifest, compared = bundle.export_bundle(
        model,
        tmp_path / "int8",
        name="spotter",
        version="1",
        score_threshold=0.1,
        origin=origin,
        calibration=pictures,
        side=256,
    )
    assert compared > 20
    assert manifest.provenance["precision"] == "int8"
    assert manifest.decoding is not None
    assert manifest.decoding.margin == 0
    quantised = onnx.load(str(tmp_path / "int8" / "model.onnx"))
    stored = {t.name for t in quantised.graph.initializer if t.data_type == onnx.TensorProto.INT8}
    assert {name.split("_quantized")[0] for name in stored} >= {
        "head.shared.0.weight",
        "head.mask.refine.0.weight",
        "head.reader.look.layers.0.0.weight",
    }
    floats = {t.name for t in quantised.graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    assert {"head.out.weight", "head.mask.out.weight", "head.reader.middles.weight"} <= floats
