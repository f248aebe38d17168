"""The kernels beside the bodies, the network's own sampling and a plain loop; and numbers worked by hand."""

import itertools
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from spotter.model.regions import PatchSize
from tests.families.cutting import box_widths, roi_rotate
from tests.ops.graphs import ATTRIBUTES, SIZE, Floats, graph, open_graph, reference, reference_grid, run

WAYS = ("kernel", "body")
NAN, INF = math.nan, math.inf


@pytest.fixture(scope="module", name="rotate")
def make_rotate(library: Path) -> dict[str, ort.InferenceSession]:
    """RoIRotate at stride 4 by its kernel and by its body."""
    model = graph("RoIRotate", ATTRIBUTES)
    return {"kernel": open_graph(model, library), "body": open_graph(model, None)}


@pytest.fixture(scope="module", name="sample")
def make_sample(library: Path) -> dict[str, ort.InferenceSession]:
    """SampleRegions by its kernel and by its body."""
    model = graph("SampleRegions", {})
    return {"kernel": open_graph(model, library), "body": open_graph(model, None)}


def ramps() -> Floats:
    """Two maps [2, 2, 8, 10] at stride 4: channel 0 holds the x of the element's centre in pixels, channel 1 its y; the
    second picture's are 1000 higher."""
    y, x = np.meshgrid(4 * np.arange(8) + 2, 4 * np.arange(10) + 2, indexing="ij")
    return np.stack([np.stack([x, y]) + 1000 * image for image in range(2)]).astype(np.float32)


def noise(*shape: int, seed: int = 3) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def boxes_of(*boxes: tuple[float, ...]) -> Floats:
    """Boxes float32 [N, 6]; those of five numbers stand upright."""
    return np.array([(*box, 0.0) if len(box) == 5 else box for box in boxes], np.float32).reshape(-1, 6)


def of_picture(*index: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(index, np.int64)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("theta", "x", "y"),
    [
        # 16 along, 8 down, middle (20, 16): 8 columns of 2 pixels and 4 rows of 2.
        (0.0, [13, 15, 17, 19, 21, 23, 25, 27], [13, 15, 17, 19]),
        # At 90 degrees reading runs down the picture, and the text's top is on the right.
        (math.pi / 2, [23, 21, 19, 17], [9, 11, 13, 15, 17, 19, 21, 23]),
        (math.pi, [27, 25, 23, 21, 19, 17, 15, 13], [19, 17, 15, 13]),
        (-math.pi / 2, [17, 19, 21, 23], [23, 21, 19, 17, 15, 13, 11, 9]),
    ],
)
def test_numbers_worked_by_hand(
    rotate: dict[str, ort.InferenceSession], way: str, theta: float, x: list[float], y: list[float]
) -> None:
    (patch,) = run(rotate[way], ramps(), boxes_of((20, 16, 16, 8, theta)), of_picture(0))
    assert patch.shape == (2, 4, 8)
    wanted = np.meshgrid(x, y) if len(x) == 8 else np.meshgrid(y, x)[::-1]
    np.testing.assert_allclose(patch, wanted, atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("theta", "first_row"),
    [
        # As above, but each row, 2 pixels lower than the one before, begins a pixel further along; the middle stays.
        (0.0, (11.5, 13)),
        (math.pi / 2, (23, 7.5)),
        (math.pi, (28.5, 19)),
    ],
)
def test_slanted_boxes_worked_by_hand(
    rotate: dict[str, ort.InferenceSession], way: str, theta: float, first_row: tuple[float, float]
) -> None:
    (patch,) = run(rotate[way], ramps(), boxes_of((20, 16, 16, 8, theta, 0.5)), of_picture(0))
    along = np.array([math.cos(theta), math.sin(theta)])
    down = np.array([-math.sin(theta), math.cos(theta)])
    column, row = np.arange(8)[None, None], np.arange(4)[None, :, None]
    wanted = (
        np.array(first_row)[:, None, None] + (2 * column + row) * along[:, None, None] + 2 * row * down[:, None, None]
    )
    np.testing.assert_allclose(patch, wanted, atol=1e-3)


def test_graphs_of_version_1_are_run_too(library: Path, rotate: dict[str, ort.InferenceSession]) -> None:
    """Their boxes have five numbers, and stand upright."""
    model = graph("RoIRotate", ATTRIBUTES, bodies=False)
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_value = 5
    model.opset_import[1].version = 1
    boxes = boxes_of((20, 16, 16, 8, 0.3), (12, 9, 30, 8, -2), (30, 20, 9, 9, 1))
    found = run(open_graph(model, library), ramps(), np.ascontiguousarray(boxes[:, :5]), of_picture(0, 1, 0))
    np.testing.assert_array_equal(found, run(rotate["kernel"], ramps(), boxes, of_picture(0, 1, 0)))


@pytest.mark.parametrize("way", WAYS)
def test_the_border_fades_to_zero_within_an_element(sample: dict[str, ort.InferenceSession], way: str) -> None:
    """One row of elements 2, 4; half-pixel: centres at 0.5 and 1.5, nothing from -0.5 and 2.5 on."""
    features = np.array([2, 4], np.float32).reshape(1, 1, 1, 2)
    x = [-1, -0.5, 0, 0.25, 0.5, 1, 1.5, 1.75, 2, 2.5, 3]
    grid = np.array([[place, 0.5] for place in x], np.float32).reshape(1, 1, -1, 2)
    found = run(sample[way], features, grid, of_picture(0))
    np.testing.assert_allclose(found.ravel(), [0, 0, 1, 1.5, 2, 3, 4, 3, 2, 0, 0], atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_is_never_read_for_another(rotate: dict[str, ort.InferenceSession], way: str) -> None:
    """Boxes across the lower border of the first picture and the upper border of the second."""
    boxes = boxes_of((20, 32, 16, 8, 0), (20, 0, 16, 8, 0))
    first, second = run(rotate[way], ramps(), boxes, of_picture(0, 1))
    assert first.max() < 100
    assert first[:, 2:].max() <= first[:, :2].max()
    np.testing.assert_allclose(second[0, 3], 1000 + np.arange(13, 28, 2), atol=2e-1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("index", [-1, -5, 2, 1 << 40])
def test_no_such_picture_reads_zero(rotate: dict[str, ort.InferenceSession], way: str, index: int) -> None:
    patches = run(rotate[way], ramps(), boxes_of((20, 16, 16, 8, 0), (20, 16, 16, 8, 0)), of_picture(index, 0))
    assert not patches[0].any()
    assert patches[1].any()


@pytest.mark.parametrize("way", WAYS)
def test_no_regions(rotate: dict[str, ort.InferenceSession], sample: dict[str, ort.InferenceSession], way: str) -> None:
    patches = run(rotate[way], ramps(), boxes_of(), of_picture())
    assert patches.shape == (0, 2, SIZE.height, SIZE.min_width)
    assert run(sample[way], ramps(), np.zeros((0, 3, 5, 2), np.float32), of_picture()).shape == (0, 2, 3, 5)


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_box_is_its_middle(rotate: dict[str, ort.InferenceSession], way: str) -> None:
    (patch,) = run(rotate[way], ramps(), boxes_of((20, 16, 0, 0, 0.7)), of_picture(0))
    assert patch.shape == (2, SIZE.height, SIZE.min_width)
    np.testing.assert_allclose(patch[0], 20, atol=1e-3)
    np.testing.assert_allclose(patch[1], 16, atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", list(itertools.product(range(5), (NAN, INF, -INF))))
def test_boxes_that_are_no_boxes(rotate: dict[str, ort.InferenceSession], way: str, wrong: tuple[int, float]) -> None:
    """A number that is none, or is infinite, spoils its own region alone, and reads zero wherever a place is lost."""
    features = noise(2, 3, 8, 10)
    boxes = boxes_of((20, 16, 16, 8, 0.3), (14, 12, 30, 8, -0.4))
    boxes[0, wrong[0]] = wrong[1]
    found = run(rotate[way], features, boxes, of_picture(0, 1))
    grid, _ = reference_grid(boxes)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, reference(features, grid, of_picture(0, 1)), atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_places_beyond_every_integer(sample: dict[str, ort.InferenceSession], way: str) -> None:
    places = [NAN, INF, -INF, 3e38, -3e38, 2.0**31, -(2.0**31), 2.0**63]
    grid = np.array(list(itertools.product([*places, 1.5], repeat=2)), np.float32).reshape(1, 9, 9, 2)
    found = run(sample[way], ramps(), grid, of_picture(0))
    assert not found[0, :, :8].any()
    assert not found[0, :, :, :8].any()
    np.testing.assert_allclose(found[0, :, 8, 8], [6, 6], atol=1e-4)


@pytest.mark.parametrize("channels", [1, 4, 7, 35])
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (7, 5), (12, 10)])
def test_the_kernel_samples_any_map_as_a_plain_loop_does(
    sample: dict[str, ort.InferenceSession], channels: int, shape: tuple[int, int]
) -> None:
    rng = np.random.default_rng(11)
    features = noise(3, channels, *shape)
    grid = rng.uniform(-2, 13, (5, 3, 7, 2)).astype(np.float32)
    index = rng.integers(0, 3, 5)
    wanted = reference(features, grid, index)
    np.testing.assert_allclose(run(sample["kernel"], features, grid, index), wanted, atol=2e-5)
    np.testing.assert_allclose(run(sample["body"], features, grid, index), wanted, atol=2e-4)


@pytest.mark.parametrize(("scale", "stride"), [(1, 4), (2, 2)])
def test_kernel_body_network_and_loop_agree(library: Path, scale: int, stride: int) -> None:
    """Boxes on, across and off the picture, at any angle, some much too wide."""
    rng = np.random.default_rng(7)
    features = noise(3, 6, 48 // stride, 40 // stride)
    low, high = [-30, -30, 0.5, 0.5, -4, -1.2], [80, 80, 60, 16, 4, 1.2]
    boxes = rng.uniform(low, high, (40, 6)).astype(np.float32)
    boxes[:3, 2:4] = [[900, 3], [0, 5], [5, 0]]
    index = np.arange(40) % 3
    attributes = ATTRIBUTES | {"height": scale * SIZE.height, "scale": scale, "stride": stride}
    model = graph("RoIRotate", attributes)
    grid, widths = reference_grid(boxes, SIZE, scale, stride)
    wanted = reference(features, grid, index)
    theirs = torch.from_numpy(boxes)
    network = roi_rotate(
        torch.from_numpy(features), theirs, torch.from_numpy(index), scale * box_widths(theirs, SIZE),
        scale * SIZE.height, stride,
    )  # fmt: skip
    assert (scale * box_widths(theirs, SIZE)).tolist() == widths
    kernel = run(open_graph(model, library), features, boxes, index)
    np.testing.assert_allclose(kernel, wanted, atol=1e-4)
    np.testing.assert_allclose(network.numpy(), wanted, atol=5e-4)
    np.testing.assert_allclose(run(open_graph(model, None), features, boxes, index), wanted, atol=5e-4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operator", ["RoIRotate", "SampleRegions"])
def test_half_precision(library: Path, way: str, operator: str) -> None:
    features = noise(2, 5, 12, 10).astype(np.float16)
    boxes = boxes_of((20, 16, 30, 8, 0.3), (30, 20, 12, 9, -2, 0.7), (41, 1, 16, 8, 1))
    places = boxes if operator == "RoIRotate" else reference_grid(boxes)[0]
    model = graph(operator, ATTRIBUTES if operator == "RoIRotate" else {}, half=True)
    session = open_graph(model, library if way == "kernel" else None)
    found = run(session, features, places, of_picture(0, 1, 0))
    wanted = reference(features.astype(np.float32), reference_grid(boxes)[0], of_picture(0, 1, 0))
    np.testing.assert_allclose(found, wanted, atol=3e-3)


def test_every_half_survives(library: Path) -> None:
    """Each finite half, read at its own centre, comes back as it was: conversions are exact."""
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    features = np.where(np.isfinite(values), values, 0).reshape(1, 1, 256, 256)
    y, x = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5, indexing="ij")
    grid = np.stack((x, y), -1)[None].astype(np.float32)
    session = open_graph(graph("SampleRegions", {}, half=True), library)
    (found,) = session.run(None, {"features": features, "grid": grid, "image_index": of_picture(0)})
    np.testing.assert_array_equal(np.asarray(found), features)


def test_threads_change_nothing(library: Path) -> None:
    features, boxes = noise(2, 40, 30, 30), np.random.default_rng(1).uniform(0, 100, (50, 6)).astype(np.float32)
    model, index = graph("RoIRotate", ATTRIBUTES), np.arange(50) % 2
    one, four = (run(open_graph(model, library, threads), features, boxes, index) for threads in (1, 4))
    np.testing.assert_array_equal(one, four)
    few = run(open_graph(model, library, 4), features, boxes[:3], index[:3])
    np.testing.assert_array_equal(few, one[:3, :, :, : few.shape[3]])


def test_wide_patches_are_cut_into_blocks(library: Path) -> None:
    size = PatchSize(height=2, min_width=1, max_width=3000)
    boxes = boxes_of((600, 8, 1200, 0.9, 0.01), (30, 8, 20, 8, 0))
    features = noise(1, 3, 4, 300)
    model = graph("RoIRotate", {"height": 2, "min_width": 1, "max_width": 3000, "scale": 1, "stride": 4})
    found = run(open_graph(model, library), features, boxes, of_picture(0, 0))
    grid, widths = reference_grid(boxes, size)
    assert widths[0] > 2048
    np.testing.assert_allclose(found, reference(features, grid, of_picture(0, 0)), atol=1e-3)


def test_the_kernel_takes_the_place_of_the_body(library: Path, tmp_path: Path) -> None:
    """ONNX Runtime prefers it to the function of the same name, without a setting; the body alone is inlined."""
    for registered, wanted in ((library, {"RoIRotate"}), (None, {"GridSample"})):
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        if registered is not None:
            options.register_custom_ops_library(str(registered))
        model = graph("RoIRotate", ATTRIBUTES).SerializeToString()
        ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        nodes = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
        assert wanted <= nodes
        assert len(nodes & {"RoIRotate", "GridSample"}) == 1


def test_shapes_are_inferred(library: Path) -> None:
    """What follows the operator knows its channels and rows, and that columns of two boxes need not be alike."""
    model = graph("RoIRotate", ATTRIBUTES, bodies=False)
    del model.graph.output[:]
    second = onnx.NodeProto()
    second.CopyFrom(model.graph.node[0])
    second.output[0] = "other"
    model.graph.node.append(second)
    for name in ("out", "other"):
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    shapes = [output.shape for output in open_graph(model, library).get_outputs()]
    assert [shape[:3] for shape in shapes] == [["N", "C", 4]] * 2
    assert shapes[0][3] != shapes[1][3]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"min_width": 30}, "min_width <= max_width"), ({"height": 0}, "height"), ({"scale": 3}, "scale divides")],
)
def test_attributes_are_checked(library: Path, change: dict[str, int], said: str) -> None:
    with pytest.raises(Exception, match=said):
        open_graph(graph("RoIRotate", ATTRIBUTES | change, bodies=False), library)


@pytest.mark.parametrize(
    ("boxes", "index", "said"),
    [((2, 4), 2, r"boxes must be \[N, 6\]"), ((2, 6), 3, "an entry for every region")],
)
def test_shapes_are_checked(library: Path, boxes: tuple[int, int], index: int, said: str) -> None:
    model = graph("RoIRotate", ATTRIBUTES, bodies=False)
    for value in model.graph.input[1:]:
        value.type.tensor_type.ClearField("shape")
    session = open_graph(model, library)
    feeds = {
        "features": ramps(),
        "boxes": np.zeros(boxes, np.float32),
        "image_index": np.zeros(index, np.int64),
    }
    with pytest.raises(Exception, match=said):
        session.run(None, feeds)
