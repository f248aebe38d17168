import torch

from spotter.families.mask_textspotter.decoder import SpatialDecoder, place_codes
from tests.families.mask_textspotter.shapes import classes, loud


def decoder(longest: int = 5) -> SpatialDecoder:
    torch.manual_seed(3)
    return loud(SpatialDecoder(6, 8, 7, longest))


def patches(widths: list[int], columns: int, seed: int = 1) -> torch.Tensor:
    made = torch.randn(len(widths), 6, 8, columns, generator=torch.Generator().manual_seed(seed))
    for n, width in enumerate(widths):
        made[n, :, :, width:] = 0
    return made


def test_codes_of_places() -> None:
    codes = place_codes(5, torch.device("cpu")).reshape(4, 5, 14)
    torch.testing.assert_close(codes[2, :, :4], torch.tensor([0.0, 0, 1, 0]).expand(5, -1))
    torch.testing.assert_close(codes[:, 1, 4], torch.ones(4), atol=1e-6, rtol=0)  # a quarter of four columns
    torch.testing.assert_close(codes[:, 0, 9:], torch.ones(4, 5))


def test_given_what_it_reads_it_reads_the_same() -> None:
    with torch.no_grad():
        free = decoder()(patches([9, 4], 9), torch.tensor([9, 4]))
        targets = free.logits.argmax(2)[:, :-1]
        taught = decoder()(patches([9, 4], 9), torch.tensor([9, 4]), targets)
    assert classes(targets) > 1
    assert free.logits.shape == (2, 5, 7)
    torch.testing.assert_close(taught.logits, free.logits)
    torch.testing.assert_close(taught.columns, free.columns)


def test_a_word_is_read_alike_beside_wider_ones() -> None:
    narrow = patches([4], 4)
    padded = torch.nn.functional.pad(narrow, (0, 5))
    with torch.no_grad():
        alone = decoder()(narrow, torch.tensor([4]))
        beside = decoder()(torch.cat((padded, patches([9], 9, 2))), torch.tensor([4, 9]))
    torch.testing.assert_close(beside.logits[:1], alone.logits, atol=1e-5, rtol=1e-5)
    assert bool((alone.columns <= 3).all())


def test_it_looks_at_rows_and_columns() -> None:
    """The same columns in other rows read otherwise, and so do the same ones in another order."""
    word, width = patches([6], 6), torch.tensor([6])
    with torch.no_grad():
        plain, upside_down, reversed_ = (decoder()(each, width).logits for each in (word, word.flip(2), word.flip(3)))
    assert float((plain - upside_down).abs().max()) > 0.05
    assert float((plain - reversed_).abs().max()) > 0.05
