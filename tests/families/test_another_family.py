"""A family that lives in this file alone is trained, exported, put into 8 bits, verified, served and evaluated."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor, nn

from spotter.cli.main import main
from spotter.export import bundle, parity, quantise
from spotter.export.card import Origin
from spotter.export.graph import export_graph
from spotter.families import symbolic
from spotter.families.build import load_spotter
from spotter.families.catalogue import FAMILIES
from spotter.families.interface import Misplacement, Texts, Truth
from spotter.model.anchors import STRIDE, AnchorPoints
from spotter.model.charset import Charset
from spotter.model.family import Extent, Geometry, Head, Patches, Regions, RegionSampler
from spotter.model.regions import PatchSize, Sample, patch_widths, sample_regions
from spotter.model.roles import Roles
from spotter.model.spotter import Spotter
from spotter.ops.interface import DOMAIN
from spotter.registry.folder import FolderStore
from spotter.training import sample
from spotter.training.batch import collate
from spotter.training.loop import Trainer
from spotter.training.recipe import RecipeError, parse_recipe
from tests.export.conftest import TIMEOUT, noisy_cases, quiet_exporter
from tests.export.metrics import metrics
from tests.service.serving import serving

pytestmark = [pytest.mark.timeout(TIMEOUT), pytest.mark.usefixtures("family")]


@dataclass(frozen=True)
class RectangleConfig:
    """least: of a point's probability. most: words of a picture."""

    least: float = 0.3
    most: int = 12

    def __post_init__(self) -> None:
        if not 0 < self.least < 1:
            raise ValueError("least must lie between 0 and 1")


@dataclass(frozen=True)
class RectangleMaps:
    """score: logits [B, 1, H, W]. sides: logarithms of a word's width and height in the map's pixels [B, 2, H, W]."""

    score: Tensor
    sides: Tensor
    anchors: AnchorPoints


class RectangleGeometry:
    """Upright rectangles [N, 4] = (x and y of the middle, width, height), outlined by three points above and three
    below."""

    def of_polygons(self, polygons: Tensor) -> Tensor:
        low, high = polygons.amin(1), polygons.amax(1)
        return torch.cat(((low + high) / 2, high - low), 1)

    def polygons(self, shapes: Tensor) -> Tensor:
        along = torch.tensor([-0.5, 0.0, 0.5, 0.5, 0.0, -0.5], device=shapes.device)
        down = torch.tensor([-0.5, -0.5, -0.5, 0.5, 0.5, 0.5], device=shapes.device)
        return shapes[:, None, :2] + torch.stack((along, down), 1) * shapes[:, None, 2:]

    def extent(self, shapes: Tensor) -> Extent:
        return Extent(shapes[:, 2], shapes[:, 3])

    def places(self, shapes: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        x = shapes[:, :1] + u * shapes[:, 2:3]  # N x C
        y = shapes[:, 1:2] + v * shapes[:, 3:]  # N x R
        return x[:, None].expand(-1, len(v), -1), y[:, :, None].expand(-1, -1, u.shape[1])

    def part(self, shapes: Tensor, start: Tensor, end: Tensor) -> Tensor:
        x, y, width, height = shapes.unbind(1)
        return torch.stack((x + (start + end) / 2 * width, y, (end - start) * width, height), 1)


GEOMETRY = RectangleGeometry()


class RectangleHead(Head):
    """One convolution."""

    roles: ClassVar[Roles] = Roles(dense=("*",), exact=("out.*",), precise=("out.*",), last=("out.*",), ends=("out.*",))

    def __init__(self, inputs: int, config: RectangleConfig) -> None:
        super().__init__()
        self.config = config
        self.out = nn.Conv2d(inputs, 3, 3, padding=1)
        self.out.bias = nn.Parameter(torch.tensor([2.0, 3.7, 2.8]))

    def forward(self, features: Tensor, anchors: AnchorPoints) -> RectangleMaps:
        score, sides = self.out(features).float().split((1, 2), 1)
        return RectangleMaps(score, sides.clamp(0.0, 5.0), anchors)

    def regions(self, maps: RectangleMaps, sizes: Tensor) -> Regions:
        anchors = maps.anchors
        real = anchors.inside & (anchors.y < sizes[:, 0, None, None]) & (anchors.x < sizes[:, 1, None, None])
        scores, index = (maps.score[:, 0].sigmoid() * real).flatten(1).topk(self.config.most, dim=1)
        image_index, rank = (scores > self.config.least).nonzero().unbind(1)
        point = index[image_index, rank]
        sides = maps.sides.flatten(2)[image_index, :, point].exp() * anchors.scale.flatten()[point][:, None]
        middle = torch.stack((anchors.x.flatten()[point], anchors.y.flatten()[point]), 1)
        return Regions(torch.cat((middle, sides), 1), scores[image_index, rank], image_index)


class RectangleSampler(RegionSampler):
    """Cuts rectangles, all as wide as the widest may be, in which each word takes the columns that are its."""

    geometry: Geometry = GEOMETRY

    def __init__(self, size: PatchSize, sampled: Sample = sample_regions) -> None:
        super().__init__()
        self.size = size
        self.sampled = sampled

    def forward(
        self, fine: Tensor, shared: Tensor, anchors: AnchorPoints, shapes: Tensor, image_index: Tensor
    ) -> Patches:
        widths = patch_widths(GEOMETRY.extent(shapes), self.size)
        at = anchors.placement(shapes[:, 3])

        def cut(features: Tensor, scale: int) -> Tensor:
            rows, columns = scale * self.size.height, scale * self.size.max_width
            ours = scale * widths[:, None]
            u = (torch.arange(columns) + 0.5) / ours - 0.5
            x, y = GEOMETRY.places(shapes, u, (torch.arange(rows) + 0.5) / rows - 0.5)
            if at is not None:
                placed = at.of(torch.arange(widths.shape[0]))
                x, y = placed.x(x), placed.y(y)
            grid = torch.stack((x, y), -1) * (scale / STRIDE)
            inside = (torch.arange(columns) < ours)[:, None, None]
            return self.sampled(features, grid, image_index) * inside.to(features.dtype)

        return Patches(cut(fine, 2), cut(shared, 1), widths)

    def symbolic(self) -> RegionSampler:
        return RectangleSampler(self.size, symbolic.sample_regions)


class Rectangles:
    """The family."""

    config: type[Any] = RectangleConfig
    parts: Mapping[str, float] = {"sides": 2.0}
    geometry: Geometry = GEOMETRY

    def read_config(self, values: Mapping[str, Any]) -> RectangleConfig:
        return RectangleConfig(**values)

    def head(self, inputs: int, config: RectangleConfig, classes: int) -> Head:
        return RectangleHead(inputs, config)

    def sampler(self, size: PatchSize, config: RectangleConfig) -> RegionSampler:
        return RectangleSampler(size)

    def truth(self, polygons: Tensor, image_index: Tensor, ignore: Tensor, shape: tuple[int, int, int]) -> Truth:
        shapes = GEOMETRY.of_polygons(polygons)
        owner = torch.full(shape, -1)
        counted = torch.ones(shape, dtype=torch.bool)
        y, x = ((torch.arange(side) + 0.5) * STRIDE for side in shape[1:])
        for n, (cx, cy, w, h) in enumerate(shapes.tolist()):
            inside = ((y - cy).abs() < h / 2)[:, None] & ((x - cx).abs() < w / 2)
            if ignore[n]:
                counted[image_index[n], inside] = False
            else:
                owner[image_index[n], inside] = n
        return Truth(owner >= 0, counted | (owner >= 0), owner, shapes)

    def with_texts(self, truth: Truth, texts: Texts) -> Truth:
        return truth

    def losses(self, maps: RectangleMaps, truth: Truth, weights: Tensor) -> dict[str, Tensor]:
        image, row, column = (truth.owner >= 0).nonzero().unbind(1)
        word = truth.owner[image, row, column]
        off = F.l1_loss(maps.sides[image, :, row, column], truth.shapes[word, 2:].log(), reduction="none")
        return {"sides": (off.mean(1) * weights[word]).sum() / weights[word].sum().clamp(min=1)}

    def to_read(
        self,
        maps: RectangleMaps,
        truth: Truth,
        words: Tensor,
        image_index: Tensor,
        jitter: float,
        predicted: float,
        generator: Generator,
    ) -> Tensor:
        shapes = truth.shapes[words]
        return shapes + torch.randn(shapes.shape, generator=generator) * jitter * shapes[:, 3:]

    def misplaced(self, shapes: Tensor, off: Misplacement, rng: np.random.Generator) -> Tensor:
        noise = torch.from_numpy(rng.normal(0, off.ends, shapes.shape).astype(np.float32))
        return shapes + noise * shapes[:, 3:]


RECIPE: dict[str, Any] = {
    "train": {
        "size": 64, "batch": 2, "sizes": [64], "words": 4, "groups": 1, "steps": 6, "warmup": 2, "log_every": 2,
        "losses": {"sides": 3.0}, "stages": [{"until": 1, "modules": ["head"], "losses": ["score", "sides"]}],
    },
    "model": {
        "family": "rectangles", "neck": 8, "detection": {"most": 8},
        "backbone": {"stem": 4, "channels": [4, 4, 8, 8], "blocks": [1, 1, 1, 1]},
        "recogniser": {
            "min_width": 4, "max_width": 24, "channels": [8, 8], "width": 16, "heads": 2, "layers": 1,
        },
    },
    "source": [],
}  # fmt: skip


class CurvesSource:
    """A word of six points in noise."""

    def sample(self, rng: np.random.Generator, size: int) -> sample.Sample:
        x, y = rng.uniform(2, size - 50), rng.uniform(2, size - 20)
        word = [[x, y + 2], [x + 23, y], [x + 46, y + 2], [x + 46, y + 16], [x + 23, y + 14], [x, y + 16]]
        return sample.Sample(noise(size, size, rng), np.array([word], np.float32), ["ab"], np.zeros(1, bool))


def noise(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module", name="family")
def make_family() -> Iterator[None]:
    """The family is known; one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(FAMILIES, "rectangles", Rectangles())
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", name="run")
def make_run(family: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run."""
    run = tmp_path_factory.mktemp("run")
    recipe = parse_recipe(RECIPE)
    trainer = Trainer(run, CurvesSource(), recipe.train, recipe.model, workers=0)
    trainer.train()
    return run


@pytest.fixture(scope="module", name="model")
def make_model(run: Path) -> Spotter:
    """The trained network, which from here on reads nothing but the letter a."""
    model = load_spotter(run / "last.pt")
    with torch.no_grad():
        model.map_recogniser.classify.bias[model.charset.encode("a")[0]] += 1000
    return model


@pytest.fixture(scope="module", name="graph")
def make_graph(model: Spotter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = tmp_path_factory.mktemp("graph") / "model.onnx"
    with quiet_exporter():
        export_graph(model, graph)
    return graph


@pytest.fixture(name="export")
def make_export(model: Spotter, graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `export_bundle` needs where weights are random."""
    monkeypatch.setattr(bundle, "export_graph", lambda _, path: path.write_bytes(graph.read_bytes()))
    monkeypatch.setattr(bundle, "GOLDEN_LINES", ("a fig",))
    monkeypatch.setattr(parity, "cases", noisy_cases)
    monkeypatch.setattr("spotter.export.parts.cases", noisy_cases)
    for module in (parity, quantise):  # of noise, rounding may choose other places
        monkeypatch.setattr(module, "LEAST_AGREEMENT", 0.2)


def test_it_learns_in_the_common_loop_by_its_own_parts_of_the_loss(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    parts = [row for row in rows if "sides" in row]
    assert [row["step"] for row in parts] == [2, 4, 6]
    assert all(row["sides"] > 0 and row["recognition"] > 0 for row in parts[1:])
    state = torch.load(run / "last.pt", weights_only=True)
    assert state["model_config"]["family"] == "rectangles"
    assert state["model_config"]["detection"] == {"least": 0.3, "most": 8}
    assert state["weighting"]["log_variance"].shape == (4,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"losses": {"box": 1.0}}}, "box"),
        ({"train": {"stages": [{"until": 1, "modules": ["head"], "losses": ["ends"]}]}}, "score, dice, sides"),
        ({"model": {"family": "rectangles", "detection": {"least": 2.0}}}, "between 0 and 1"),
        ({"model": {"family": "rectangles", "detection": {"suppression": 0.2}}}, "suppression"),
    ],
)
def test_what_is_another_familys_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(RECIPE | change)


def test_a_batch_has_words_of_several_numbers_of_points() -> None:
    rng = np.random.default_rng(0)
    quad = sample.Sample(
        noise(64, 64, rng), np.array([[[4, 4], [40, 4], [40, 20], [4, 20]]], np.float32), ["a"], np.zeros(1, bool)
    )
    batch = collate([quad, CurvesSource().sample(rng, 64)], Charset(), Rectangles())
    assert batch.truth.shapes[0].tolist() == [22, 12, 36, 16]
    assert batch.truth.shapes[1, 2:].tolist() == pytest.approx([46, 16], abs=1e-4)
    assert batch.image_index.tolist() == [0, 1]


def test_its_graph_calls_the_common_operator(graph: Path) -> None:
    proto = onnx.load(str(graph))
    assert [node.op_type for node in proto.graph.node if node.domain == DOMAIN] == ["SampleRegions"] * 2
    assert {body.name for body in proto.functions} == {"SampleRegions"}


def origin() -> Origin:
    return Origin([], metrics(), "Nothing but the letter a.", 12)


@pytest.mark.usefixtures("export")
def test_it_becomes_a_bundle_in_half_precision_and_in_two_parts(model: Spotter, tmp_path: Path) -> None:
    manifest, compared = bundle.export_bundle(
        model, tmp_path / "half", name="spotter", version="1", score_threshold=0.1, origin=origin(), half=True, side=256
    )
    assert compared > 20
    assert manifest.files.keys() >= {"model.onnx", "dense.onnx", "words.onnx"}
    maps = [value.name for value in onnx.load(str(tmp_path / "half" / "dense.onnx")).graph.output]
    assert len(maps) == 3  # two that are sampled, and the head's own


@pytest.mark.usefixtures("export")
def test_in_eight_bits_it_is_verified_served_and_evaluated(model: Spotter, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    manifest, compared = bundle.export_bundle(
        model,
        tmp_path / "int8",
        name="spotter",
        version="1",
        score_threshold=0.1,
        origin=origin(),
        calibration=[noise(128, 192, rng) for _ in range(3)],
        side=256,
    )
    assert compared > 20
    assert manifest.provenance["precision"] == "int8"
    stored = {t.data_type for t in onnx.load(str(tmp_path / "int8" / "model.onnx")).graph.initializer}
    assert onnx.TensorProto.INT8 in stored

    verified = CliRunner().invoke(main, ["models", "verify", str(tmp_path / "int8")])
    assert verified.exit_code == 0, verified.output

    store = FolderStore(tmp_path / "registry")
    store.set_alias("spotter", "live", store.publish(tmp_path / "int8").version)
    picture = noise(256, 256, rng)
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "PNG")
    with serving(registry=store.root, threads=1) as server:
        server.ready(120)
        answer = httpx.post(
            f"{server.url}/spot", content=held.getvalue(), headers={"Content-Type": "image/png"}, timeout=60
        )
    words = answer.json()["words"]
    assert answer.status_code == 200
    assert 1 <= len(words) <= 8
    assert {word["text"] for word in words} == {"a"}
    assert {len(word["polygon"]) for word in words} == {6}

    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    (data / "gts").mkdir()
    (data / "images" / "noise.png").write_bytes(held.getvalue())
    lines = [f"6:{','.join(str(side) for point in word['polygon'] for side in point)},a\n" for word in words]
    (data / "gts" / "gt_noise.txt").write_text("".join(lines))
    scores_file = tmp_path / "scores.json"
    scored = CliRunner().invoke(main, ["evaluate", str(tmp_path / "int8"), str(data), "--json", str(scores_file)])
    assert scored.exit_code == 0, scored.output
    (result,) = json.loads(scores_file.read_text())["results"]
    assert result["end_to_end"]["truths"] == len(words)
    assert result["end_to_end"]["f"] > 0.9
