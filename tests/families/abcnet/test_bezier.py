import math

import pytest
import torch

from spotter.families.abcnet.bezier import (
    BEZIER_REGIONS,
    bernstein,
    bezier_places,
    controls,
    edges,
    fitted,
    measured,
    outlines,
    parted,
    placed,
    straight_parts,
)
from spotter.families.fots.boxes import SLANTED_BOXES, box_places, boxes_to_polygons
from spotter.model.anchors import mosaic_anchors, plain_anchors
from tests.families.abcnet.shapes import arc, arc_polygon, straight

CPU = torch.device("cpu")


def test_bernsteins_polynomials_at_the_third() -> None:
    assert bernstein(torch.tensor(1 / 3)).tolist() == pytest.approx([8 / 27, 12 / 27, 6 / 27, 1 / 27])


def test_a_quadrilateral_becomes_two_straight_curves() -> None:
    curves = fitted(torch.tensor([[[0.0, 0], [30, 3], [30, 12], [3, 9]]]))
    assert controls(curves)[0, 0].tolist() == [[0, 0], [10, 1], [20, 2], [30, 3]]
    assert controls(curves)[0, 1].tolist() == [[3, 9], [12, 10], [21, 11], [30, 12]]  # in reading order, too


def test_three_points_become_the_parabola_through_them() -> None:
    polygon = torch.tensor([[[0.0, 10], [20, 0], [40, 10], [40, 20], [20, 10], [0, 20]]])
    upper, lower = edges(fitted(polygon), torch.tensor([0, 0.25, 0.5, 1]))[0]
    torch.testing.assert_close(upper, torch.tensor([[0, 10], [10, 2.5], [20, 0], [40, 10]]), atol=1e-3, rtol=0)
    torch.testing.assert_close(lower, upper + torch.tensor([0, 10.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("span", "off"), [(60, 0.06), (90, 0.3), (120, 0.7)])
@pytest.mark.parametrize("points", [7, 8, 20])
def test_a_circles_arc_is_fitted_closely_and_its_ends_exactly(span: float, off: float, points: int) -> None:
    polygon = arc_polygon(80, 100, -90, span, (0, 0), points)
    curves = fitted(polygon)
    radii = edges(curves, torch.linspace(0, 1, 50))[0].norm(dim=-1)
    assert float((radii[0] - 100).abs().max()) < off
    assert float((radii[1] - 80).abs().max()) < off
    ends = controls(curves)[0, :, [0, 3]].flatten(0, 1)
    torch.testing.assert_close(ends, polygon[0, [0, points - 1, -1, points]])


def test_points_in_one_place_are_fitted_by_a_point() -> None:
    assert fitted(torch.full((1, 8, 2), 3.0)).tolist() == [[3.0] * 16]


def test_the_outline_runs_along_the_upper_edge_and_back_along_the_lower() -> None:
    polygon = outlines(straight(0, 0, 70, 10))[0]
    assert polygon.shape == (16, 2)
    torch.testing.assert_close(polygon[:8, 0], torch.arange(8) * 10.0)
    torch.testing.assert_close(polygon[8:], torch.stack((70 - torch.arange(8) * 10.0, torch.full((8,), 10.0)), 1))


def test_an_arc_is_as_long_as_its_middle_line_and_as_high_as_its_ring() -> None:
    lengths, heights = measured(torch.cat((arc(80, 100, span=90), straight(3, 4, 63, 16))))
    assert lengths.tolist() == pytest.approx([90 * math.pi / 2, 60], rel=2e-3)
    assert heights.tolist() == pytest.approx([20, 12], rel=6e-3)


@pytest.mark.parametrize("theta", [0.0, 0.4, -2.0])
def test_straight_regions_are_those_of_slanted_boxes(theta: float) -> None:
    """A slanted box has the same extent, the same places, the margins too, the same parts."""
    boxes = torch.tensor([[50.0, 40, 36, 12, theta, 0.3], [90.0, 20, 6, 12, theta, -0.2]])
    curves = fitted(boxes_to_polygons(boxes))
    for mine, other in zip(measured(curves), SLANTED_BOXES.extent(boxes), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-3, rtol=0)
    u, v = torch.linspace(-0.8, 0.8, 9).expand(2, 9), torch.linspace(-0.6, 0.6, 5)
    for mine, other in zip(bezier_places(curves, u, v), box_places(boxes, u, v), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-3, rtol=0)
    start, end = torch.tensor([-0.5, -0.1]), torch.tensor([0.2, 0.4])
    torch.testing.assert_close(
        parted(curves, start, end), fitted(boxes_to_polygons(SLANTED_BOXES.part(boxes, start, end))), atol=1e-3, rtol=0
    )


def test_places_of_a_quarter_circle() -> None:
    """A ring about (0, 0) between the radii 80 and 100: the middle of the word is at its top, a quarter of the way at
    22.5 degrees from there, and beyond the ends it runs straight on, at right angles to the radius."""
    curves = arc(80, 100, span=90, at=(0, 0))
    x, y = bezier_places(curves, torch.tensor([[-0.5, -0.25, 0.0, 0.5, 0.6]]), torch.tensor([-0.5, 0.0, 0.5]))
    assert x.shape == (1, 3, 5)
    for column, degrees in ((0, -45), (1, -22.5), (2, 0), (3, 45)):
        for row, radius in enumerate((100, 90, 80)):
            angle = math.radians(degrees)
            place = (float(x[0, row, column]), float(y[0, row, column]))
            assert place == pytest.approx((radius * math.sin(angle), -radius * math.cos(angle)), abs=0.3)
    step = torch.stack((x[0, 1, 4] - x[0, 1, 3], y[0, 1, 4] - y[0, 1, 3]))
    assert float(step[0] / step[1]) == pytest.approx(1, abs=0.1)  # at 45 degrees, down to the right
    assert float(step.norm()) == pytest.approx(0.1 * 90 * math.pi / 2, rel=0.1)


def test_a_part_is_the_same_curve() -> None:
    curves = arc(span=120).repeat(2, 1)
    parts = parted(curves, torch.tensor([-0.5, -0.25]), torch.tensor([0.5, 0.25]))
    torch.testing.assert_close(parts[:1], curves[:1], atol=1e-4, rtol=0)
    torch.testing.assert_close(
        edges(parts[1:], torch.linspace(0, 1, 5)), edges(curves[1:], torch.linspace(0.25, 0.75, 5)), atol=1e-3, rtol=0
    )


def test_from_its_other_end_a_curve_is_the_same_from_the_opposite_corner() -> None:
    curves = arc(span=120)
    other = BEZIER_REGIONS.reversed(curves)
    torch.testing.assert_close(outlines(other), outlines(curves).roll(8, 1), atol=1e-4, rtol=0)


def test_every_function_takes_what_is_no_word() -> None:
    nothing = torch.ones(1, 16)
    assert BEZIER_REGIONS.extent(nothing).heights.tolist() == [0]
    x, y = BEZIER_REGIONS.places(nothing, torch.zeros(1, 3), torch.zeros(2))
    part = BEZIER_REGIONS.part(nothing, torch.tensor([-0.5]), torch.tensor([0.1]))
    for found in (x, y, BEZIER_REGIONS.polygons(nothing), part):
        torch.testing.assert_close(found, torch.ones_like(found))


def test_a_word_read_backwards_has_no_height() -> None:
    """The lower edge lies above the upper one: mirrored text, which nobody reads."""
    assert measured(straight(0, 10, 40, 0)).heights.tolist() == [0]


def test_a_high_word_lies_on_the_level_of_its_size() -> None:
    anchors = mosaic_anchors(256, 320, CPU)
    high = straight(40, 40, 240, 100)  # 60 pixels: found at half size, below the picture
    there = placed(torch.cat((high, straight(10, 10, 50, 30))), anchors)
    torch.testing.assert_close(there[0, 0::2], high[0, 0::2] / 2)
    torch.testing.assert_close(there[0, 1::2], high[0, 1::2] / 2 + 256 + 16)
    assert there[1].tolist() == straight(10, 10, 50, 30)[0].tolist()
    assert placed(high, plain_anchors(4, 4, CPU)) is high


def test_the_part_of_a_ring_that_turns_little_from_a_point() -> None:
    """A ring of 160 degrees, and a straight word, of which everything is within any turn."""
    curves = torch.cat((arc(80, 100, -90, 160), straight(0, 0, 100, 20)))
    # The curve is not quite a circle's.
    words, place = torch.tensor([0, 0, 0, 1]), torch.tensor([0.0, 0.5, 0.9, 0.2])
    start, end = straight_parts(curves, words, place, math.radians(50))
    assert start.tolist() == pytest.approx([0, 0.5 - 50 / 160, 0.9 - 50 / 160, 0], abs=0.05)
    assert end.tolist() == pytest.approx([50 / 160, 0.5 + 50 / 160, 1, 1], abs=0.05)
