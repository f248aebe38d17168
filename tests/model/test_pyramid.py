"""Levels: what they show and where they lie."""

import pytest
import torch
from torch import Tensor

from spotter.model.pyramid import join, level_of, lower_canvas, mosaic_height, placement

EMPTY = -7.0


def ramps(height: int, width: int) -> Tensor:
    """Pictures [1, 2, H, W] whose pixels hold their own (x, y)."""
    x = (torch.arange(width) + 0.5).expand(height, width)
    y = (torch.arange(height) + 0.5)[:, None].expand(height, width)
    return torch.stack((x, y))[None]


def mosaic(pictures: Tensor, stride: int) -> Tensor:
    """What a network that hands on the mean of each position would give."""
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


def test_higher_words_stand_on_coarser_levels() -> None:
    levels = level_of(torch.tensor([39.0, 40.0, 80.0, 160.0]))
    assert levels.tolist() == [0, 1, 2, 3]
    at = placement(levels, 128, 192)
    assert at.scale.tolist() == [1, 0.5, 0.25, 0.125]
    assert at.x(torch.full((4,), 64.0)).tolist() == [64, 32, 16 + 96 + 16, 8 + 96 + 16]
    assert at.y(torch.full((4,), 96.0)).tolist() == [96, 48 + 128 + 16, 24 + 128 + 16, 12 + 128 + 16 + 32 + 8]


def test_many_points_of_a_word_lie_as_it_does() -> None:
    at = placement(torch.tensor([0.0, 3.0]), 128, 192)
    points = torch.tensor([[[64.0, 72.0]], [[64.0, 80.0]]])
    assert at.of(torch.tensor([1, 0])).x(points).tolist() == [[[8 + 96 + 16, 9 + 96 + 16]], [[64, 80]]]
