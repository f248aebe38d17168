"""Words cut from the picture: places worked out by hand, on pictures whose pixels hold their own coordinates."""

import math

import pytest
import torch
from torch import Tensor

from spotter.families.fots.boxes import SLANTED_BOXES
from spotter.model.config import PictureRecogniserConfig
from spotter.model.cutting import Cut, cut, picture_mosaic
from spotter.model.packing import UNIT
from spotter.model.regions import sample_regions

HEIGHT, WIDTH = 640, 1152
TIGHT = PictureRecogniserConfig(rows=16, margin_x=0.0, margin_y=0.0)
LOOSE = PictureRecogniserConfig(rows=16, margin_x=0.25, margin_y=0.125)


def ramps(pictures: int = 1) -> Tensor:
    """Pictures [B, 3, H, W] whose pixels hold their x, their y, and 1 + their picture's number."""
    x = (torch.arange(WIDTH) + 0.5).expand(HEIGHT, WIDTH)
    y = (torch.arange(HEIGHT) + 0.5)[:, None].expand(HEIGHT, WIDTH)
    return torch.stack([torch.stack((x, y, torch.full_like(x, 1.0 + n))) for n in range(pictures)])


def cut_from_ramps(
    boxes: list[list[float]], config: PictureRecogniserConfig, index: list[int] | None = None, multiple: int = 1
) -> Cut:
    index = index or [0] * len(boxes)
    mosaic = picture_mosaic(ramps(max(index) + 1), 0.0)
    return cut(
        mosaic, torch.tensor(boxes), torch.tensor(index), (HEIGHT, WIDTH), config, SLANTED_BOXES, multiple=multiple
    )


def word(made: Cut, number: int) -> Tensor:
    """A word's own part of the row, [4, rows, columns]."""
    start, length = int(made.packing.starts[number]), int(made.packing.lengths[number])
    return made.patches[0, :, :, UNIT * start : UNIT * (start + length)]


def test_an_upright_box_is_copied_pixel_by_pixel() -> None:
    made = cut_from_ramps([[100.0, 50, 24, 16, 0, 0]], TIGHT)
    assert made.patches.shape == (1, 4, 16, 8 * 3 + 8)
    assert made.longest == 3
    patch = word(made, 0)
    torch.testing.assert_close(patch[0], (torch.arange(24) + 88.5).expand(16, 24), atol=1e-3, rtol=0)
    torch.testing.assert_close(patch[1], (torch.arange(16) + 42.5)[:, None].expand(16, 24), atol=1e-3, rtol=0)
    assert (patch[3] == 1).all()


def test_a_box_that_reads_downwards_is_turned() -> None:
    patch = word(cut_from_ramps([[100.0, 200, 24, 16, math.pi / 2, 0]], TIGHT), 0)
    # The text's top is on the right: its first row is x = 107.5, and its columns run down from y = 188.5.
    torch.testing.assert_close(patch[0], (107.5 - torch.arange(16))[:, None].expand(16, 24), atol=1e-3, rtol=0)
    torch.testing.assert_close(patch[1], (torch.arange(24) + 188.5).expand(16, 24), atol=1e-3, rtol=0)


def test_a_slant_is_undone() -> None:
    patch = word(cut_from_ramps([[100.0, 50, 16, 16, 0, 0.5]], TIGHT), 0)
    # Each row lies half a pixel further right than the one above; the middle of the box stays.
    torch.testing.assert_close(patch[0, :, 0], 92.5 + 0.5 * (torch.arange(16) - 7.5), atol=1e-3, rtol=0)
    torch.testing.assert_close(patch[1, :, 0], torch.arange(16) + 42.5, atol=1e-3, rtol=0)


def test_margins_are_seen_and_the_region_within_them_is_marked() -> None:
    patch = word(cut_from_ramps([[100.0, 50, 24, 16, 0, 0]], LOOSE), 0)
    assert patch.shape == (4, 16, 24)  # 32 x 20 pixels: 1.6 x 16 = 25.6 columns, three units when rounded
    x = 84 + (torch.arange(24) + 0.5) * 32 / 24
    y = 40 + (torch.arange(16) + 0.5) * 20 / 16
    torch.testing.assert_close(patch[0], x.expand(16, 24), atol=1e-3, rtol=0)
    torch.testing.assert_close(patch[1], y[:, None].expand(16, 24), atol=1e-3, rtol=0)
    inside = ((x >= 88) & (x <= 112))[None] & ((y >= 42) & (y <= 58))[:, None]
    assert torch.equal(patch[3] == 1, inside)
    assert torch.equal(patch[3] == 0, ~inside)


@pytest.mark.parametrize("height", [40.0, 100, 200, 320])
def test_tall_words_are_cut_from_a_level_further_up_at_the_same_place(height: float) -> None:
    seen = []

    def spy(mosaic: Tensor, grid: Tensor, image_index: Tensor) -> Tensor:
        seen.append(grid)
        return sample_regions(mosaic, grid, image_index)

    box = torch.tensor([[500.0, 300, 1.5 * height, height, 0, 0]])
    mosaic = picture_mosaic(ramps(), 0.0)
    made = cut(mosaic, box, torch.tensor([0]), (HEIGHT, WIDTH), TIGHT, SLANTED_BOXES, sample=spy)
    patch = word(made, 0)
    columns, rows = torch.arange(24), torch.arange(16)
    x = 500 + ((columns + 0.5) / 24 - 0.5) * 1.5 * height
    y = 300 + ((rows + 0.5) / 16 - 0.5) * height
    torch.testing.assert_close(patch[0], x.expand(16, 24), atol=0.1, rtol=0)
    torch.testing.assert_close(patch[1], y[:, None].expand(16, 24), atol=0.1, rtol=0)
    # Between two rows lie at most 4.7 pixels of the map that is read: 70 / 16, and a little for what is below 70 x 2.
    step = float(seen[0][0, 1, 0, 1] - seen[0][0, 0, 0, 1])
    level = sum(height >= limit for limit in (70, 140, 280))
    assert step == pytest.approx(height / 2**level / 16, abs=1e-3)


def test_each_word_comes_from_its_own_picture_with_zeros_between() -> None:
    made = cut_from_ramps(
        [[100.0, 50, 24, 16, 0, 0], [300.0, 80, 8, 16, 0, 0], [400.0, 90, 16, 16, 0, 0]], TIGHT, [1, 0, 2]
    )
    assert made.packing.lengths.tolist() == [3, 1, 2]
    assert made.longest == 3
    assert [sorted(set(word(made, n)[2].flatten().round().tolist())) for n in range(3)] == [[2], [1], [3]]
    words = made.packing.inside.repeat_interleave(UNIT) == 1
    assert not made.patches[..., ~words].any()
    assert int((~words).sum()) == 3 * UNIT


def test_a_row_is_filled_up_with_zeros_to_a_multiple() -> None:
    box = [100.0, 50, 24, 16, 0, 0]
    plain, filled = cut_from_ramps([box], TIGHT), cut_from_ramps([box], TIGHT, multiple=64)
    assert filled.patches.shape[3] == 64 * UNIT
    assert torch.equal(filled.patches[..., : plain.patches.shape[3]], plain.patches)
    assert not filled.patches[..., plain.patches.shape[3] :].any()


def test_what_lies_off_the_picture_reads_as_nothing() -> None:
    patch = word(cut_from_ramps([[0.0, 50, 32, 16, 0, 0]], TIGHT), 0)
    assert not patch[:3, :, :15].any()
    assert (patch[0, :, 17:] > 0).all()


@pytest.mark.parametrize(
    ("box", "length"),
    [
        ([100.0, 50, 2, 16, 0, 0], 1),  # narrower than a unit
        ([100.0, 50, 1100, 10, 0, 0], 208),  # 220 units
        ([100.0, 50, 20, 0, 0, 0], 208),  # of no height
        ([100.0, 50, 0, 0, 0, 0], 1),
        ([math.nan] * 6, 1),
    ],
)
def test_impossible_boxes_have_a_length_and_numbers_in_their_patch(box: list[float], length: int) -> None:
    made = cut_from_ramps([box], TIGHT)
    assert made.packing.lengths.tolist() == [length]
    assert made.patches.isfinite().all()
