"""Packed sequences: where columns lie, and that words read the same packed as padded."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spotter.export.packed_sequences import GAP, PackedRecogniser, PackedSequences
from spotter.model.recogniser import Recogniser
from tests.model.small import small_config, word_patches

WIDEST = 24


def make_recogniser(encoder: str = "transformer", detail: bool = True) -> Recogniser:
    torch.manual_seed(0)
    config = replace(small_config().map_recogniser, encoder=encoder, layers=2, detail=detail)
    return Recogniser(fine=4, coarse=8, classes=96, config=config).eval()


def patches(widths: list[int], columns: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    return word_patches(widths, 4, 8, columns, seed)


def test_where_columns_lie_by_hand() -> None:
    """Words of 2, 1 and 3 columns, and two zeros after each: aa..b..ccc.."""
    packing = PackedSequences(torch.tensor([2, 1, 3]), 3)
    padded = torch.tensor([[1.0, 2, 0], [3, 0, 0], [4, 5, 6]])
    packed = [1.0, 2, 0, 0, 3, 0, 0, 4, 5, 6, 0, 0]
    assert packing.pack(padded[:, None, None]).flatten().tolist() == packed
    assert packing.inside.tolist() == [value > 0 for value in packed]
    assert packing.mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]
    assert (packing.unpack(torch.tensor(packed)[None, :, None])[..., 0] * packing.mask).tolist() == padded.tolist()
    assert (packing.repack(padded[..., None])[0, :, 0] * packing.inside).tolist() == packed
    pairs = torch.arange(1.0, 7).repeat(3, 1, 1, 1)  # columns of stride 2, two to one
    assert packing.pack(pairs, 2).flatten().tolist() == [
        *(1, 2, 3, 4, 0, 0, 0, 0),
        *(1, 2, 0, 0, 0, 0),
        *(1, 2, 3, 4, 5, 6, 0, 0, 0, 0),
    ]
    assert GAP == 2


@settings(max_examples=25, deadline=None)
@given(widths=st.lists(st.integers(1, WIDEST), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_columns_come_back_where_they_were(widths: list[int], seed: int) -> None:
    columns = max(widths)
    _, coarse, used = patches(widths, columns, seed)
    packing = PackedSequences(used, columns)
    packed = packing.pack(coarse)
    assert packed.shape == (1, 8, 8, sum(widths) + GAP * len(widths))
    assert not packed[..., ~packing.inside].any()
    back = packing.unpack(packed.flatten(1, 2).transpose(1, 2)) * packing.mask[..., None]
    torch.testing.assert_close(back, coarse.flatten(1, 2).transpose(1, 2), atol=0, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("detail", [True, False])
@pytest.mark.parametrize("widths", [[8, 3, 5], [1], [4, 24, 4, 20, 7]])
def test_words_are_read_alike(widths: list[int], detail: bool) -> None:
    recogniser = make_recogniser(detail=detail)
    for beyond in (0, 3):  # columns that no word fills
        given = patches(widths, max(widths) + beyond)
        expected, found = recogniser(*given), PackedRecogniser(recogniser)(*given)
        assert found.shape == expected.shape
        for n, width in enumerate(widths):
            torch.testing.assert_close(found[n, :width], expected[n, :width], atol=1e-5, rtol=1e-5)


def test_it_has_the_parameters_under_their_names() -> None:
    """The export chooses by name which weights get 8 bits."""
    recogniser = make_recogniser()
    kept = {name for name, _ in recogniser.named_parameters() if not name.startswith("encoder.")}
    assert kept < {name for name, _ in PackedRecogniser(recogniser).named_parameters()}
