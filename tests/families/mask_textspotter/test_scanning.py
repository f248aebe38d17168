import pytest
import torch

from spotter.families.mask_textspotter.scanning import longest_run, run_ends, scan_columns

_ = False
X = True


@pytest.mark.parametrize(
    ("values", "first", "last", "length"),
    [
        ([_, X, X, _, X], 1, 2, 2),
        ([X, _, X, X, X], 2, 4, 3),
        ([X, X, _, X, X], 0, 1, 2),  # the first of two
        ([X, X, X, X, X], 0, 4, 5),
        ([_, _, _, _, X], 4, 4, 1),
        ([_, _, _, _, _], 0, 0, 0),
    ],
)
def test_the_longest_run(values: list[bool], first: int, last: int, length: int) -> None:
    run = longest_run(torch.tensor([values]))
    assert [value.item() for value in run] == [first, last, length]


def test_a_run_ends_where_the_logits_pass_zero() -> None:
    """Between -1 at 0.5 and 3 at 1.5 a quarter of the way; between 2 at 2.5 and -2 at 3.5 half of it."""
    start, end, _run = run_ends(torch.tensor([-1.0, 3, 2, -2, -5]))
    assert start.item() == pytest.approx(0.75)
    assert end.item() == pytest.approx(3)


def test_at_a_border_a_run_ends_there() -> None:
    start, end, _run = run_ends(torch.tensor([[1.0, 3, -1, -1], [-1, -1, 1, 9]]))
    assert start.tolist() == pytest.approx([0, 2])
    assert end.tolist() == pytest.approx([2.25, 4])


def test_a_slanted_band_by_hand() -> None:
    """8 x 8: rows 2 and 3 in the left half, 4 to 6 in the right one, in columns 1 to 6; a blot in a corner."""
    logits = torch.full((1, 8, 8), -1.0)
    logits[0, 2:4, 1:4] = 1
    logits[0, 4:7, 4:7] = 1
    logits[0, 0, 7] = 1
    logits[0, 0, 2] = 1  # a shorter run in its column
    scan = scan_columns(logits, torch.tensor([0.0]))
    # Zero is passed midway: columns 1 to 7, rows 2 to 4 and 4 to 7, in eighths. The blot's column is apart.
    assert scan.across[0, 0].item() == pytest.approx(1 / 8)
    assert scan.across[0, -1].item() == pytest.approx(8 / 8)  # its column is next to the band's
    left, right = scan.across[0] < 3.5 / 8, (scan.across[0] > 4.5 / 8) & (scan.across[0] < 6.5 / 8)
    torch.testing.assert_close(scan.upper[0, left], torch.full((int(left.sum()),), 2 / 8))
    torch.testing.assert_close(scan.lower[0, left], torch.full((int(left.sum()),), 4 / 8))
    torch.testing.assert_close(scan.upper[0, right], torch.full((int(right.sum()),), 4 / 8))
    torch.testing.assert_close(scan.lower[0, right], torch.full((int(right.sum()),), 7 / 8))


def test_columns_apart_from_the_longest_run_do_not_count() -> None:
    logits = torch.full((1, 4, 10), -1.0)
    logits[0, 1:3, 0:2] = 1
    logits[0, 1:3, 4:9] = 1
    scan = scan_columns(logits, torch.tensor([0.0]))
    assert scan.across[0, 0].item() == pytest.approx(0.4)
    assert scan.across[0, -1].item() == pytest.approx(0.9)


def test_round_corners_are_filled() -> None:
    """An ellipse of 32 x 8 of a patch of 64 x 16: at its very ends it is as high as 0.12 heights inside them."""
    x, y = (torch.arange(64) + 0.5 - 32) / 16, ((torch.arange(16) + 0.5 - 8) / 4)[:, None]
    logits = (1 - x**2 - y**2)[None]
    scan = scan_columns(logits, torch.tensor([8 / 64]))
    assert scan.across[0, 0].item() == pytest.approx(16 / 64, abs=0.01)
    high = (scan.lower - scan.upper)[0] * 16
    assert high[0].item() == pytest.approx(2 * 4 * (1 - (1 - 0.96 / 16) ** 2) ** 0.5, rel=0.15)
    assert high[0] == high.min()
    assert high[7:9].mean().item() == pytest.approx(8, rel=0.05)


def test_a_single_place_of_text_is_an_outline_too() -> None:
    logits = torch.full((1, 4, 4), -1.0)
    logits[0, 1, 2] = 1
    scan = scan_columns(logits, torch.tensor([0.5]))
    torch.testing.assert_close(scan.across[0, [0, -1]], torch.tensor([0.5, 0.75]))
    torch.testing.assert_close(scan.upper, torch.full_like(scan.upper, 0.25))
    torch.testing.assert_close(scan.lower, torch.full_like(scan.lower, 0.5))
