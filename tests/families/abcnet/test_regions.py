import math

import pytest
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import fitted
from spotter.families.abcnet.regions import BezierAlign
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.fots.regions import RoIRotate
from spotter.model.anchors import mosaic_anchors
from spotter.model.regions import PatchSize
from tests.families.abcnet.shapes import arc
from tests.families.cutting import bezier_align, curve_widths, roi_rotate
from tests.model.test_pyramid import mosaic
from tests.model.test_pyramid import ramps as picture_ramps

FIRST = torch.tensor([0])


def ramps(rows: int, columns: int, stride: int) -> Tensor:
    """[1, 2, rows, columns]: each point of the map holds its own (x, y), in pixels."""
    y, x = torch.meshgrid((torch.arange(rows) + 0.5) * stride, (torch.arange(columns) + 0.5) * stride, indexing="ij")
    return torch.stack((x, y))[None]


@pytest.mark.parametrize("theta", [0.0, math.pi / 2, 0.4, -2.0])
@pytest.mark.parametrize("slant", [0.0, 0.4])
def test_a_straight_region_is_sampled_as_roirotate_does(theta: float, slant: float) -> None:
    boxes = torch.tensor([[40.0, 32, 24, 8, theta, slant], [20.0, 30, 16, 9, theta, -slant]])
    features = torch.randn(1, 3, 16, 20, generator=torch.Generator().manual_seed(1))
    widths, index = torch.tensor([9, 5]), torch.tensor([0, 0])
    found = bezier_align(features, fitted(boxes_to_polygons(boxes)), index, widths, 4, 4)
    torch.testing.assert_close(found, roi_rotate(features, boxes, index, widths, 4, 4), atol=1e-4, rtol=0)


def test_a_quarter_circle_is_sampled_at_known_places() -> None:
    """Radii 80 and 100 about (120, 120), 90 degrees about the top, in 3 columns and 2 rows: the columns' middles lie 30
    degrees apart, the rows at the radii 95 and 85."""
    x, y = bezier_align(ramps(60, 60, 4), arc(80, 100, -90, 90), FIRST, torch.tensor([3]), 2, 4)[0]
    for row, radius in enumerate((95, 85)):
        for column, degrees in enumerate((-30, 0, 30)):
            angle = math.radians(degrees)
            place = (float(x[row, column]), float(y[row, column]))
            assert place == pytest.approx((120 + radius * math.sin(angle), 120 - radius * math.cos(angle)), abs=0.3)


def test_a_word_at_the_bottom_of_a_seal_reads_from_left_to_right() -> None:
    """Its upper edge is the inner circle; it is read against the clock."""
    seal = arc(80, 100, 90, 60)
    turned = seal.reshape(1, 2, 4, 2).flip(1, 2).flatten(1)
    x, y = bezier_align(ramps(60, 60, 4), turned, FIRST, torch.tensor([5]), 2, 4)[0]
    assert x[0].tolist() == sorted(x[0].tolist())
    assert float(y[0, 2]) == pytest.approx(120 + 85, abs=0.3)
    assert float(y[1, 2]) == pytest.approx(120 + 95, abs=0.3)


def test_columns_follow_the_length_of_the_middle_line() -> None:
    size = PatchSize(8, 6, 40)
    regions = torch.cat((arc(80, 100, span=60), arc(80, 100, span=5), arc(95, 100, span=120), torch.ones(1, 16)))
    assert curve_widths(regions, size).tolist() == [38, 6, 40, 6]  # 90 x pi / 3 / 20 x 8 = 37.7


def test_a_patch_is_zero_beyond_its_own_width() -> None:
    patches = bezier_align(
        torch.ones(1, 1, 60, 60), arc().repeat(2, 1), torch.tensor([0, 0]), torch.tensor([3, 7]), 2, 4
    )
    assert patches[0, 0, 0].tolist() == pytest.approx([1] * 3 + [0] * 4)
    assert patches[1, 0, 0].tolist() == pytest.approx([1] * 7)


def test_gradients_of_maps_and_control_points_are_the_numerical_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 2, 6, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    upper = [[3.2, 8.1], [8.3, 4.4], [14.9, 5.2], [19.6, 9.3]]
    lower = [[4.1, 14.2], [9.4, 10.1], [13.8, 11.3], [18.2, 14.7]]
    curves = torch.tensor([[*upper, *lower]], dtype=torch.float64).flatten(1)
    curves = torch.cat((curves, curves.flip(1) + 0.31)).requires_grad_()

    def patches(maps: Tensor, places: Tensor) -> Tensor:
        return bezier_align(maps, places, torch.tensor([1, 0]), torch.tensor([4, 3]), 3, 4)

    assert torch.autograd.gradcheck(patches, (features, curves), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("h", [12.0, 41.0, 85.0, 170.0])
def test_words_of_any_height_read_the_places_they_stand_on(h: float) -> None:
    """Straight ones as `RoIRotate` cuts them, whichever level of the pyramid they lie on."""
    height, width, size = 448, 512, PatchSize(4, 2, 8)
    boxes = torch.tensor([[251.0, 227, 1.3 * h, h, 0.5, 0.2]])
    pictures = picture_ramps(height, width)
    maps = (mosaic(pictures, 2), mosaic(pictures, 4), mosaic_anchors(height, width, torch.device("cpu")))
    wanted = RoIRotate(size)(*maps, boxes, FIRST)
    found = BezierAlign(size)(*maps, fitted(boxes_to_polygons(boxes)), FIRST)
    for mine, other in zip((found.fine, found.coarse), (wanted.fine, wanted.coarse), strict=True):
        torch.testing.assert_close(mine, other, atol=4e-3, rtol=0)
    assert found.widths.tolist() == [6]
