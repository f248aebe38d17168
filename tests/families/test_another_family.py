"""The family of docs/families.md is trained, exported, put into 8 bits, verified, served and evaluated, though no other
file knows of it."""

import io
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from spotter.cli.main import main
from spotter.export import bundle, parity, quantise
from spotter.export.card import Origin
from spotter.export.graph import export_graph
from spotter.families.build import load_spotter
from spotter.families.catalogue import FAMILIES
from spotter.model.charset import Charset
from spotter.model.roles import Roles
from spotter.model.spotter import Spotter
from spotter.ops.interface import DOMAIN
from spotter.registry.folder import FolderStore
from spotter.registry.manifest import Manifest
from spotter.training import sample
from spotter.training.batch import collate
from spotter.training.loop import Trainer
from spotter.training.recipe import RecipeError, parse_recipe
from tests.export.conftest import TIMEOUT, check_maps_stay_rounded, noisy_cases, quiet_exporter
from tests.export.metrics import metrics
from tests.families.rectangles import Rectangles
from tests.service.serving import serving

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.timeout(TIMEOUT), pytest.mark.usefixtures("family")]


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


def test_it_is_what_the_page_builds() -> None:
    page, module = ((ROOT / file).read_text() for file in ("docs/families.md", "tests/families/rectangles.py"))
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    _, _, code = module.partition('"""\n\n')
    assert "\n\n\n".join(block.strip() for block in blocks) == code.strip()
    (recipe,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    parsed = parse_recipe(tomllib.loads(recipe))
    assert (parsed.model.family, dict(parsed.train.losses.own)["sides"]) == ("rectangles", 3.0)


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


def small_bundle(model: Spotter, folder: Path, **options: Any) -> tuple[Manifest, int]:
    """As `export_bundle`, of a bundle that reads at a side of 256 pixels."""
    return bundle.export_bundle(
        model,
        folder,
        name="spotter",
        version="1",
        score_threshold=0.1,
        origin=Origin([], metrics(), "Nothing but the letter a.", 12),
        spec=bundle.INPUT.at(256),
        **options,
    )


@pytest.mark.usefixtures("export")
def test_it_becomes_a_bundle_in_half_precision_and_in_two_parts(model: Spotter, tmp_path: Path) -> None:
    manifest, compared = small_bundle(model, tmp_path / "half", half=True)
    assert compared > 20
    assert manifest.files.keys() >= {"model.onnx", "dense.onnx", "words.onnx"}
    maps = [value.name for value in onnx.load(str(tmp_path / "half" / "dense.onnx")).graph.output]
    assert len(maps) == 3  # two that are sampled, and the head's own


def check_rounding(exact: onnx.GraphProto, rounded: onnx.GraphProto, roles: Roles) -> None:
    """Of a recogniser of feature maps: the matrices of its Transformer are rounded to seven bits, except the last;
    convolutions of positions stay in float, and what lies between the others in 8 bits."""
    weights = {node.name: node.input[1] for node in exact.node if node.op_type == "Conv"}
    chosen = {weights[name] for name in quantise.dense_convolutions(exact, roles)}
    assert {name.split(".")[0] for name in chosen} >= {"backbone", "neck", "recogniser"}
    left_out = {name for name in set(weights.values()) - chosen if name.startswith("recogniser.")}
    assert left_out
    assert all(name.startswith("recogniser.encoder.") for name in left_out)
    check_maps_stay_rounded(exact, rounded, roles, {"Add", "Concat", "MaxPool", "Mul"})
    products = quantise.dense_products(exact, roles)
    assert len(products) >= 4
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in rounded.initializer}
    made_by = {name: node for node in rounded.node for name in node.output}
    constant = [
        node
        for node in rounded.node
        if node.op_type == "MatMul" and (node.input[1] in stored or made_by[node.input[1]].input[0] in stored)
    ]
    assert [node.name for node in constant[:-1]] == list(products)
    for node in constant[:-1]:
        assert {made_by[name].op_type for name in node.input} == {"DequantizeLinear"}
        matrix = stored[made_by[node.input[1]].input[0]]
        assert matrix.dtype == np.int8
        assert 60 <= np.abs(matrix.astype(int)).max() <= 64  # two times 255 times that stays within 16 bits
    assert stored[constant[-1].input[1]].dtype == np.float32


@pytest.mark.usefixtures("export")
def test_in_eight_bits_it_is_verified_served_and_evaluated(model: Spotter, graph: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    calibration = [noise(128, 192, rng) for _ in range(3)]
    manifest, compared = small_bundle(model, tmp_path / "int8", calibration=calibration)
    assert compared > 20
    assert manifest.provenance["precision"] == "int8"
    check_rounding(onnx.load(str(graph)).graph, onnx.load(str(tmp_path / "int8" / "model.onnx")).graph, model.roles)

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
