import math

import pytest
import torch
from torch import Tensor

from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.mask_textspotter.outlines import (
    OUTLINES,
    edges,
    evenly,
    inside,
    measured,
    of_edges,
    of_polygons,
    parted,
    placed,
    shares,
    to_polygons,
    ways,
)
from spotter.model.anchors import mosaic_anchors
from tests.families.mask_textspotter.shapes import arch, straight


def test_a_place_between_two_points_is_a_part_of_both() -> None:
    """A quarter of the way from the third point to the fourth."""
    assert shares(torch.tensor(2.25 / 7)).tolist() == pytest.approx([0, 0, 0.75, 0.25, 0, 0, 0, 0], abs=1e-6)


def test_beyond_their_ends_edges_run_straight_on() -> None:
    found = shares(torch.tensor([-1 / 7, 8.5 / 7]))
    assert found[0].tolist() == pytest.approx([2, -1, 0, 0, 0, 0, 0, 0], abs=1e-5)
    assert found[1].tolist() == pytest.approx([0, 0, 0, 0, 0, 0, -1.5, 2.5], abs=1e-5)


def test_points_lie_evenly_along_a_line() -> None:
    """An L of 3 and 4 pixels: a step is one pixel."""
    line = torch.tensor([[0.0, 0], [3, 0], [3, 4]])
    way = ways(line)
    assert way.tolist() == [0, 3, 7]
    found = evenly(line, way)
    wanted = [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1], [3, 2], [3, 3], [3, 4]]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float32))


def test_a_quadrilateral_by_hand() -> None:
    upper, lower = edges(straight(10, 20, 80, 40)).unbind(1)
    across = 10 + 10 * torch.arange(8.0)[None]
    torch.testing.assert_close(upper[..., 0], across)
    torch.testing.assert_close(lower[..., 0], across)
    assert set(upper[..., 1].flatten().tolist()) == {20}
    assert set(lower[..., 1].flatten().tolist()) == {40}


def test_polygons_go_and_come_back() -> None:
    polygon = arch(40, 56, 100, (64, 80))
    torch.testing.assert_close(to_polygons(of_polygons(polygon)), polygon, atol=1e-3, rtol=0)


def test_points_of_two_edges_face_each_other_evenly() -> None:
    """Of a mask's columns, closer at the start: the middle line is 14 pixels long."""
    across = torch.tensor([0.0, 1, 2, 6, 14])
    upper, lower = (torch.stack((across, torch.full((5,), y)), 1)[None] for y in (3.0, 9.0))
    found = edges(of_edges(upper, lower))
    torch.testing.assert_close(found[0, 0, :, 0], torch.arange(8) * 2.0)
    torch.testing.assert_close(found[0, 1, :, 0], torch.arange(8) * 2.0)


def test_extents() -> None:
    """A parallelogram of 60 x 20, 30 degrees turned and slanted; and half a ring, whose middle line is 48 pi."""
    box = torch.tensor([[70.0, 50, 60, 20, math.pi / 6, 0.4]])
    lengths, heights = measured(of_polygons(boxes_to_polygons(box)))
    assert lengths.item() == pytest.approx(60, abs=1e-3)
    assert heights.item() == pytest.approx(20, abs=1e-3)
    lengths, heights = measured(of_polygons(arch(40, 56, 180, (64, 80), 40)))
    assert lengths.item() == pytest.approx(48 * math.pi, rel=0.01)
    assert heights.item() == pytest.approx(16, rel=0.03)


def test_places_by_hand() -> None:
    x, y = OUTLINES.places(straight(10, 20, 80, 40), torch.tensor([[-0.5, 0.0, 0.6]]), torch.tensor([-0.5, 0.25]))
    torch.testing.assert_close(x, torch.tensor([[[10.0, 45, 87], [10, 45, 87]]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(y, torch.tensor([[[20.0, 20, 20], [35, 35, 35]]]), atol=1e-4, rtol=0)


def test_parts_lie_where_the_whole_has_them() -> None:
    outline = of_polygons(arch(40, 56, 120, (64, 80)))
    part = parted(outline, torch.tensor([-0.25]), torch.tensor([0.5]))
    v = torch.tensor([-0.5, 0.1])
    for u, there in ((-0.5, -0.25), (0.5, 0.5)):
        for mine, whole in zip(
            OUTLINES.places(part, torch.tensor([[u]]), v),
            OUTLINES.places(outline, torch.tensor([[there]]), v),
            strict=True,
        ):
            torch.testing.assert_close(mine, whole, atol=1e-3, rtol=0)
    assert measured(part).lengths.item() == pytest.approx(0.75 * measured(outline).lengths.item(), rel=0.01)


def test_from_its_other_end_an_outline_is_the_same_from_the_opposite_corner() -> None:
    outline = of_polygons(arch(40, 56, 120, (64, 80)))
    torch.testing.assert_close(to_polygons(OUTLINES.reversed(outline)), to_polygons(outline).roll(8, 1))


def test_in_a_mosaic_large_words_lie_on_a_smaller_level() -> None:
    anchors = mosaic_anchors(256, 256, torch.device("cpu"))
    small, large = straight(10, 20, 80, 40), straight(10, 20, 210, 80)
    torch.testing.assert_close(placed(small, anchors), small)
    moved = placed(large, anchors)
    assert measured(moved).heights.item() == pytest.approx(30, abs=1e-3)
    assert to_polygons(moved)[..., 1].min().item() > 256


def points(*places: tuple[float, float]) -> Tensor:
    return torch.tensor([places])


def test_inside_a_hollow_polygon() -> None:
    """A U whose opening is at the top."""
    polygon = torch.tensor([[[0.0, 0], [2, 0], [2, 6], [4, 6], [4, 0], [6, 0], [6, 8], [0, 8]]])
    found = inside(polygon, points((1, 3), (3, 3), (5, 3), (3, 7), (7, 3), (-1, 3), (3, 9)))
    assert found.tolist() == [[True, False, True, True, False, False, False]]


def test_the_placeholder_is_a_region_without_extent() -> None:
    """Of the numbers 1 alone, see `Geometry`."""
    ones = torch.ones(1, 32)
    assert measured(ones).lengths.tolist() == [0]
    assert measured(ones).heights.tolist() == [0]
    polygons = OUTLINES.polygons(OUTLINES.part(ones, torch.tensor([-0.5]), torch.tensor([0.5])))
    torch.testing.assert_close(polygons, torch.ones(1, 16, 2))
