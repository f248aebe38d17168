"""Ends of boxes are refined by the anchor points next to them, step by step; numbers worked by hand."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from spotter.families.fots.ends import sharpen_ends
from spotter.families.fots.maps import DetectionMaps
from tests.model.small import direction_of, empty_maps, say

INDEX = torch.tensor([0])


def word_maps(left: float, right: float, theta: float = 0.0) -> DetectionMaps:
    """Maps of 64 x 64 points. Every one on the line through their middle, turned by `theta`, predicts the ends of a
    word that reaches from `left` to `right` along that line, in pixels from the middle."""
    maps = empty_maps(1, 64, 64)
    ahead = direction_of(theta)
    for place in range(-124, 125, 4):
        column, row = ((128 + place * ahead) / 4).long().tolist()
        x, y = 4 * column + 2 - 128, 4 * row + 2 - 128
        along = float(x * ahead[0] + y * ahead[1])
        if left + 4 < along < right - 4:
            say(maps, (0, row, column), 0.9, (8, right - along, 8, along - left), theta)
    return maps


def band_maps(left: float, right: float, theta: float) -> DetectionMaps:
    """Maps of 64 x 64 points. Every one within 6 pixels of the line through their middle, turned by `theta`, predicts
    exactly the word that reaches from `left` to `right` along that line and 8 pixels up and down from it."""
    maps = empty_maps(1, 64, 64)
    ahead = direction_of(theta)
    for row, column in itertools.product(range(64), range(64)):
        x, y = 4 * column + 2 - 128, 4 * row + 2 - 128
        along, down = float(x * ahead[0] + y * ahead[1]), float(y * ahead[0] - x * ahead[1])
        if left < along < right and abs(down) <= 6:
            say(maps, (0, row, column), 0.9, (8 + down, right - along, 8 - down, along - left), theta)
    return maps


@pytest.mark.parametrize("theta", [0.0, math.pi / 2, math.pi])
def test_a_box_that_is_too_short_finds_its_ends(theta: float) -> None:
    middle = 128 + 10 * direction_of(theta)
    box = torch.tensor([[float(middle[0]), float(middle[1]), 60, 16, theta, 0]])
    moved = sharpen_ends(band_maps(-50, 70, theta), box, INDEX)
    ends = ends_of(moved, theta)
    assert ends == pytest.approx((-50, 70), abs=1e-2)


def test_a_box_that_is_too_long_is_shortened_where_its_end_point_is_of_the_word() -> None:
    # The right end is asked 11.2 pixels inside it, at 59, which is text.
    box = torch.tensor([[138.0, 128, 120, 16, 0, 0]])
    moved = sharpen_ends(word_maps(-50, 64), box, INDEX)
    assert ends_of(moved, 0.0) == pytest.approx((-50, 64), abs=1e-2)


def test_where_the_point_next_to_an_end_is_no_text_the_next_one_tells() -> None:
    # The left end, at -45, is asked at -34, -29, -23 and -13; up to -24 nothing is text, as beside a `:`.
    maps = word_maps(-60, 60)
    maps.score[..., : (128 - 24) // 4] = -9.0
    moved = sharpen_ends(maps, torch.tensor([[128.0, 128, 90, 16, 0, 0]]), INDEX)
    assert ends_of(moved, 0.0) == pytest.approx((-60, 60), abs=1e-2)


def test_an_end_stays_where_its_points_are_no_text() -> None:
    box = torch.tensor([[128.0, 128, 100, 16, 0, 0]])
    torch.testing.assert_close(sharpen_ends(empty_maps(1, 64, 64), box, INDEX), box)  # no text there
    far = word_maps(-120, 120)
    far.distances[:] = 200.0
    torch.testing.assert_close(sharpen_ends(far, box, INDEX), box)  # too far to be believed
    across = word_maps(-60, 60)
    across.direction[:, :2] = direction_of(math.pi)[None, :, None, None]  # the word there reads the other way
    torch.testing.assert_close(sharpen_ends(across, box, INDEX), box)
    short = torch.tensor([[128.0, 128, 40, 16, 0, 0]])
    torch.testing.assert_close(sharpen_ends(word_maps(-60, 60), short, INDEX), short)  # its middle sees both ends


def test_ends_of_a_slanted_word_are_measured_along_its_slant() -> None:
    """The points lie 2 below the middle, where a slant of 0.5 has both ends a pixel further along."""
    box = torch.tensor([[128.0, 128, 100, 30, 0, 0.5]])
    moved = sharpen_ends(word_maps(-60, 70), box, INDEX)
    assert ends_of(moved, 0.0) == pytest.approx((-61, 69), abs=1e-2)
    longer = torch.tensor([[128.0, 128, 100, 16, 0, 0.5]])  # is laid along the points, which begin at -60
    assert ends_of(sharpen_ends(word_maps(-60, 70), longer, INDEX), 0.0) == pytest.approx((-60, 70), abs=1e-2)


@pytest.mark.parametrize("tilt", [-0.06, 0.06])
@pytest.mark.parametrize("theta", [0.0, 1.0, math.pi / 2])
def test_a_long_box_that_leaves_its_line_is_laid_along_it(theta: float, tilt: float) -> None:
    tilted = torch.tensor([[128.0, 128, 150, 16, theta + tilt, 0]])
    moved = sharpen_ends(band_maps(-110, 90, theta), tilted, INDEX)
    assert float(moved[0, 4]) == pytest.approx(theta, abs=1e-3)
    assert ends_of(moved, theta) == pytest.approx((-110, 90), abs=0.1)
    across = float((moved[0, :2] - 128) @ direction_of(theta + math.pi / 2))
    assert across == pytest.approx(0, abs=0.1)


def test_a_box_that_misses_its_line_at_the_ends_asks_beside_itself() -> None:
    """Its ends are asked first 89 pixels from the middle, where it is off by 9 pixels: no point within 6 is text."""
    tilted = torch.tensor([[128.0, 128, 200, 16, 0.1, 0]])
    moved = sharpen_ends(band_maps(-110, 110, 0.0), tilted, INDEX)
    assert float(moved[0, 4]) == pytest.approx(0, abs=1e-3)
    assert ends_of(moved, 0.0) == pytest.approx((-110, 110), abs=0.1)


def test_a_short_box_keeps_its_direction() -> None:
    tilted = torch.tensor([[128.0, 128, 76, 16, 0.06, 0]])
    assert float(sharpen_ends(band_maps(-38, 38, 0.0), tilted, INDEX)[0, 4]) == pytest.approx(0.06)


def ends_of(boxes: Tensor, theta: float) -> tuple[float, float]:
    ahead = direction_of(theta)
    middle = float(((boxes[0, :2] - 128) * ahead).sum())
    return middle - float(boxes[0, 2]) / 2, middle + float(boxes[0, 2]) / 2


def test_no_boxes_have_no_ends() -> None:
    nothing = sharpen_ends(empty_maps(1, 8, 8), torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64))
    assert nothing.shape == (0, 6)
