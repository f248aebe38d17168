"""Mask TextSpotter in the common loop, from FOTS's weights, in a graph, in 8 bits, and served: it learns to read signs
of blocks."""

import io
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from spotter.export import bundle, parity
from spotter.export.card import Origin
from spotter.export.graph import export_graph
from spotter.export.parity import Case
from spotter.families.build import build_spotter, load_spotter
from spotter.families.catalogue import family_named
from spotter.families.config import SpotterConfig
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.targets import MaskTruth
from spotter.model.charset import Charset
from spotter.model.config import PictureRecogniserConfig
from spotter.model.spotter import Spotter
from spotter.ops.interface import DOMAIN
from spotter.registry.folder import FolderStore
from spotter.training.batch import collate
from spotter.training.config import Stage, TrainConfig
from spotter.training.loop import Trainer
from spotter.training.sample import Sample
from spotter.training.starting_weights import load_starting_weights
from tests.export.conftest import TIMEOUT, quiet_exporter
from tests.export.metrics import metrics
from tests.lengths import minutes_long
from tests.model.small import few_channels, picture_spotter, small_config
from tests.service.serving import serving

pytestmark = pytest.mark.timeout(TIMEOUT)

HEIGHT, WIDE = 16, 12  # pixels of a character
LOSSES = ("score", "dice", "points", "ends", "direction", "mask", "characters", "sequence")
CONFIG = replace(
    small_config(),
    neck=16,
    backbone=replace(small_config().backbone, channels=(8, 16, 16, 16)),
    family="mask_textspotter",
    detection=MaskConfig(channels=16, mask=16, reader=32, longest=6, candidates=64, reading="fused"),
)
TRAINING = TrainConfig(
    seed=3,
    size=64,
    batch=4,
    sizes=(64,),
    steps=100,
    warmup=5,
    learning_rate=8e-3,
    ema=0.9,
    optimiser="muon",
    save_every=1000,
    log_every=10,
    stages=(Stage(1000, ("backbone", "neck", "head"), LOSSES),),
)
WORDS = {"ab": (20, 30), "bba": (120, 40), "baab": (40, 150), "aab": (180, 200)}
"""Texts of a picture of 256 pixels, and their top-left corners."""


def write(image: NDArray[np.uint8], text: str, left: int, top: int) -> NDArray[np.float32]:
    """Puts up a light sign, on which "a" is a block at the top and "b" one at the bottom; returns the quadrilaterals of
    its characters."""
    image[top : top + HEIGHT, left : left + WIDE * len(text)] = 220
    quads = []
    for n, letter in enumerate(text):
        x, y = left + WIDE * n, top + (2 if letter == "a" else 8)
        image[y : y + 6, x + 3 : x + 9] = 20
        quads.append([[x, top], [x + WIDE, top], [x + WIDE, top + HEIGHT], [x, top + HEIGHT]])
    return np.array(quads, np.float32)


def empty(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 90, np.uint8)


def signs(*_: object) -> NDArray[np.uint8]:
    """The picture of `WORDS`."""
    image = empty(256, 256)
    for text, (left, top) in WORDS.items():
        write(image, text, left, top)
    return image


class SignsSource:
    """One sign."""

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        image = empty(size, size)
        text = "".join(rng.choice(list("ab"), int(rng.integers(2, 5))))
        right = WIDE * len(text)
        quads = write(image, text, int(rng.integers(2, size - right - 2)), int(rng.integers(2, size - HEIGHT - 2)))
        word = np.stack([quads[0, 0], quads[-1, 1], quads[-1, 2], quads[0, 3]])[None]
        return Sample(image, word, [text], np.zeros(1, bool), characters=[quads])


@pytest.fixture(scope="module", name="run")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a whole run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("run")
    Trainer(run, SignsSource(), TRAINING, CONFIG, workers=0).train()
    yield run
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", name="model")
def make_model(run: Path) -> Spotter:
    return load_spotter(run / "last.pt")


@pytest.fixture(scope="module", name="graph")
def make_graph(model: Spotter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = tmp_path_factory.mktemp("graph") / "model.onnx"
    with quiet_exporter():
        export_graph(model, graph)
    return graph


def test_it_learns_in_the_common_loop(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    first, *_, last = [row for row in rows if "mask" in row]
    for part in ("score", "dice", "mask", "characters", "sequence"):
        assert last[part] < 0.6 * first[part], part
    assert last["recognition"] == 0
    state = torch.load(run / "last.pt", weights_only=True)
    assert SpotterConfig.from_dict(state["model_config"]) == CONFIG


@pytest.mark.parametrize("reading", ["masks", "fused"])
def test_it_reads_what_it_has_learnt(model: Spotter, reading: str) -> None:
    model = deepcopy(model)
    assert isinstance(model.head, MaskHead)
    model.head.config = replace(model.head.config, reading=reading)
    with torch.no_grad():
        found = model(torch.from_numpy(signs())[None], torch.tensor([[256, 256]], dtype=torch.int32))
    texts = [Charset().decode(row.tolist()) for row in found[3]]
    for text, (left, top) in WORDS.items():
        polygon = found[1][texts.index(text)]
        wanted = torch.tensor([left, top, left + WIDE * len(text), top + HEIGHT], dtype=torch.float32)
        torch.testing.assert_close(torch.cat((polygon.amin(0), polygon.amax(0))), wanted, atol=2.5, rtol=0)


def test_a_batch_tells_the_head_what_words_say_and_where() -> None:
    source, rng = SignsSource(), np.random.default_rng(0)
    drawn = source.sample(rng, 64)
    real = replace(source.sample(rng, 64), characters=())
    batch = collate([drawn, real], Charset(), family_named("mask_textspotter"))
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
        detection = MaskConfig(channels=16, mask=8, reader=8)
        model = build_spotter(replace(its, family="mask_textspotter", detection=detection))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        load_starting_weights(model, tmp_path / "fots.pt")
    for name, value in model.state_dict().items():
        own = name.startswith(("head.bend.", "head.curve.", "head.mask.", "head.reader."))
        assert torch.equal(value, before[name] if own else other.state_dict()[name]), name
    decoding = bundle.decoding_of(model)
    assert decoding is not None
    assert decoding.margin == reader.margin_x


def cases(stride: int) -> list[Case]:
    """Batches of signs, of one size and with a picture that fills only a part of it, and one without."""
    two = np.stack([signs(), signs()])
    two[1, 128:] = 0
    return [
        Case("signs", signs()[None], np.array([[256, 256]], np.int32)),
        Case("partly padded", two, np.array([[256, 256], [128, 256]], np.int32)),
        Case("no words", empty(64, 128)[None], np.array([[64, 128]], np.int32)),
    ]


@minutes_long
def test_its_graph_has_no_loops_and_samples_by_the_common_kernel(graph: Path) -> None:
    """Masks, and what is read within their outlines."""
    proto = onnx.load(str(graph))
    assert [node.op_type for node in proto.graph.node if node.domain == DOMAIN] == ["SampleRegions"] * 2
    assert not {node.op_type for node in proto.graph.node} & {"Loop", "If", "Scan"}


@minutes_long
def test_in_eight_bits_it_is_served(
    model: Spotter, graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "export_graph", lambda _, path: path.write_bytes(graph.read_bytes()))
    monkeypatch.setattr(bundle, "GOLDEN_LINES", tuple(WORDS))
    monkeypatch.setattr(bundle, "draw_lines", signs)
    monkeypatch.setattr(parity, "cases", cases)
    manifest, compared = bundle.export_bundle(
        model,
        tmp_path / "int8",
        name="spotter",
        version="1",
        score_threshold=0.3,
        origin=Origin([], metrics(), "Signs of blocks.", 12),
        calibration=[signs(), signs()[64:192]],
        spec=bundle.INPUT.at(256),
    )
    assert compared >= 10
    assert manifest.provenance["precision"] == "int8"
    assert set(manifest.golden.words) == set(WORDS)
    assert manifest.decoding is not None
    assert manifest.decoding.margin == 0
    proto = onnx.load(str(tmp_path / "int8" / "model.onnx"))
    rounded = {
        tensor.name.removesuffix("_quantized")
        for tensor in proto.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    }
    assert rounded >= {"head.shared.0.weight", "head.mask.refine.0.weight", "head.reader.look.layers.0.0.weight"}
    assert rounded.isdisjoint(
        {"head.out.weight", "head.curve.weight", "head.mask.out.weight", "head.reader.middles.weight"}
    )

    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "int8").version)
    held = io.BytesIO()
    Image.fromarray(signs()).save(held, "PNG")
    with serving(registry=store.root, threads=1) as server:
        server.ready(120)
        answer = httpx.post(
            f"{server.url}/spot?detail=characters",
            content=held.getvalue(),
            headers={"Content-Type": "image/png"},
            timeout=60,
        )
    assert answer.status_code == 200
    words = {word["text"]: word for word in answer.json()["words"]}
    assert words.keys() >= WORDS.keys()
    for text, (left, top) in WORDS.items():
        assert len(words[text]["polygon"]) == 16
        for n, character in enumerate(words[text]["characters"]):
            middle = np.mean(character["polygon"], 0)
            assert character["text"] == text[n]
            assert middle.tolist() == pytest.approx([left + WIDE * (n + 0.5), top + HEIGHT / 2], abs=2.5)
