"""Boxes that touch along a line become one, and nothing else does; numbers worked by hand."""

import itertools
import math

import pytest
import torch

from spotter.families.fots.joining import connected, join_touching, ranks


def joined(
    *rows: list[float], scores: list[float], pictures: list[int] | None = None
) -> tuple[list[list[float]], list[bool]]:
    boxes = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    index = torch.tensor(pictures or [0] * len(scores), dtype=torch.int64)
    found = join_touching(boxes, torch.tensor(scores), index)
    return found.boxes.tolist(), found.stays.tolist()


def test_two_parts_of_a_word_take_each_others_ends() -> None:
    # From 20 to 80 and from 70 to 110.
    united, stays = joined([50, 10, 60, 20, 0, 0], [90, 10, 40, 20, 0, 0], scores=[0.9, 0.8])
    assert stays == [True, False]
    assert united[0] == pytest.approx([65, 10, 90, 20, 0, 0], abs=1e-4)


def test_the_surest_part_stays_whatever_the_order() -> None:
    _, stays = joined([90, 10, 40, 20, 0, 0], [50, 10, 60, 20, 0, 0], scores=[0.8, 0.9])
    assert stays == [False, True]


def test_parts_with_a_narrow_gap_between_them_are_joined_and_those_with_a_wide_one_are_not() -> None:
    # 0.5 of the height of 20 is 10 pixels: 20 to 80, and 89 to 129 or 91 to 131.
    assert joined([50, 10, 60, 20, 0, 0], [109, 10, 40, 20, 0, 0], scores=[0.9, 0.8])[1] == [True, False]
    assert joined([50, 10, 60, 20, 0, 0], [111, 10, 40, 20, 0, 0], scores=[0.9, 0.8])[1] == [True, True]


def test_a_doubtful_row_of_dots_is_not_joined_to_the_word_before_it() -> None:
    # From 20 to 80, and 84 to 164; a doubtful plus sign, from 84 to 100, may well be a part of the word.
    word = [50.0, 10, 60, 20, 0, 0]
    assert joined(word, [124, 10, 80, 20, 0, 0], scores=[0.9, 0.3])[1] == [True, True]
    assert joined(word, [124, 10, 80, 20, 0, 0], scores=[0.9, 0.6])[1] == [True, False]
    assert joined(word, [92, 10, 16, 20, 0, 0], scores=[0.9, 0.3])[1] == [True, False]


def test_a_chain_becomes_one_whichever_link_is_surest() -> None:
    chain = [[20.0 + 39 * n, 10, 40, 20, 0, 0] for n in range(9)]
    for scores in ([0.9 - 0.01 * n for n in range(9)], [0.5, 0.6, 0.55, 0.7, 0.4, 0.65, 0.3, 0.75, 0.2]):
        united, stays = joined(*chain, scores=scores)
        assert sum(stays) == 1
        best = scores.index(max(scores))
        assert stays[best]
        assert united[best] == pytest.approx([176, 10, 352, 20, 0, 0], abs=1e-3)


def test_a_row_too_long_to_be_read_at_once_is_parted_where_gaps_are_wide() -> None:
    # 11 words of two parts that overlap by a pixel, 79 pixels long and 8 apart: 949 pixels, 47 heights.
    row = [[20.0 + 87 * word + 39 * part, 10, 40, 20, 0, 0] for word in range(11) for part in range(2)]
    united, stays = joined(*row, scores=[0.9, 0.8] * 11)
    assert stays == [True, False] * 11
    assert united[::2] == [pytest.approx([39.5 + 87 * word, 10, 79, 20, 0, 0], abs=1e-3) for word in range(11)]


def test_a_long_word_is_one_and_a_far_longer_one_stays_in_parts() -> None:
    chain = [[20.0 + 39 * n, 10, 40, 20, 0, 0] for n in range(27)]  # 1,054 pixels, 53 heights
    united, stays = joined(*chain, scores=[0.9] * 27)
    assert all(stays)
    assert united == chain
    united, stays = joined(*chain[:26], scores=[0.9] * 26)  # 1,015 pixels, 51 heights
    assert stays == [True] + [False] * 25
    assert united[0] == pytest.approx([507.5, 10, 1015, 20, 0, 0], abs=1e-2)


@pytest.mark.parametrize("lean", [0.003, 0.01, 0.03])
def test_boxes_that_measure_their_row_differently_decide_alike(lean: float) -> None:
    # 17 boxes of 20 by 40 pixels, 7 apart: 792 pixels, but each box leans otherwise and sees another length.
    row = [[20.0 + 47 * n, 10, 40, 20, (n % 3 - 1) * lean, (n % 5 - 2) * 10 * lean] for n in range(17)]
    for surest in range(17):
        united, stays = joined(*row, scores=[0.9 if n == surest else 0.5 for n in range(17)])
        covered = sum(box[2] for box, stay in zip(united, stays, strict=True) if stay)
        assert covered >= 17 * 40  # as one or in parts, nothing is lost


def test_in_such_a_row_a_word_seen_twice_is_one_word() -> None:
    chain = [[20.0 + 39 * n, 10, 40, 20, 0, 0] for n in range(27)]
    again = [22.0, 10, 38, 20, 0, 0]
    _, stays = joined(*chain, again, scores=[0.9] * 27 + [0.8])
    assert stays == [True] * 27 + [False]
    _, stays = joined(*chain, again, scores=[0.9] * 27 + [0.95])
    assert stays == [False] + [True] * 27


def test_the_united_box_follows_the_line_through_its_parts() -> None:
    """Three level boxes on a line that falls by a tenth: all the slope is between them, so least squares give
    10 times the spread of the middles over that and the boxes' own widths."""
    boxes = [[20.0 + 40 * n, 10.0 + 4 * n, 42, 20, 0, 0] for n in range(3)]
    united, stays = joined(*boxes, scores=[0.7, 0.9, 0.8])
    spread = 2 * 40**2 / 3
    slope = (2 * 40 * 4 / 3) / (spread + 42**2 / 12)
    assert stays == [False, True, False]
    assert united[1] == pytest.approx([60, 14, 122, 20, math.atan(slope), 0], abs=1e-3)


def test_other_lines_sizes_directions_and_pictures_stay() -> None:
    word: list[float] = [50, 10, 60, 20, 0, 0]
    others: list[tuple[list[float], int]] = [
        ([50, 22, 60, 20, 0, 0], 0),  # the next line
        ([50, 10, 60, 8, 0, 0], 0),  # small print across
        ([50, 10, 60, 20, 1.5, 0], 0),  # crosses it
        (word, 1),
    ]
    for other, picture in others:
        _, stays = joined(word, other, scores=[0.9, 0.8], pictures=[0, picture])
        assert stays == [True, True], other


def test_parts_of_a_word_that_climbs_are_joined_along_it() -> None:
    # Two boxes of 40 along (0.6, 0.8), their centres 30 apart.
    theta = math.atan2(0.8, 0.6)
    united, stays = joined([50, 50, 40, 20, theta, 0], [68, 74, 40, 20, theta, 0], scores=[0.9, 0.8])
    assert stays == [True, False]
    assert united[0][:3] == pytest.approx([59.0, 62.0, 70.0], abs=1e-3)


def test_no_boxes() -> None:
    assert joined(scores=[]) == ([], [])


def test_ranks_are_places_and_the_first_of_equals_goes_before() -> None:
    assert ranks(torch.tensor([0.3, 0.9, 0.3, 0.5])).tolist() == [2, 0, 3, 1]


@pytest.mark.parametrize("seed", range(4))
def test_connected_finds_what_a_search_finds(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    count = 40
    linked = torch.rand(count, count, generator=generator) < 0.02
    linked = linked | linked.t() | torch.eye(count, dtype=torch.bool)
    rank = torch.randperm(count, generator=generator)
    expected = rank.clone()
    for _ in range(count):
        for i, j in itertools.product(range(count), repeat=2):
            if linked[i, j]:
                expected[i] = min(expected[i], expected[j])
    assert connected(linked, rank).tolist() == expected.tolist()


def test_connected_reaches_along_a_line_of_forty() -> None:
    generator = torch.Generator().manual_seed(7)
    for _ in range(20):
        order = torch.randperm(40, generator=generator)
        linked = torch.eye(40, dtype=torch.bool)
        linked[order[:-1], order[1:]] = linked[order[1:], order[:-1]] = True
        assert connected(linked, torch.randperm(40, generator=generator)).tolist() == [0] * 40


def test_where_joined_boxes_end_and_begin_is_told_in_the_united_box_s_frame() -> None:
    # 20 to 80, 86 to 126 and 128 to 148: one region of 128 pixels about 84; another region stands before them.
    rows = [[50.0, 10, 60, 20, 0, 0], [300, 10, 60, 20, 0, 0], [106, 10, 40, 20, 0, 0], [138, 10, 20, 20, 0, 0]]
    boxes, scores = torch.tensor(rows), torch.tensor([0.5, 0.9, 0.7, 0.6])
    found = join_touching(boxes, scores, torch.zeros(4, dtype=torch.int64))
    assert found.stays.tolist() == [False, True, True, False]
    gaps = sorted(zip(found.gaps.region.tolist(), found.gaps.end.tolist(), found.gaps.start.tolist(), strict=True))
    assert [gap[0] for gap in gaps] == [1, 1]  # of the regions that stay
    assert gaps[0][1:] == pytest.approx(((80 - 84) / 128, (86 - 84) / 128), abs=1e-5)
    assert gaps[1][1:] == pytest.approx(((126 - 84) / 128, (128 - 84) / 128), abs=1e-5)
    parts = found.parts
    assert parts.region.tolist() == [1, 1, 1]
    assert parts.start.tolist() == pytest.approx([(20 - 84) / 128, (86 - 84) / 128, (128 - 84) / 128], abs=1e-5)
    assert parts.end.tolist() == pytest.approx([(80 - 84) / 128, (126 - 84) / 128, (148 - 84) / 128], abs=1e-5)
    assert parts.shapes.tolist() == [rows[0], *rows[2:]]


def test_between_parts_of_one_word_there_is_no_gap() -> None:
    parts = torch.tensor([[50.0, 10, 60, 20, 0, 0], [90, 10, 40, 20, 0, 0]])
    assert not len(join_touching(parts, torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.int64)).gaps.region)
