"""Ends of regions are predicted by the anchor points next to them; numbers worked by hand."""

import math

import pytest
import torch

from spotter.families.abcnet.bezier import controls, outlines, parted
from spotter.families.abcnet.ends import sharpen_ends
from spotter.families.abcnet.maps import CurveMaps
from tests.families.abcnet.shapes import arc, empty_maps, say, straight

INDEX = torch.tensor([0])
WORD = arc(80, 100, -90, 110, (128, 160))


def word_maps(word: torch.Tensor, share: float = 0.35) -> CurveMaps:
    """Every anchor point within `share` of the middle line of an arc about (128, 160) predicts the whole word."""
    maps = empty_maps(1, 64, 64)
    for degrees in torch.arange(-110 * share, 110 * share, 1.0).tolist():
        angle = math.radians(degrees - 90)
        row, column = int((160 + 90 * math.sin(angle)) / 4), int((128 + 90 * math.cos(angle)) / 4)
        say(maps, (0, row, column), 0.9, word)
    return maps


def test_a_bent_word_that_is_too_short_finds_its_ends() -> None:
    short = parted(WORD, torch.tensor([-0.4]), torch.tensor([0.3]))
    found = sharpen_ends(word_maps(WORD), short, INDEX)
    ends, wanted = (controls(curves)[:, :, [0, 3]] for curves in (found, WORD))
    torch.testing.assert_close(ends, wanted, atol=1e-2, rtol=0)
    still = sharpen_ends(word_maps(WORD), WORD, INDEX)
    torch.testing.assert_close(outlines(still), outlines(WORD), atol=0.5, rtol=0)


def test_a_word_around_half_a_ring_is_put_together_from_its_parts() -> None:
    """200 degrees of a ring, of which every anchor point predicts 50 to either side."""
    ring = arc(80, 100, -90, 200, (128, 128))
    maps = empty_maps(1, 64, 64)
    for degrees in torch.arange(-96.0, 96.0, 1.0).tolist():
        angle = math.radians(degrees - 90)
        seen = torch.tensor([[max(degrees - 50, -100)], [min(degrees + 50, 100)]]) / 200
        for radius in (86, 90, 94):
            row, column = int((128 + radius * math.sin(angle)) / 4), int((128 + radius * math.cos(angle)) / 4)
            say(maps, (0, row, column), 0.9, parted(ring, *seen))
    for middle in (-60.0, 0.0, 45.0):
        seen = torch.tensor([[max(middle - 50, -100)], [min(middle + 50, 100)]]) / 200
        found = sharpen_ends(maps, parted(ring, *seen), INDEX)
        torch.testing.assert_close(outlines(found), outlines(ring), atol=6, rtol=0)
        ends, wanted = (controls(curves)[:, :, [0, 3]] for curves in (found, ring))
        torch.testing.assert_close(ends, wanted, atol=3, rtol=0)


def test_control_points_follow_the_nearer_end_by_thirds() -> None:
    short = straight(40, 100, 130, 120)
    maps = empty_maps(1, 64, 64)
    for column in range(25, 40):
        say(maps, (0, 27, column), 0.9, straight(40, 100, 160, 120))
    found = controls(sharpen_ends(maps, short, INDEX))[0, 0]
    assert found[:, 0].tolist() == pytest.approx([40, 80, 120, 160])


def test_an_end_stays_where_no_text_is_next_to_it() -> None:
    short = parted(WORD, torch.tensor([-0.4]), torch.tensor([0.3]))
    torch.testing.assert_close(sharpen_ends(empty_maps(1, 64, 64), short, INDEX), short, atol=1e-4, rtol=0)


def test_an_end_stays_where_the_text_next_to_it_is_another_word() -> None:
    box = straight(40, 100, 130, 120)
    for other in (straight(400, 100, 560, 120), straight(100, 40, 140, 180), straight(160, 120, 40, 100)):
        maps = empty_maps(1, 64, 64)
        for column in range(8, 36):
            say(maps, (0, 27, column), 0.9, other)
        torch.testing.assert_close(sharpen_ends(maps, box, INDEX), box, atol=1e-4, rtol=0)


def test_a_short_word_keeps_its_ends() -> None:
    box = straight(100, 102, 122, 118)
    maps = empty_maps(1, 64, 64)
    for column in range(20, 36):
        say(maps, (0, 27, column), 0.9, straight(90, 100, 150, 120))
    torch.testing.assert_close(sharpen_ends(maps, box, INDEX), box)
