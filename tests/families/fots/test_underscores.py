"""Underscores between boxes are told from spaces, underlines and hyphens by the picture; pixels worked by hand."""

import pytest
import torch
from torch import Tensor

from spotter.families.fots.joining import join_touching
from spotter.families.fots.underscores import underscored, with_underscores

# Two boxes 20 high about y = 40: from 20 to 80 and, after a gap of 14 pixels, from 94 to 154.
BOXES = torch.tensor([[50.0, 40, 60, 20, 0, 0], [124.0, 40, 60, 20, 0, 0]])
SCORES = torch.tensor([0.9, 0.8])
BOTH = torch.zeros(2, dtype=torch.int64)


def paper(ink: float = -1.0) -> Tensor:
    """A light picture [1, 3, 64, 192] with two words whose letters stand on the line y = 48."""
    picture = torch.ones(1, 3, 64, 192)
    for left in (20, 94):
        picture[..., 32:48, left : left + 60 : 8] = ink
    return picture


def line(picture: Tensor, left: int, right: int, top: int, ink: float = -1.0) -> Tensor:
    """The picture with a line two pixels thick."""
    picture = picture.clone()
    picture[..., top : top + 2, left:right] = ink
    return picture


def seen(picture: Tensor) -> list[bool]:
    start = torch.tensor([44.0, torch.inf])  # 94 is 44 pixels from the first box's centre
    return underscored(picture, BOXES, BOTH, start, torch.tensor([True, False])).tolist()


def test_a_line_low_in_the_gap_is_an_underscore() -> None:
    assert seen(line(paper(), 81, 93, 49)) == [True, False]
    assert seen(-line(paper(), 81, 93, 49)) == [True, False]  # light letters on dark ground


@pytest.mark.parametrize(
    ("left", "right", "top"),
    [(20, 154, 49), (82, 154, 49), (81, 93, 40), (81, 86, 49), (81, 93, 25)],
    ids=["underlined", "rule below the next word", "hyphen", "full stop", "above"],
)
def test_other_lines_are_not(left: int, right: int, top: int) -> None:
    assert seen(line(paper(), left, right, top)) == [False, False]


def test_a_tilted_underline_is_not() -> None:
    picture = paper()
    for left in range(20, 154):  # two pixels higher at its right end than in the gap
        picture = line(picture, left, left + 1, 51 - round((left - 20) / 30))
    assert seen(picture) == [False, False]


def test_letters_of_the_next_line_that_reach_into_the_gap_are_not() -> None:
    picture = line(paper(), 81, 93, 51)  # the bar of a T
    picture[..., 51:70, 86:88] = -1.0  # and its stem
    assert seen(line(paper(), 81, 93, 51)) == [True, False]
    assert seen(picture) == [False, False]


def test_a_faint_line_and_a_restless_ground_are_not() -> None:
    assert seen(paper()) == [False, False]
    assert seen(line(paper(), 81, 93, 49, ink=0.8)) == [False, False]
    restless = paper() + torch.randn(1, 3, 64, 192, generator=torch.Generator().manual_seed(1))
    assert seen(line(restless, 81, 93, 49, ink=0.0)) == [False, False]


@pytest.mark.parametrize("picture", [line(paper(), 81, 93, 49), None])
def test_boxes_beside_an_underscore_are_read_together(picture: Tensor | None) -> None:
    found = join_touching(BOXES, SCORES, BOTH, picture)
    assert found.stays.tolist() == [True, picture is None]
    assert found.gaps.underscore.tolist() == ([] if picture is None else [True])
    if picture is not None:
        assert found.boxes[0].tolist() == pytest.approx([87, 40, 134, 20, 0, 0], abs=1e-3)


def test_only_the_next_box_is_joined_and_only_a_near_one() -> None:
    picture = line(paper(), 81, 93, 49)
    third = torch.tensor([[124.0, 40, 30, 20, 0, 0]])  # begins behind the second box
    found = join_touching(torch.cat((BOXES, third)), torch.tensor([0.9, 0.8, 0.3]), torch.zeros(3).long(), picture)
    assert found.stays.tolist()[0]
    far = BOXES + torch.tensor([[0.0] * 6, [8.0, 0, 0, 0, 0, 0]])  # a gap of 22 pixels, more than the height
    assert join_touching(far, SCORES, BOTH, line(paper(), 81, 101, 49)).stays.tolist() == [True, True]


def test_no_boxes() -> None:
    assert join_touching(torch.zeros(0, 6), torch.zeros(0), torch.zeros(0).long(), paper()).stays.tolist() == []


def widened(picture: Tensor, boxes: Tensor = BOXES[:1]) -> list[float]:
    """Where the first box begins and ends once it has the underscores at its ends."""
    cx, cy, w, *rest = with_underscores(picture, boxes, BOTH[: len(boxes)])[0].tolist()
    assert [cy, *rest] == [40, 20, 0, 0]
    return [cx - w / 2, cx + w / 2]


def test_underscores_at_a_words_ends_are_parts_of_it() -> None:
    """Of `__init__`, 16 and 20 pixels long, and of `_x`, 10."""
    both = line(line(paper(), 3, 19, 49), 81, 101, 49)
    assert widened(both) == pytest.approx([2, 102], abs=2.1)
    assert widened(-both) == pytest.approx([2, 102], abs=2.1)
    assert widened(line(paper(), 9, 19, 49)) == pytest.approx([8, 80], abs=2.1)


@pytest.mark.parametrize(
    ("left", "right", "top"),
    [(20, 110, 49), (81, 150, 49), (81, 101, 40), (81, 85, 49), (92, 110, 49)],
    ids=["underlined", "the blank of a form", "dash", "full stop", "apart"],
)
def test_other_lines_beside_a_word_are_not(left: int, right: int, top: int) -> None:
    assert widened(line(paper(), left, right, top)) == [20, 80]


def test_where_another_box_of_the_line_follows_an_end_stays() -> None:
    assert widened(line(paper(), 81, 93, 49), BOXES) == [20, 80]


def test_no_boxes_have_no_underscores() -> None:
    assert with_underscores(paper(), BOXES[:0], BOTH[:0]).shape == (0, 6)
