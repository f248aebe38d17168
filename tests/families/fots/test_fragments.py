"""Boxes that are parts of one word become one, and nothing else does."""

import torch

from spotter.families.fots.head import join_fragments


def joined(
    *rows: list[float], scores: list[float], pictures: list[int] | None = None
) -> tuple[list[list[float]], list[bool]]:
    boxes = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    index = torch.tensor(pictures or [0] * len(scores), dtype=torch.int64)
    united, stands = join_fragments(boxes, torch.tensor(scores), index)
    return united.tolist(), stands.tolist()


def test_two_parts_of_a_word_take_each_others_ends() -> None:
    # From 20 to 80 and from 70 to 110: 10 pixels of the narrower one's 40 are shared.
    united, stands = joined([50, 10, 60, 20, 0, 0], [90, 10, 40, 20, 0, 0], scores=[0.9, 0.8])
    assert stands == [True, False]
    assert united[0] == [65, 10, 90, 20, 0, 0]


def test_the_surest_part_stays_whatever_the_order() -> None:
    _, stands = joined([90, 10, 40, 20, 0, 0], [50, 10, 60, 20, 0, 0], scores=[0.8, 0.9])
    assert stands == [False, True]


def test_a_part_within_another_vanishes_and_changes_nothing() -> None:
    united, stands = joined([50, 10, 60, 20, 0, 0], [60, 10, 20, 18, 0, 0], scores=[0.9, 0.95])
    assert stands == [False, True]
    assert united[1][:3] == [50, 10, 60]


def test_words_that_stand_apart_or_hardly_touch_stay() -> None:
    # 20 to 80 and 78 to 118: 2 of 40 pixels.
    _, stands = joined([50, 10, 60, 20, 0, 0], [98, 10, 40, 20, 0, 0], scores=[0.9, 0.8])
    assert stands == [True, True]


def test_other_lines_sizes_directions_and_pictures_stay() -> None:
    word: list[float] = [50, 10, 60, 20, 0, 0]
    others: list[tuple[list[float], int]] = [
        ([50, 22, 60, 20, 0, 0], 0),  # the next line
        ([50, 10, 60, 8, 0, 0], 0),  # small print across
        ([50, 10, 60, 20, 1.5, 0], 0),  # crosses it
        (word, 1),
    ]
    for other, picture in others:
        _, stands = joined(word, other, scores=[0.9, 0.8], pictures=[0, picture])
        assert stands == [True, True], other


def test_parts_of_a_word_that_climbs_are_joined_along_it() -> None:
    # Two boxes of 40 along (0.6, 0.8), their centres 30 apart.
    theta = torch.atan2(torch.tensor(0.8), torch.tensor(0.6)).item()
    united, stands = joined([50, 50, 40, 20, theta, 0], [68, 74, 40, 20, theta, 0], scores=[0.9, 0.8])
    assert stands == [True, False]
    assert torch.allclose(torch.tensor(united[0][:3]), torch.tensor([59.0, 62.0, 70.0]), atol=1e-3)


def test_no_boxes() -> None:
    assert joined(scores=[]) == ([], [])
