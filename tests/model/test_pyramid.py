"""Levels: where they lie, and that boxes follow them."""

import math

import pytest
import torch
from torch import Tensor

from spotter.model.cells import mosaic_cells
from spotter.model.pyramid import join, lower_canvas, mosaic_height, place
from spotter.model.regions import PatchSize, RoIRotate, roi_rotate, rotated_grid

FIRST = torch.zeros(1, dtype=torch.int64)
EMPTY = -7.0


def ramps(height: int, width: int) -> Tensor:
    """Pictures [1, 2, H, W] whose pixels hold their own (x, y)."""
    x = (torch.arange(width) + 0.5).expand(height, width)
    y = (torch.arange(height) + 0.5)[:, None].expand(height, width)
    return torch.stack((x, y))[None]


def mosaic(pictures: Tensor, stride: int) -> Tensor:
    """What a network that hands on the mean of each cell would give."""
    lower = lower_canvas(pictures, 0.0)
    return join(torch.nn.functional.avg_pool2d(pictures, stride), torch.nn.functional.avg_pool2d(lower, stride), stride)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (128, 192), (320, 64), (640, 1152)])
def test_the_lower_levels_lie_apart_and_whole(height: int, width: int) -> None:
    canvas = lower_canvas(torch.ones(2, 3, height, width), EMPTY)
    assert canvas.shape[2] % 64 == canvas.shape[3] % 64 == 0
    assert canvas.shape[3] <= width
    assert canvas.shape[2] == mosaic_height(height) - height - 16
    filled = canvas[0, 0] == 1
    assert int(filled.sum()) == sum((height // s) * (width // s) for s in (2, 4, 8))
    assert ((canvas == 1) | (canvas == EMPTY)).all()
    assert not filled[:, width // 2 : width // 2 + 16].any()
    assert not filled[height // 4 : height // 4 + 8, width // 2 :].any()


def test_levels_are_means_of_the_picture() -> None:
    canvas = lower_canvas(ramps(128, 192), EMPTY)
    assert canvas[0, :, 0, 0].tolist() == [1, 1]
    assert canvas[0, :, 63, 95].tolist() == [191, 127]
    assert canvas[0, :, 0, 96 + 16].tolist() == [2, 2]
    assert canvas[0, :, 32 + 8, 96 + 16].tolist() == [4, 4]
    assert canvas[0, :, 32 + 8 + 15, 96 + 16 + 23].tolist() == [188, 124]


@pytest.mark.parametrize("stride", [2, 4])
def test_the_mosaic_is_the_picture_above_its_lower_canvas(stride: int) -> None:
    pictures = ramps(128, 192)
    together = mosaic(pictures, stride)
    assert tuple(together.shape) == (1, 2, mosaic_height(128) // stride, 192 // stride)
    assert torch.equal(together[:, :, : 128 // stride], torch.nn.functional.avg_pool2d(pictures, stride))
    assert not together[:, :, 128 // stride : 144 // stride].any()


@pytest.mark.parametrize("h", [12.0, 39.9, 40.0, 79.0, 80.0, 159.0, 160.0, 200.0])
@pytest.mark.parametrize("theta", [0.0, math.pi / 2, math.pi, 0.5])
def test_words_of_any_height_read_the_places_they_stand_on(h: float, theta: float) -> None:
    """Each level holds its cells' own places in the picture, so whichever level is read, the answer is the same."""
    height, width, size = 448, 512, PatchSize(4, 2, 8)
    boxes = torch.tensor([[251.0, 227, 1.3 * h, h, theta, 0.2]])
    pictures = ramps(height, width)
    cells = mosaic_cells(height, width, torch.device("cpu"))
    patches = RoIRotate(size)(mosaic(pictures, 2), mosaic(pictures, 4), cells, boxes, FIRST)
    assert patches.widths.tolist() == [6]  # 1.3 x 4 = 5.2
    for found, rows in ((patches.fine, 8), (patches.coarse, 4)):
        columns = 6 * rows // 4
        expected = rotated_grid(boxes, torch.tensor([columns]), rows, torch.arange(columns), 1).permute(0, 3, 1, 2)
        torch.testing.assert_close(found, expected, atol=4e-3, rtol=0)


def test_higher_words_stand_on_coarser_levels() -> None:
    boxes = torch.tensor([[64.0, 96, 50, h, 0.5, 0.1] for h in (39.0, 40.0, 80.0, 160.0)])
    expected = [
        [64.0, 96, 50, 39, 0.5, 0.1],
        [32.0, 48 + 128 + 16, 25, 20, 0.5, 0.1],
        [16.0 + 96 + 16, 24 + 128 + 16, 12.5, 20, 0.5, 0.1],
        [8.0 + 96 + 16, 12 + 128 + 16 + 32 + 8, 6.25, 20, 0.5, 0.1],
    ]
    torch.testing.assert_close(place(boxes, 128, 192), torch.tensor(expected))


def test_a_word_at_the_rim_of_a_level_reads_nothing_of_the_next() -> None:
    """Level 0 is bright; a word of level 1 that hangs out of the picture on every side must not see it."""
    together = join(torch.ones(1, 1, 32, 32), torch.zeros(1, 1, 16, 32), 4)
    boxes = torch.tensor([[64.0, 2, 60, 44, 0, 0], [126.0, 64, 40, 44, 0, 0], [2.0, 126, 60, 44, 0.3, 0]])
    patches = roi_rotate(together, place(boxes, 128, 128), torch.zeros(3, dtype=torch.int64), torch.full((3,), 8), 8, 4)
    assert float(patches.abs().max()) < 1e-5
