"""Which regions are read from both ends, and which reading counts; numbers worked by hand."""

import math

import pytest
import torch

from spotter.families.fots.boxes import SLANTED_BOXES
from spotter.model.ctc import GreedyPath
from spotter.model.either_end import more_probable, not_level


def rows_of(angles: list[float], pictures: list[int], count: int) -> list[int]:
    boxes = torch.tensor([[50.0, 50, 40, 10, angle, 0] for angle in angles])
    return not_level(SLANTED_BOXES.polygons(boxes), torch.tensor(pictures), count).tolist()


def test_regions_within_45_degrees_of_level_are_level() -> None:
    angles = [0.0, math.radians(40), math.radians(50), -math.radians(50), math.pi, math.pi / 2]
    assert rows_of(angles, [0] * 6, 1) == [2, 3, 4, 5]


def test_without_regions_there_are_none() -> None:
    assert not_level(torch.zeros(0, 4, 2), torch.zeros(0, dtype=torch.int64), 2).tolist() == []


def test_of_a_picture_at_most_64_are_read_twice_whatever_the_others_have() -> None:
    # 3 that are not level in picture 0, none in picture 1, 70 and a level one before them in picture 2.
    angles = [1.5] * 3 + [0.0] * 2 + [0.0] + [1.5] * 70
    pictures = [0] * 3 + [1] * 2 + [2] * 71
    assert rows_of(angles, pictures, 3) == [0, 1, 2, *range(6, 70)]


def test_the_other_end_counts_where_its_text_is_likelier_by_a_nat() -> None:
    # Rows 0 to 2 are regions, 3 and 4 regions 0 and 2 from their other ends. Columns of probability 0 are beyond a
    # region's patch. Region 0: log 0.25 = -1.39 and log 0.9 = -0.11; region 2: log 0.5 = -0.69 and log 1 = 0.
    probabilities = torch.tensor([[0.5, 0.5, 0], [0.1, 0.1, 0.1], [0.5, 1, 0], [0.9, 1, 0], [1, 1, 0]])
    path = GreedyPath(torch.ones(5, 3, dtype=torch.int32), probabilities)
    assert more_probable(path, torch.tensor([0, 2])).tolist() == [3, 1, 2]
    assert more_probable(
        GreedyPath(path.classes[:3], probabilities[:3]), torch.zeros(0, dtype=torch.int64)
    ).tolist() == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize("theta", [0.3, -0.3, 3.0, -3.0])
def test_a_box_from_its_other_end_has_the_same_corners_from_the_opposite_one(theta: float) -> None:
    box = torch.tensor([[50.0, 40, 30, 10, theta, 0.2]])
    other = SLANTED_BOXES.reversed(box)
    assert -math.pi < other[0, 4] <= math.pi
    torch.testing.assert_close(SLANTED_BOXES.polygons(other), SLANTED_BOXES.polygons(box).roll(2, 1), atol=1e-4, rtol=0)
