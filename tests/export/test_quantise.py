"""Eight bits: where they go, that they read the same, and what is refused."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from spotter.export.parity import ParityError
from spotter.export.quantise import (
    agreement,
    calibration_pictures,
    check_agreement,
    dense_convolutions,
    quantise,
)
from spotter.ops.interface import CONVOLUTION
from spotter.registry.manifest import InputSpec
from tests.export.conftest import TIMEOUT, Exported, check_maps_stay_rounded, noise, read_as

pytestmark = pytest.mark.timeout(TIMEOUT)

Picture = NDArray[np.uint8]
SPEC = InputSpec(stride=64, min_side=64, max_side=256, target_side=256, bucket_steps=((65536, 64),))


def test_dense_convolutions_are_the_detectors_but_three_and_the_expansions_of_the_recognisers_blocks(
    exported: Exported,
) -> None:
    graph = onnx.load(str(exported.graph)).graph
    weights = {node.name: node.input[1] for node in graph.node if node.op_type == "Conv"}
    chosen = {weights[name] for name in dense_convolutions(graph, exported.model.roles)}
    assert len(chosen) > 12
    assert {name.split(".")[0] for name in chosen} == {"backbone", "neck", "head", "recogniser"}
    left_out = set(weights.values()) - chosen
    assert {"backbone.stem.0.weight", "backbone.stages.0.0.0.weight", "head.out.weight"} <= left_out
    kept = (
        "backbone.stem.",
        "backbone.stages.0.0.",
        "head.out.",
        "recogniser.network.stem.",
        "recogniser.network.neck.",
    )
    blocks = re.compile(r"recogniser\.network\.blocks\.\d\.(dw|se\.[ab])\.weight")
    assert all(name.startswith(kept) or blocks.fullmatch(name) for name in left_out)


def test_every_dense_convolution_reads_and_weighs_eight_bits(exported: Exported, rounded_graph: Path) -> None:
    dense = set(dense_convolutions(onnx.load(str(exported.graph)).graph, exported.model.roles))
    graph = onnx.load(str(rounded_graph)).graph
    made_by = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    for node in convolutions:
        kinds = {made_by[name].op_type if name in made_by else "stored" for name in node.input[:2]}
        assert (kinds == {"DequantizeLinear"}) == (node.name in dense)
    weights = [t for t in graph.initializer if t.name.endswith("weight_quantized")]
    assert {t.data_type for t in weights} == {onnx.TensorProto.INT8}


def test_a_convolution_of_enough_channels_is_a_node_of_our_own_with_its_body(
    exported: Exported, rounded_graph: Path
) -> None:
    model = onnx.load(str(rounded_graph))
    ours = [node for node in model.graph.node if node.op_type == CONVOLUTION]
    weights = {node.name: node.input[1] for node in onnx.load(str(exported.graph)).graph.node if node.op_type == "Conv"}
    assert [weights[node.name] for node in ours] == ["head.shared.0.weight"]
    assert CONVOLUTION in {body.name for body in model.functions}


def test_maps_stay_in_eight_bits_from_one_convolution_to_the_next(exported: Exported, rounded_graph: Path) -> None:
    exact, rounded = (onnx.load(str(path)).graph for path in (exported.graph, rounded_graph))
    check_maps_stay_rounded(exact, rounded, exported.model.roles, {"Add", "Concat", "Pad", "Reshape"})


def test_a_graph_agrees_with_itself_and_on_most_places_with_its_eight_bits(
    exported: Exported, rounded_graph: Path, tmp_path: Path
) -> None:
    pictures = noise(3)
    assert agreement(exported.graph, exported.graph, pictures, 0.0) == 1.0
    assert agreement(exported.graph, exported.graph, pictures, 1.0) == 1.0  # neither is so sure of any word
    # Random weights read noise, where hardly any letter stands a rounding: with one letter everywhere, places are left.
    sure = exported.sure_of("x", tmp_path)
    read_as("x", exported.model, rounded_graph, tmp_path / "int8.onnx")
    share = agreement(sure.graph, tmp_path / "int8.onnx", pictures, 0.0)
    assert 0.3 < share < 1


def test_a_graph_that_reads_otherwise_is_refused(exported: Exported, tmp_path: Path) -> None:
    other = exported.sure_of("x", tmp_path).graph
    with pytest.raises(ParityError, match="read only"):
        check_agreement(exported.graph, other, noise(2), 0.0)


def test_a_graph_without_dense_convolutions_is_refused(exported: Exported, tmp_path: Path) -> None:
    proto = onnx.load(str(exported.graph))
    del proto.graph.node[:]
    onnx.save(proto, str(tmp_path / "empty.onnx"))
    with pytest.raises(ValueError, match="no convolution"):
        quantise(tmp_path / "empty.onnx", tmp_path / "out.onnx", noise(1), exported.model.roles)


def test_calibration_pictures_come_evenly_from_all_folders_at_the_working_size(tmp_path: Path) -> None:
    for name, count, size in (("a", 7, (400, 300)), ("b", 2, (90, 200))):
        (tmp_path / name / "deeper").mkdir(parents=True)
        for number in range(count):
            Image.new("L", size, 10 * number).save(tmp_path / name / "deeper" / f"{number}.png")
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    pictures = calibration_pictures([tmp_path / "a", tmp_path / "b"], 5, SPEC)
    assert [picture.shape for picture in pictures] == [(192, 256, 3)] * 3 + [(256, 64, 3)] * 2
    assert [int(picture[0, 0, 0]) for picture in pictures] == [0, 20, 40, 0, 10]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures"):
        calibration_pictures([tmp_path], 3, SPEC)
