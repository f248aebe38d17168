"""BezierAlign by its body alone, and with the kernel of SampleRegions inside it."""

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from tests.families.abcnet.shapes import arc, straight
from tests.families.cutting import bezier_align, curve_widths
from tests.ops.graphs import ATTRIBUTES, SIZE, Floats, graph, open_graph, run
from tests.ops.test_kernels import NAN, noise, of_picture, ramps

WAYS = ("kernel", "body")


@pytest.fixture(scope="module", name="align")
def make_align(library: Path) -> dict[str, ort.InferenceSession]:
    """BezierAlign at stride 4, with kernels and without."""
    model = graph("BezierAlign", ATTRIBUTES)
    return {"kernel": open_graph(model, library), "body": open_graph(model, None)}


@pytest.mark.parametrize("way", WAYS)
def test_a_straight_region_worked_by_hand(align: dict[str, ort.InferenceSession], way: str) -> None:
    """16 along, 8 down, its middle at (20, 16): 8 columns of 2 pixels and 4 rows of 2, as of RoIRotate."""
    (patch,) = run(align[way], ramps(), straight(12, 12, 28, 20).numpy(), of_picture(0))
    assert patch.shape == (2, 4, 8)
    np.testing.assert_allclose(patch, np.meshgrid(range(13, 28, 2), range(13, 20, 2)), atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_a_quarter_circle_worked_by_hand(align: dict[str, ort.InferenceSession], way: str) -> None:
    """Radii 12 and 20 about (20, 30), the top quarter: pi / 2 x 16 / 8 x 4 = 12.6, so 13 columns, the middle one
    upright above the centre, and rows at the radii 19, 17, 15 and 13."""
    (patch,) = run(align[way], ramps(), arc(12, 20, -90, 90, (20, 30)).numpy(), of_picture(0))
    assert patch.shape == (2, 4, 13)
    for row, radius in enumerate((19, 17, 15, 13)):
        for column in range(2, 11):  # what is nearer the ends lies off the small map
            angle = math.radians(90 * ((column + 0.5) / 13 - 0.5))
            wanted = (20 + radius * math.sin(angle), 30 - radius * math.cos(angle))
            assert patch[:, row, column].tolist() == pytest.approx(wanted, abs=0.15)


@pytest.mark.parametrize("way", WAYS)
def test_no_regions(align: dict[str, ort.InferenceSession], way: str) -> None:
    patches = run(align[way], ramps(), np.zeros((0, 16), np.float32), of_picture())
    assert patches.shape == (0, 2, SIZE.height, SIZE.min_width)


@pytest.mark.parametrize("way", WAYS)
def test_regions_that_are_none(align: dict[str, ort.InferenceSession], way: str) -> None:
    """One point is sampled there; a number that is none spoils its own region alone."""
    curves = np.concatenate([np.full((1, 16), 20, np.float32), np.full((1, 16), NAN, np.float32)])
    curves = np.concatenate([curves, straight(12, 12, 28, 20).numpy()])
    point, wrong, good = run(align[way], ramps(), curves, of_picture(0, 0, 0))
    np.testing.assert_allclose(point[:, :, : SIZE.min_width], 20, atol=1e-3)
    assert not np.nan_to_num(point[:, :, SIZE.min_width :]).any()
    assert not wrong.any()
    assert good.any()


@pytest.mark.parametrize(("scale", "stride"), [(1, 4), (2, 2)])
def test_kernel_body_and_network_agree(library: Path, scale: int, stride: int) -> None:
    rng = np.random.default_rng(7)
    curves: Floats = rng.uniform(-10, 60, (30, 16)).astype(np.float32)
    curves[:20] = arc(12, 20, -90, 100, (20, 30)).numpy() + rng.normal(0, 1.5, (20, 16))
    features, index = noise(3, 6, 48 // stride, 40 // stride), np.arange(30) % 3
    model = graph("BezierAlign", ATTRIBUTES | {"height": scale * SIZE.height, "scale": scale, "stride": stride})
    given = torch.from_numpy(curves)
    widths = scale * curve_widths(given, SIZE)
    network = bezier_align(
        torch.from_numpy(features), given, torch.from_numpy(index), widths, scale * SIZE.height, stride
    )
    for session in (open_graph(model, library), open_graph(model, None)):
        np.testing.assert_allclose(run(session, features, curves, index), network.numpy(), atol=5e-4)


@pytest.mark.parametrize("way", WAYS)
def test_half_precision(library: Path, way: str) -> None:
    features, curves = noise(2, 5, 12, 10), arc(12, 20, -90, 100, (20, 30)).numpy()
    session = open_graph(graph("BezierAlign", ATTRIBUTES, half=True), library if way == "kernel" else None)
    found = run(session, features.astype(np.float16), curves, of_picture(1))
    given = torch.from_numpy(curves)
    wanted = bezier_align(torch.from_numpy(features), given, torch.tensor([1]), curve_widths(given, SIZE), 4, 4)
    np.testing.assert_allclose(found, wanted.numpy(), atol=5e-3)


def test_the_kernel_of_sample_regions_serves_it(library: Path, tmp_path: Path) -> None:
    """Its body is inlined either way, the one inside it only without kernels."""
    for registered, wanted in ((library, "SampleRegions"), (None, "GridSample")):
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        if registered is not None:
            options.register_custom_ops_library(str(registered))
        model = graph("BezierAlign", ATTRIBUTES).SerializeToString()
        ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        nodes = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
        assert nodes & {"BezierAlign", "SampleRegions", "GridSample"} == {wanted}
