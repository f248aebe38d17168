import pytest
import torch
from torch import Tensor

from spotter.families.mask_textspotter.readings import fused, map_columns, mean_log_probability, sequence_columns, voted
from spotter.model.ctc import greedy_path

A, B, C = 1, 2, 3


def read(columns: Tensor, widths: list[int]) -> list[list[int]]:
    classes: list[list[int]] = greedy_path(columns, torch.tensor(widths)).classes.tolist()
    return classes


def test_columns_side_by_side_vote_for_one_character() -> None:
    """Two of 0.8 and 0.6, then one of 0.9; the last column, beyond the word's own three and two more, has no vote."""
    chances = torch.tensor([[0.8, 0.6, 0.2, 0.9, 0.1, 0.9]])
    features = torch.tensor([[[7.0], [14.0], [1.0], [5.0], [2.0], [3.0]]])
    pooled, peaks, certain = voted(chances, features, torch.tensor([5]))
    assert pooled.flatten().tolist() == pytest.approx([10, 10, 1, 5, 2, 3])  # (0.8 * 7 + 0.6 * 14) / 1.4
    assert peaks.tolist() == [[True, False, False, True, False, False]]  # the middle, 0.6 / 1.4 = 0.43, is nearest to 0
    assert certain[0, :4].tolist() == pytest.approx([1 / 1.4, 1 / 1.4, 0, 0.9])  # (0.64 + 0.36) / 1.4


def test_the_same_letter_twice_is_two_characters() -> None:
    chances = torch.tensor([[0.9, 0.9, 0.3, 0.9, 0.9, 0.9]])
    logits = torch.zeros(1, 6, 4)
    logits[..., B] = 4
    widths = torch.tensor([6])
    _, peaks, certain = voted(chances, logits, widths)
    columns = map_columns(logits, chances, peaks, certain, widths)
    torch.testing.assert_close(columns.exp().sum(-1), torch.ones(1, 6), atol=1e-4, rtol=0)
    assert read(columns, [6]) == [[0, B, 0, 0, B, 0]]


def test_a_character_is_as_sure_as_its_class_and_its_middle() -> None:
    """Of three letters, at odds of 8 : 1 : 1, in a column that is one with 0.7; no character with 0.4 in the next."""
    chances = torch.tensor([[0.7, 0.4]])
    logits = torch.tensor([[[9.0, 8, 1, 1], [9.0, 1, 1, 1]]])
    logits[..., 1:] = logits[..., 1:].log()
    columns = map_columns(logits, chances, torch.tensor([[True, False]]), torch.tensor([[0.7, 0]]), torch.tensor([2]))
    assert columns[0, 0, 1:].exp().tolist() == pytest.approx([0.7 * 0.8 + 0.1, 0.17, 0.17])
    assert columns[0, 1].exp().tolist() == pytest.approx([0.6, 0.4 / 3, 0.4 / 3, 0.4 / 3])


def sequence(*classes: int, sure: float = 5.0) -> Tensor:
    logits = torch.zeros(1, len(classes), 4)
    logits[0, range(len(classes)), list(classes)] = sure
    return logits


def test_a_sequences_characters_stand_where_they_were_looked_for() -> None:
    columns = sequence_columns(sequence(A, C, 0, B), torch.tensor([[1.2, 4.7, 6, 7]]), torch.tensor([7]), 8)
    assert read(columns, [7]) == [[0, A, 0, 0, 0, C, 0, 0]]
    assert columns[0, 1].exp()[A].item() == pytest.approx(torch.tensor([5.0, 0, 0, 0]).softmax(0)[0].item())
    torch.testing.assert_close(columns.exp().sum(-1), torch.ones(1, 8), atol=1e-4, rtol=0)


def test_characters_looked_for_in_one_place_move_apart() -> None:
    """All three in column 2, so that the next ones move on; at the end of the word there is no room behind them."""
    places = torch.tensor([[2.0, 2, 2, 2]])
    spelt = sequence(A, A, B, 0)
    assert read(sequence_columns(spelt, places, torch.tensor([8]), 8), [8]) == [[0, 0, A, 0, A, 0, B, 0]]
    assert read(sequence_columns(spelt, places + 3, torch.tensor([6]), 6), [6]) == [[0, A, 0, A, 0, B]]


def test_what_has_no_room_is_left_out() -> None:
    columns = sequence_columns(sequence(A, B, C), torch.tensor([[0.0, 1, 2]]), torch.tensor([3]), 4)
    assert read(columns, [3]) == [[B, 0, C, 0]]


def test_nothing_read_is_all_blank() -> None:
    columns = sequence_columns(sequence(0, A), torch.tensor([[0.0, 1]]), torch.tensor([3]), 3)
    assert read(columns, [3]) == [[0, 0, 0]]
    assert mean_log_probability(columns).tolist() == [-20]


def test_the_surer_reading_counts_and_one_without_an_end_does_not() -> None:
    places, widths = torch.tensor([[0.0, 2]]), torch.tensor([3])
    maps = sequence_columns(sequence(A, A, sure=2.0), places, widths, 3)
    surer = sequence_columns(sequence(B, 0, sure=4.0), places, widths, 3)
    less = sequence_columns(sequence(C, 0, sure=1.0), places, widths, 3)
    assert mean_log_probability(maps).item() == pytest.approx(torch.tensor([2.0, 0, 0, 0]).log_softmax(0)[0].item())
    yes, no = torch.tensor([True]), torch.tensor([False])
    assert read(fused(maps, surer, yes), [3]) == [[B, 0, 0]]
    assert read(fused(maps, surer, no), [3]) == [[A, 0, A]]
    assert read(fused(maps, less, yes), [3]) == [[A, 0, A]]
