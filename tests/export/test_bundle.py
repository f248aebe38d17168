import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from spotter.export import bundle as module
from spotter.export import parity
from spotter.export.bundle import INPUT, check_final, export_bundle, golden_words, steps
from spotter.export.card import Origin
from spotter.export.parity import ParityError, check_form, check_rounded
from spotter.model.charset import PRINTABLE_ASCII, Charset
from spotter.model.history import Trained
from spotter.model.spotter import Spotter
from spotter.registry.bundle import open_bundle
from spotter.registry.errors import BundleError
from spotter.registry.manifest import Manifest
from tests.export.conftest import TIMEOUT, Exported, noise, noisy_cases, one_case
from tests.export.metrics import metrics
from tests.model.small import detector_out

pytestmark = pytest.mark.timeout(TIMEOUT)

RECIPE = """
[[source]]
kind = "labelled"
path = "street/train"
weight = 0.7
licence = "CC0"
[[source]]
kind = "scene"
weight = 0.3
"""


def origin(recipe: str | None = None) -> Origin:
    return Origin([Trained("recipe", recipe)] if recipe else [], metrics(), "Nothing but the letter a.", 12345)


def export(model: Spotter, folder: Path, given: Origin | None = None) -> tuple[Manifest, int]:
    return export_bundle(model, folder, name="tiny", version="3", score_threshold=0.3, origin=given or origin())


@pytest.fixture(scope="module", name="written")
def make_written(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest, int]:
    """The bundle of a network that reads the golden picture's only word, a."""
    folder = tmp_path_factory.mktemp("bundles")
    sure = exported.sure_of("a", folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "GOLDEN_LINES", ("a fig",))
        patched.setattr(module, "export_graph", sure.write)
        patched.setattr(parity, "cases", noisy_cases)
        manifest, compared = export(sure.model, folder / "tiny", origin(RECIPE))
    return folder / "tiny", manifest, compared


def test_the_bundle_opens_and_every_file_is_vouched_for(written: tuple[Path, Manifest, int]) -> None:
    folder, manifest, compared = written
    assert compared > 10
    assert open_bundle(folder).manifest == manifest
    declared = json.loads((folder / "manifest.json").read_text())
    assert set(declared["files"]) == {"model.onnx", "golden.png", "MODEL_CARD.md"}
    for name, entry in declared["files"].items():
        content = (folder / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def test_the_manifest_says_what_the_service_needs(written: tuple[Path, Manifest, int]) -> None:
    _, manifest, _ = written
    assert (manifest.name, manifest.version, manifest.score_threshold) == ("tiny", "3", 0.3)
    assert manifest.charset == PRINTABLE_ASCII
    assert manifest.decoding is not None
    assert manifest.decoding.detection > 0
    assert (manifest.opset, manifest.custom_op_abi) == (20, 2)
    assert (manifest.input.stride, manifest.input.min_side, manifest.input.max_side) == (64, 64, 1120)
    assert manifest.golden.words == ("a",)


def test_the_manifest_names_what_it_was_trained_on(written: tuple[Path, Manifest, int]) -> None:
    folder, manifest, _ = written
    assert manifest.provenance["data"] == [
        {"source": "street, training part", "weight": 0.7, "licence": "CC0", "recipes": ["recipe"]},
        {"source": "rendered scenes", "weight": 0.3, "licence": "unstated", "recipes": ["recipe"]},
    ]
    assert (manifest.provenance["pictures_seen"], manifest.provenance["precision"]) == (12345, "fp32")
    assert [result["dataset"] for result in manifest.metrics["results"]] == ["ICDAR 2015, validation part", "SROIE"]
    card = (folder / "MODEL_CARD.md").read_text()
    for part in (
        "# tiny 3",
        "12,345 pictures",
        "| street, training part | 0.7 | recipe | CC0 |",
        "| 31.0 |",
        "Nothing but the letter a.",
    ):
        assert part in card


def test_the_golden_picture_reads_so_in_the_bundles_graph(
    written: tuple[Path, Manifest, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest, _ = written
    with Image.open(folder / manifest.golden.picture) as opened:
        picture = np.asarray(opened.convert("RGB"))
    assert max(picture.shape) == manifest.input.target_side  # read as it is, without scaling
    monkeypatch.setattr(module, "GOLDEN_LINES", ("a fig",))
    assert golden_words(folder / "model.onnx", picture, 0.3, Charset()) == ["a"]


def test_a_graph_that_reads_nothing_golden_is_refused(written: tuple[Path, Manifest, int]) -> None:
    picture = np.full((64, 128, 3), 200, np.uint8)
    with pytest.raises(ParityError, match="none of the golden picture's words"):
        # "a" is no word of the lines that are usually drawn.
        golden_words(written[0] / "model.onnx", picture, 0.3, Charset())


def test_words_near_the_threshold_are_not_golden(
    written: tuple[Path, Manifest, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GOLDEN_LINES", ("a fig",))
    with pytest.raises(ParityError, match=r"only \[\]"):
        golden_words(written[0] / "model.onnx", np.full((64, 128, 3), 200, np.uint8), 0.99, Charset())


def test_no_bundle_is_written_when_graph_and_network_disagree(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = copy.deepcopy(exported.model)

    def export_then_change(model: Spotter, path: Path) -> None:
        exported.write(model, path)
        with torch.no_grad():
            detector_out(model).weight[0] += 0.2

    monkeypatch.setattr(module, "export_graph", export_then_change)
    monkeypatch.setattr(parity, "cases", one_case)
    with pytest.raises(ParityError):
        export(model, tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == []


def test_no_bundle_is_written_when_the_golden_words_are_not_read(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "export_graph", exported.write)
    monkeypatch.setattr(parity, "cases", one_case)
    with pytest.raises(ParityError, match="golden"):
        export(exported.model, tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "export_graph", exported.write)
    monkeypatch.setattr(parity, "cases", one_case)
    monkeypatch.setattr(module, "golden_words", lambda *_: ["a"])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match="not empty"):
        export(exported.model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_bundle_in_half_precision_reads_at_the_side_that_was_asked_for(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = exported.sure_of("a", tmp_path)
    monkeypatch.setattr(module, "GOLDEN_LINES", ("a fig",))
    monkeypatch.setattr(module, "export_graph", sure.write)
    # Random weights: no score survives rounding.
    monkeypatch.setattr(module, "check_agreement", lambda *_: 1.0)
    monkeypatch.setattr(parity, "LEAST_AGREEMENT", 0.0)
    monkeypatch.setattr(parity, "cases", one_case)
    monkeypatch.setattr("spotter.export.parts.cases", one_case)
    manifest, _ = export_bundle(
        sure.model,
        tmp_path / "half",
        name="tiny",
        version="1",
        score_threshold=0.3,
        origin=origin(),
        half=True,
        spec=replace(INPUT.at(640), max_upscale=1.6),
    )
    read_at = manifest.input
    assert (read_at.target_side, read_at.max_side, read_at.max_upscale) == (640, 640, 1.6)
    assert manifest.provenance["precision"] == "fp16"
    assert manifest.files.keys() > {"dense.onnx", "words.onnx"}


@pytest.mark.parametrize("precision", ["fp32", "int8", "fp16"])
def test_who_shows_progress_is_told_of_every_step(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    def copied(graph: Path, target: Path, *_: object) -> None:
        target.write_bytes(graph.read_bytes())

    def split(graph: Path, *parts: Path) -> None:
        for part in parts[:2]:
            copied(graph, part)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        entered.append(name)
        yield

    entered: list[str] = []
    monkeypatch.setattr(module, "export_graph", exported.write)
    monkeypatch.setattr(module, "check_parity", lambda *_: 5)
    monkeypatch.setattr(module, "quantise", copied)
    monkeypatch.setattr(module, "halve", copied)
    monkeypatch.setattr(module, "split", split)
    monkeypatch.setattr(module, "check_parts", lambda *_: None)
    monkeypatch.setattr(module, "check_final", lambda *_: 1.0)
    monkeypatch.setattr(module, "golden_words", lambda *_: ["a"])
    export_bundle(
        exported.model, tmp_path / "out", name="tiny", version="1", score_threshold=0.3, origin=origin(),
        calibration=noise(1) if precision == "int8" else (), half=precision == "fp16",
        step=step,
    )  # fmt: skip
    assert len(set(entered)) == len(entered) == steps(precision == "int8", precision == "fp16")
    assert (entered[0], entered[-1]) == ("writing the graph", "writing the bundle")


def test_a_bundle_of_two_precisions_is_refused(exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in both"):
        export_bundle(
            exported.model, tmp_path / "both", name="tiny", version="1", score_threshold=0.3, origin=origin(),
            calibration=[np.zeros((64, 64, 3), np.uint8)], half=True,
        )  # fmt: skip


def changed(graph: Path, path: Path, name: str, values: slice, by: float) -> Path:
    """The graph with something added to some of a tensor's numbers."""
    proto = onnx.load(str(graph))
    (tensor,) = (t for t in proto.graph.initializer if t.name == name)
    numbers = onnx.numpy_helper.to_array(tensor).copy()
    numbers[values] += by
    tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, name))
    onnx.save(proto, str(path))
    return path


def renamed(graph: Path, path: Path, output: str, kind: str, **attributes: int) -> Path:
    """The graph with one more node before an output."""
    proto = onnx.load(str(graph))
    for node in proto.graph.node:
        for number, name in enumerate(node.output):
            if name == output:
                node.output[number] = "before"
        for number, name in enumerate(node.input):
            if name == output:
                node.input[number] = "before"
    proto.graph.node.append(onnx.helper.make_node(kind, ["before"], [output], **attributes))
    (declared,) = (value for value in proto.graph.output if value.name == output)
    declared.type.tensor_type.elem_type = attributes.get("to", declared.type.tensor_type.elem_type)
    onnx.save(proto, str(path))
    return path


def test_a_graph_agrees_with_itself_on_every_case(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    assert check_rounded(exported.graph, exported.graph, 64, 0.0) == 1.0
    assert check_final(exported.graph, exported.graph, noise(2), 0.0) == 1.0


def test_a_final_graph_that_reads_the_cases_otherwise_is_refused(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "cases", one_case)
    monkeypatch.setattr(module, "check_agreement", lambda *_: 1.0)
    with pytest.raises(ParityError, match="reads only 0% of the cases' words alike"):
        check_final(exported.graph, exported.sure_of("x", tmp_path).graph, noise(1), 0.0)


def test_a_final_graph_that_shifts_the_words_is_refused(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "cases", one_case)
    sure = exported.sure_of("x", tmp_path).graph
    # Distances to a word's sides, as logarithms: larger boxes read x all the same.
    other = changed(sure, tmp_path / "other.onnx", "head.out.bias", slice(1, 5), 2.0)
    with pytest.raises(ParityError, match="of the cases' words alike"):
        check_rounded(sure, other, 64, 0.0)


@pytest.mark.parametrize(
    ("output", "kind", "attributes", "message"),
    [
        ("characters", "Cast", {"to": onnx.TensorProto.INT64}, "characters is int64"),
        ("scores", "Cast", {"to": onnx.TensorProto.FLOAT16}, "scores is float16"),
        ("polygons", "Flatten", {"axis": 1}, r"polygons is float32 \[\d+, 8\]"),
    ],
)
def test_a_final_graph_of_another_form_is_refused(
    exported: Exported, tmp_path: Path, output: str, kind: str, attributes: dict[str, int], message: str
) -> None:
    other = renamed(exported.graph, tmp_path / "other.onnx", output, kind, **attributes)
    with pytest.raises(ParityError, match=message):
        check_rounded(exported.graph, other, 64, 0.0)


def test_a_word_of_a_picture_that_was_not_given_is_refused() -> None:
    answer = [
        np.array([0, 2], np.int32),
        np.zeros((2, 4, 2), np.float32),
        np.zeros(2, np.float32),
        np.zeros((2, 5), np.int32),
        np.zeros((2, 5), np.float32),
    ]
    check_form(answer, 3, 4, "case")
    with pytest.raises(ParityError, match="case: a word is of none of the 2 pictures"):
        check_form(answer, 2, 4, "case")


def test_words_where_nothing_is_are_refused(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "cases", one_case)
    proto = onnx.load(str(exported.graph))
    for node in proto.graph.node:  # as if every pixel were real
        for number, name in enumerate(node.input):
            if name == "sizes":
                node.input[number] = "whole"
    whole = onnx.numpy_helper.from_array(np.array([[256, 512]], np.int32), "whole")
    proto.graph.initializer.append(whole)
    onnx.save(proto, str(tmp_path / "other.onnx"))
    with pytest.raises(ParityError, match=r"sees \d+ words where nothing is"):
        check_rounded(exported.graph, tmp_path / "other.onnx", 64, 0.0)


def test_two_graphs_that_read_nothing_do_not_agree(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "cases", noisy_cases)
    with pytest.raises(ParityError, match="nothing to compare"):
        check_rounded(exported.graph, exported.graph, 64, 1.0)  # of no word is it so sure
    monkeypatch.setattr(module, "check_rounded", lambda *_: 1.0)
    with pytest.raises(ParityError, match="a word of these pictures"):
        check_final(exported.graph, exported.graph, noise(2), 1.0)


def test_no_bundle_is_written_when_its_final_graph_does_not_read_the_cases(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sure").mkdir()
    sure = exported.sure_of("a", tmp_path / "sure")
    other = exported.sure_of("x", tmp_path).graph.rename(tmp_path / "sure" / "other.onnx")
    monkeypatch.setattr(module, "GOLDEN_LINES", ("a fig",))
    monkeypatch.setattr(module, "export_graph", sure.write)
    monkeypatch.setattr(module, "halve", lambda _graph, halved, _roles: halved.write_bytes(other.read_bytes()))
    monkeypatch.setattr(module, "check_agreement", lambda *_: 1.0)
    monkeypatch.setattr(parity, "cases", one_case)
    with pytest.raises(ParityError, match="reads only 0% of the cases' words alike"):
        export_bundle(
            sure.model, tmp_path / "half", name="tiny", version="1", score_threshold=0.3, origin=origin(), half=True
        )
    assert not (tmp_path / "half").exists()
