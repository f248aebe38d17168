import math

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor

from spotter import OPERATORS_VERSION
from spotter.model import language
from spotter.model.regions import PatchSize, sample_regions
from spotter.ops import bodies
from spotter.ops.bodies import functions
from spotter.ops.interface import DOMAIN, OPSET, SAMPLING
from tests.families.cutting import box_widths, roi_rotate

SIZE = PatchSize(height=4, min_width=3, max_width=20)


def session(operator: str, second: str, rank: int, **attributes: int) -> ort.InferenceSession:
    """A graph of one operator, its body beside it."""
    node = helper.make_node(operator, ["features", second, "image_index"], ["out"], domain=DOMAIN, **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", "C", "H", "W"]),
            helper.make_tensor_value_info(second, TensorProto.FLOAT, [f"d{n}" for n in range(rank)]),
            helper.make_tensor_value_info("image_index", TensorProto.INT64, ["N"]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [f"o{n}" for n in range(4)])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATORS_VERSION)]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions(), ir_version=10)
    onnx.checker.check_model(model)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", name="rotate")
def make_rotate() -> dict[int, ort.InferenceSession]:
    """The operator as the graph uses it at strides 4 and 2."""
    limits = {"min_width": SIZE.min_width, "max_width": SIZE.max_width}
    return {
        stride: session("RoIRotate", "boxes", 2, height=scale * SIZE.height, scale=scale, stride=stride, **limits)
        for stride, scale in ((4, 1), (2, 2))
    }


def both(
    rotate: dict[int, ort.InferenceSession], stride: int, features: Tensor, boxes: Tensor, index: Tensor
) -> tuple[Tensor, Tensor]:
    scale = 4 // stride
    feeds = {"features": features.numpy(), "boxes": boxes.numpy(), "image_index": index.numpy()}
    (found,) = rotate[stride].run(None, feeds)
    expected = roi_rotate(features, boxes, index, scale * box_widths(boxes, SIZE), scale * SIZE.height, stride)
    return torch.from_numpy(np.asarray(found)), expected


@pytest.mark.parametrize("stride", [4, 2])
def test_the_function_samples_as_the_network_does(rotate: dict[int, ort.InferenceSession], stride: int) -> None:
    generator = torch.Generator().manual_seed(5)
    features = torch.randn(3, 2, 12, 10, generator=generator)
    spread = torch.tensor([50.0, 60.0, 60.0, 20.0, 2 * math.pi, 2.4])
    boxes = torch.rand(40, 6, generator=generator) * spread + torch.tensor([-5.0, -5, 1, 1, -math.pi, -1.2])
    boxes[0] = torch.tensor([1e5, -1e5, 30, 10, 0.4, 0.2])
    found, expected = both(rotate, stride, features, boxes, torch.arange(40) % 3)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize(
    ("theta", "along", "first", "last"),
    [(0.0, 0, 33, 47), (math.pi / 2, 1, 25, 39), (math.pi, 0, 47, 33), (-math.pi / 2, 1, 39, 25)],
)
def test_a_ramp_reads_the_bins_own_places(
    rotate: dict[int, ort.InferenceSession], theta: float, along: int, first: float, last: float
) -> None:
    """The box is 16 along and 8 down, its middle at (40, 32), in 8 bins of 2 pixels; channel 0 holds x, 1 holds y."""
    y, x = torch.meshgrid((torch.arange(16) + 0.5) * 4, (torch.arange(20) + 0.5) * 4, indexing="ij")
    boxes = torch.tensor([[40.0, 32, 16, 8, theta, 0]])
    found, _ = both(rotate, 4, torch.stack((x, y))[None], boxes, torch.tensor([0]))
    assert found.shape == (1, 2, 4, 8)
    expected = torch.linspace(first, last, 8).expand(4, 8)
    torch.testing.assert_close(found[0, along], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("box", [[20.0, 20, 0, 0, 0, 0], [20.0, 20, 30, 0, 0, 1], [20.0, 20, 900, 2, 1, 0]])
def test_boxes_without_extent_get_columns_within_the_limits(
    rotate: dict[int, ort.InferenceSession], box: list[float]
) -> None:
    found, expected = both(rotate, 4, torch.ones(1, 1, 12, 10), torch.tensor([box]), torch.tensor([0]))
    assert SIZE.min_width <= found.shape[3] <= SIZE.max_width
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_box_that_is_no_number_is_as_narrow_as_can_be(rotate: dict[int, ort.InferenceSession]) -> None:
    boxes = torch.tensor([[20.0, 20, math.nan, 8, 0, 0], [20.0, 20, 16, 8, 0, 0]])
    found, _ = both(rotate, 4, torch.ones(1, 1, 12, 10), boxes, torch.tensor([0, 0]))
    assert found.shape == (2, 1, 4, 8)
    assert not found[0, :, :, SIZE.min_width :].any()


def test_any_grid_is_sampled_alike() -> None:
    generator = torch.Generator().manual_seed(6)
    features = torch.randn(2, 3, 7, 5, generator=generator)
    grid = torch.rand(9, 2, 6, 2, generator=generator) * 14 - 3
    index = torch.arange(9) % 2
    run = session("SampleRegions", "grid", 4).run
    feeds = {"features": features.numpy(), "grid": grid.numpy(), "image_index": index.numpy()}
    (found,) = run(None, feeds)
    expected = sample_regions(features, grid, index).numpy()
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-4)


def test_the_nodes_are_those_that_were_written() -> None:
    """onnxscript adds casts where a bare number is written, and If where a Python `if` is not known beforehand."""
    found = {body.name: body.node for body in functions()}
    casts = {name: sum(node.op_type == "CastLike" for node in nodes) for name, nodes in found.items()}
    assert casts == dict.fromkeys(found, 0) | dict.fromkeys(SAMPLING, 1)
    assert not [node for nodes in found.values() for node in nodes if node.op_type in ("If", "Loop") or node.name]


def test_the_search_counts_texts_as_the_network_does() -> None:
    for name in ("LARGEST_MARGIN", "IMPOSSIBLE", "MULTIPLIER", "MODULUS", "SHIFT"):
        assert getattr(bodies, name) == getattr(language, name)
