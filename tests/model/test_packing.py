"""Words in one row: where they lie, and that each is treated as if it stood alone."""

import pytest
import torch
from torch import Tensor

from spotter.model.packing import Packing, pack

LENGTHS = torch.tensor([2, 1, 4])
COLUMNS = 2


def row(channels: int = 3, rows: int = 5, seed: int = 0, multiple: int = 1) -> tuple[Packing, Tensor]:
    """The packing of LENGTHS and a map [1, channels, rows, U * COLUMNS] that is random everywhere, gaps included."""
    packing = pack(LENGTHS, multiple)
    generator = torch.Generator().manual_seed(seed)
    return packing, torch.randn(1, channels, rows, COLUMNS * len(packing.word), generator=generator)


def own(x: Tensor, packing: Packing, word: int) -> Tensor:
    """A word's part of a map [1, C, h, U * COLUMNS]."""
    start, length = int(packing.starts[word]), int(packing.lengths[word])
    return x[..., COLUMNS * start : COLUMNS * (start + length)]


def test_words_lie_end_to_end_with_a_gap_after_each() -> None:
    packing = pack(LENGTHS)
    assert packing.starts.tolist() == [0, 3, 5]
    assert packing.word.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]
    assert packing.inside.tolist() == [1, 1, 0, 1, 0, 1, 1, 1, 1, 0]
    assert packing.position.tolist() == [0, 1, 2, 0, 1, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(("multiple", "units"), [(1, 10), (5, 10), (8, 16), (64, 64)])
def test_a_row_is_lengthened_to_a_multiple_by_gaps(multiple: int, units: int) -> None:
    packing = pack(LENGTHS, multiple)
    assert packing.word.shape == packing.inside.shape == packing.position.shape == (units,)
    assert packing.inside[:10].tolist() == pack(LENGTHS).inside.tolist()
    assert not packing.inside[10:].any()
    assert (packing.word[10:] == 2).all()


@pytest.mark.parametrize("multiple", [1, 16])
def test_a_mask_keeps_the_words_and_clears_the_gaps(multiple: int) -> None:
    packing, x = row(multiple=multiple)
    masked = packing.mask(x, COLUMNS)
    for word in range(3):
        assert torch.equal(own(masked, packing, word), own(x, packing, word))
    kept = masked.abs().sum((0, 1, 2)) > 0
    assert int(kept.sum()) == COLUMNS * int(LENGTHS.sum())


def test_every_word_and_channel_has_its_own_factor() -> None:
    packing, x = row()
    factors = torch.arange(9.0).reshape(3, 3) + 1  # a row for each word
    scaled = packing.scale(x, factors, COLUMNS)
    for word in range(3):
        expected = own(x, packing, word) * factors[word][None, :, None, None]
        torch.testing.assert_close(own(scaled, packing, word), expected)


@pytest.mark.parametrize("multiple", [1, 16])
def test_means_are_those_of_each_word_alone(multiple: int) -> None:
    packing, x = row(multiple=multiple)
    means = packing.means(x, COLUMNS)
    expected = torch.stack([own(x, packing, word).mean((0, 2, 3)) for word in range(3)])
    torch.testing.assert_close(means, expected)


def test_unpacked_words_are_rows_padded_with_zeros() -> None:
    packing = pack(LENGTHS)
    x = torch.arange(20.0).reshape(10, 2) + 1  # U x C
    rows, real = packing.unpack(x, 4)
    assert real.tolist() == [[True, True, False, False], [True, False, False, False], [True] * 4]
    assert rows[0].tolist() == [[1, 2], [3, 4], [0, 0], [0, 0]]
    assert rows[1].tolist() == [[7, 8], [0, 0], [0, 0], [0, 0]]
    assert rows[2].tolist() == [[11, 12], [13, 14], [15, 16], [17, 18]]


def test_gradients_reach_each_word_from_its_own_part_alone() -> None:
    packing, x = row()
    x.requires_grad_()
    torch.autograd.backward(packing.means(packing.mask(x, COLUMNS), COLUMNS)[1].sum())
    assert x.grad is not None
    assert own(x.grad, packing, 1).all()
    assert x.grad.count_nonzero() == own(x.grad, packing, 1).numel()
