import math

import pytest
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import parted
from spotter.families.abcnet.overlap import directions, overlaps, pair_overlaps
from tests.families.abcnet.shapes import arc, straight


@pytest.mark.parametrize("region", [straight(10, 10, 70, 30), arc(span=120), arc(95, 100)])
def test_a_region_has_all_of_itself(region: Tensor) -> None:
    assert overlaps(region, region).tolist() == pytest.approx([1.0])


@pytest.mark.parametrize(("moved", "shared"), [(20, 2 / 3), (40, 1 / 3), (60, 0), (80, 0)])
def test_two_words_of_a_line_share_what_they_share_of_it(moved: float, shared: float) -> None:
    """60 pixels long: moved by a third of it they have 40 of 80 in common."""
    found = overlaps(straight(0, 0, 60, 20), straight(moved, 0, 60 + moved, 20))
    assert found.tolist() == pytest.approx([shared / (2 - shared)], abs=0.06)  # by nine points of each line


def test_half_of_an_arc_is_half_of_it() -> None:
    half = parted(arc(span=120), torch.tensor([-0.5]), torch.tensor([0.0]))
    assert overlaps(arc(span=120), half).tolist() == pytest.approx([0.5], abs=0.06)


def test_a_word_within_a_ring_has_nothing_of_the_words_around_it() -> None:
    assert overlaps(arc(span=170), straight(85, 85, 155, 125)).tolist() == [0.0]
    assert overlaps(arc(span=170), straight(85, 20, 155, 40)).item() > 0.2  # one that lies on the ring has


def test_a_low_word_on_a_high_one_has_little_of_it() -> None:
    assert overlaps(straight(0, 0, 60, 40), straight(0, 16, 60, 24)).tolist() == pytest.approx([0.2])


def test_regions_without_an_area_overlap_nothing_and_nothing_is_no_number() -> None:
    nothing = torch.ones(1, 16)
    assert overlaps(nothing, straight(0, 0, 60, 20)).tolist() == [0.0]
    assert overlaps(nothing, nothing).tolist() == [0.0]


def test_directions_run_from_start_to_end() -> None:
    found = directions(torch.cat((straight(0, 0, 60, 20), arc(middle=0), arc(middle=90))))
    torch.testing.assert_close(found, torch.tensor([[1.0, 0], [0, 1], [-1, 0]]), atol=1e-6, rtol=0)


def test_pairs_of_each_picture_alone_and_of_what_is_real() -> None:
    word, same, aside = straight(0, 0, 60, 20), straight(3, 0, 63, 20), straight(0, 100, 60, 120)
    turned = word.reshape(1, 2, 4, 2).flip(1, 2).flatten(1)
    curves = torch.stack((torch.cat((word, same, aside, turned)), torch.cat((word, aside, same, same))))
    real = torch.tensor([[True, True, True, True], [True, True, False, True]])
    overlap, agreement = pair_overlaps(curves, real)
    assert overlap[0].diagonal().tolist() == pytest.approx([1, 1, 1, 1])
    assert overlap[0, 0, 1] == overlap[0, 1, 0] > 0.8
    assert overlap[0, 0, 2] == 0
    assert overlap[0, 0, 3] > 0.9
    assert agreement[0, 0, 3] == 0  # it is read the other way round
    assert agreement[0, 0, 1] == overlap[0, 0, 1]
    assert overlap[1, 2].tolist() == [0, 0, 0, 0]
    assert overlap[1, 0, 3] > 0.8


def test_the_direction_of_a_point_is_none() -> None:
    assert math.hypot(*directions(torch.ones(1, 16))[0].tolist()) == 0
