import math

import numpy as np
import pytest
import torch

from spotter.families.fots.boxes import SLANTED_BOXES, boxes_to_polygons, placed, polygons_to_boxes, probiou
from spotter.model.anchors import mosaic_anchors

UNIT = math.sqrt(12)  # the side of a box whose uniform density has variance 1


@pytest.mark.parametrize(
    ("theta", "corners"),
    [
        (0.0, [(80, 40), (120, 40), (120, 60), (80, 60)]),
        (math.pi / 2, [(110, 30), (110, 70), (90, 70), (90, 30)]),  # read downwards: its top is on the right
        (math.pi, [(120, 60), (80, 60), (80, 40), (120, 40)]),
        (-math.pi / 2, [(90, 70), (90, 30), (110, 30), (110, 70)]),  # read upwards: its top is on the left
        (math.atan2(3, 4), [(90, 30), (122, 54), (110, 70), (78, 46)]),  # along (16, 12), down (-6, 8)
    ],
)
def test_corners_run_clockwise_from_the_texts_own_top_left(theta: float, corners: list[tuple[int, int]]) -> None:
    box = torch.tensor([[100.0, 50.0, 40.0, 20.0, theta, 0.0]])
    polygon = boxes_to_polygons(box)
    torch.testing.assert_close(polygon, torch.tensor([corners], dtype=torch.float32), atol=1e-4, rtol=0)
    back = polygons_to_boxes(polygon)
    torch.testing.assert_close(back[:, :4], box[:, :4], atol=1e-3, rtol=0)
    assert math.cos(float(back[0, 4]) - theta) > 1 - 1e-6


def test_any_box_survives_the_way_there_and_back() -> None:
    generator = torch.Generator().manual_seed(3)
    boxes = torch.rand(500, 6, generator=generator, dtype=torch.float64)
    spread = torch.tensor([900.0, 900.0, 300.0, 80.0, 2 * math.pi, 2.4])
    boxes = boxes * spread + torch.tensor([0.0, 0, 2, 2, -math.pi, -1.2])
    torch.testing.assert_close(polygons_to_boxes(boxes_to_polygons(boxes)), boxes, atol=1e-8, rtol=0)


def test_a_trapezium_becomes_the_box_of_the_same_area_and_direction() -> None:
    quad = torch.tensor([[[0.0, 0.0], [10.0, 2.0], [10.0, 8.0], [0.0, 10.0]]])
    torch.testing.assert_close(polygons_to_boxes(quad), torch.tensor([[5.0, 5.0, 10.0, 8.0, 0.0, 0.0]]))


def test_a_parallelogram_keeps_its_centre_and_area() -> None:
    quad = torch.tensor([[[0.0, 0.0], [20.0, 10.0], [20.0, 18.0], [0.0, 8.0]]])  # sheared: 20 wide, 8 high
    box = polygons_to_boxes(quad)[0]
    assert box[:2].tolist() == pytest.approx([10, 9])
    assert float(box[4]) == pytest.approx(math.atan2(10, 20))
    assert float(box[2] * box[3]) == pytest.approx(160, rel=1e-5)
    # Down its left side, 8, it goes 8 x 10 / sqrt(500) = 3.58 along and 8 x 20 / sqrt(500) = 7.16 across.
    assert float(box[5]) == pytest.approx(0.5)
    torch.testing.assert_close(boxes_to_polygons(box[None]), quad, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("theta", "corners"),
    [
        (0.0, [(75, 40), (115, 40), (125, 60), (85, 60)]),  # the lower side is 20 x 0.5 further along
        (math.pi / 2, [(110, 25), (110, 65), (90, 75), (90, 35)]),
    ],
)
def test_corners_of_leaning_boxes(theta: float, corners: list[tuple[int, int]]) -> None:
    box = torch.tensor([[100.0, 50.0, 40.0, 20.0, theta, 0.5]])
    torch.testing.assert_close(boxes_to_polygons(box), torch.tensor([corners], dtype=torch.float32), atol=1e-4, rtol=0)


def test_a_lean_ends_somewhere() -> None:
    flat = torch.tensor([[[0.0, 0.0], [40.0, 0.0], [90.0, 10.0], [50.0, 10.0]]])
    assert float(polygons_to_boxes(flat)[0, 5]) == pytest.approx(1.2)


def test_a_mirrored_quadrilateral_has_no_height() -> None:
    anticlockwise = torch.tensor([[[0.0, 10.0], [40.0, 10.0], [40.0, 0.0], [0.0, 0.0]]])
    assert float(polygons_to_boxes(anticlockwise)[0, 3]) == 0


def test_no_boxes_give_no_polygons() -> None:
    assert boxes_to_polygons(torch.zeros(0, 6)).shape == (0, 4, 2)
    assert polygons_to_boxes(torch.zeros(0, 4, 2)).shape == (0, 6)


@pytest.mark.parametrize(
    ("first", "second", "coefficient"),
    [
        # Variances 1 and 1, two apart: exp(-1/8 x 2 squared) = exp(-1/2).
        ((0, 0, UNIT, UNIT, 0, 0), (2, 0, UNIT, UNIT, 0, 0), math.exp(-0.5)),
        # Concentric, variances 1 and 4: determinant of the mean 2.5 squared, sqrt(sqrt(1 x 16) / 6.25) = 0.8.
        ((5, 7, UNIT, UNIT, 0, 0), (5, 7, 2 * UNIT, 2 * UNIT, 0, 0), 0.8),
        # Crossed, variances (9, 1) and (1, 9): mean (5, 5), sqrt(sqrt(9 x 9) / 25) = 0.6.
        ((0, 0, 3 * UNIT, UNIT, 0, 0), (0, 0, 3 * UNIT, UNIT, math.pi / 2, 0), 0.6),
        # [[1, 0], [0, 1]] and, with a slant of 1, [[2, 1], [1, 1]], of determinant 1; that of their mean is 1.25.
        ((0, 0, UNIT, UNIT, 0, 0), (0, 0, UNIT, UNIT, 0, 1), math.sqrt(1 / 1.25)),
    ],
)
def test_probiou_of_boxes_worked_by_hand(
    first: tuple[float, ...], second: tuple[float, ...], coefficient: float
) -> None:
    expected = 1 - math.sqrt(1 - coefficient)
    assert float(probiou(torch.tensor(first), torch.tensor(second))) == pytest.approx(expected, abs=2e-5)
    assert float(probiou(torch.tensor(second), torch.tensor(first))) == pytest.approx(expected, abs=2e-5)


def test_probiou_is_the_overlap_of_the_two_gaussians() -> None:
    """Against sqrt(p q) summed over a fine grid, for turned and slanted boxes of different shape."""
    boxes = np.array([[30.0, 28.0, 36.0, 12.0, 0.6, 0.0], [35.0, 31.0, 28.0, 20.0, -1.1, 0.4]])
    step = 0.25
    x, y = np.meshgrid(np.arange(-60, 130, step), np.arange(-60, 130, step))
    densities = []
    for cx, cy, w, h, theta, slant in boxes:
        turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
        turn = turn @ np.array([[1, slant], [0, 1]])
        covariance = turn @ np.diag([w * w / 12, h * h / 12]) @ turn.T
        offset = np.stack((x - cx, y - cy), -1)
        exponent = np.einsum("...i,ij,...j", offset, np.linalg.inv(covariance), offset)
        densities.append(np.exp(-exponent / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance))))
    coefficient = float(np.sqrt(densities[0] * densities[1]).sum() * step**2)
    found = float(probiou(torch.from_numpy(boxes[0]), torch.from_numpy(boxes[1])))
    assert found == pytest.approx(1 - math.sqrt(1 - coefficient), abs=1e-4)


def test_probiou_stays_a_number_at_the_extremes() -> None:
    box = torch.tensor([50.0, 50.0, 30.0, 10.0, 0.3, 0.2], requires_grad=True)
    flat = torch.tensor([50.0, 50.0, 0.0, 0.0, 0.0, 0.0])
    far = torch.tensor([9000.0, 50.0, 30.0, 10.0, 0.3, 0.2])
    for other in (box.detach(), flat, far):
        value = probiou(box, other)
        assert -1e-6 < float(value.detach()) <= 1
        (gradient,) = torch.autograd.grad(value, box)
        assert gradient.isfinite().all()
    assert float(probiou(box.detach(), box.detach())) > 0.99
    assert float(probiou(box.detach(), far)) < 0.01


def test_higher_words_stand_on_coarser_levels() -> None:
    boxes = torch.tensor([[64.0, 96, 50, h, 0.5, 0.1] for h in (39.0, 40.0, 80.0, 160.0)])
    expected = [
        [64.0, 96, 50, 39, 0.5, 0.1],
        [32.0, 48 + 128 + 16, 25, 20, 0.5, 0.1],
        [16.0 + 96 + 16, 24 + 128 + 16, 12.5, 20, 0.5, 0.1],
        [8.0 + 96 + 16, 12 + 128 + 16 + 32 + 8, 6.25, 20, 0.5, 0.1],
    ]
    torch.testing.assert_close(placed(boxes, mosaic_anchors(128, 192, torch.device("cpu"))), torch.tensor(expected))


def test_a_curve_gets_the_rectangle_around_it_along_the_line_between_its_ends() -> None:
    # Its ends are at (0, 10) and (40, 10), 8 high; its middle rises to y = -4 and its lower edge stays above y = 14.
    arc = torch.tensor([[[0.0, 6], [20, -4], [40, 6], [40, 14], [20, 4], [0, 14]]])
    torch.testing.assert_close(polygons_to_boxes(arc), torch.tensor([[20.0, 5, 40, 18, 0, 0]]))
    turned = torch.stack((-arc[..., 1], arc[..., 0]), -1)  # by a quarter, clockwise on the screen
    expected = torch.tensor([[-5.0, 20, 40, 18, math.pi / 2, 0]])
    torch.testing.assert_close(polygons_to_boxes(turned), expected, atol=1e-4, rtol=0)


def test_more_points_on_straight_sides_change_a_rectangle_by_nothing() -> None:
    quad = boxes_to_polygons(torch.tensor([[50.0, 40, 60, 20, 0.4, 0.0]]))
    top, bottom = (torch.stack([edge[0], edge.mean(0), edge[1]]) for edge in (quad[0, :2], quad[0, 2:]))
    torch.testing.assert_close(polygons_to_boxes(torch.cat((top, bottom))[None]), polygons_to_boxes(quad))


def test_positions_run_from_corner_to_corner_and_on_into_the_margin() -> None:
    box = torch.tensor([[50.0, 40, 60, 20, 0.4, 0.3]])
    corners = boxes_to_polygons(box)[0]
    x, y = SLANTED_BOXES.places(box, torch.tensor([[-0.5, 0.5, 1.5]]), torch.tensor([-0.5, 0.5]))
    found = torch.stack((x, y), -1)[0]  # rows x columns x 2
    torch.testing.assert_close(found[0, :2], corners[:2])
    torch.testing.assert_close(found[1, :2], corners[[3, 2]])
    torch.testing.assert_close(found[:, 2], 2 * found[:, 1] - found[:, 0])
    assert [side.tolist() for side in SLANTED_BOXES.extent(box)] == [[60], [20]]
