import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from spotter.families.fots.boxes import placed
from spotter.families.fots.regions import RoIRotate
from spotter.model.anchors import mosaic_anchors
from spotter.model.pyramid import join
from spotter.model.regions import PatchSize, sample_regions
from tests.families.cutting import box_widths, roi_rotate, rotated_grid
from tests.model.test_pyramid import mosaic
from tests.model.test_pyramid import ramps as picture_ramps

FIRST = torch.tensor([0])


def ramps(rows: int, columns: int, stride: int) -> Tensor:
    """[1, 2, rows, columns]: each position holds the (x, y) of its own centre, in pixels."""
    y, x = torch.meshgrid((torch.arange(rows) + 0.5) * stride, (torch.arange(columns) + 0.5) * stride, indexing="ij")
    return torch.stack((x, y))[None]


def bilinear(features: NDArray[np.float32], x: float, y: float) -> NDArray[np.float64]:
    """One sample of [C, H, W] at a place in the map, half-pixel, zero off the map: the textbook's four corners."""
    channels, height, width = features.shape
    left, top = math.floor(x - 0.5), math.floor(y - 0.5)
    total = np.zeros(channels)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < height and 0 <= column < width:
                share = (1 - abs(x - 0.5 - column)) * (1 - abs(y - 0.5 - row))
                total += share * features[:, row, column]
    return total


def reference(
    features: NDArray[np.float32], box: NDArray[np.float32], width: int, columns: int, height: int, stride: int
) -> NDArray[np.float64]:
    """One patch, bin by bin."""
    cx, cy, w, h, theta, slant = (float(value) for value in box)
    patch = np.zeros((features.shape[0], height, columns))
    for j in range(height):
        for i in range(width):
            down = ((j + 0.5) / height - 0.5) * h
            along = ((i + 0.5) / width - 0.5) * w + slant * down
            x = cx + along * math.cos(theta) - down * math.sin(theta)
            y = cy + along * math.sin(theta) + down * math.cos(theta)
            patch[:, j, i] = bilinear(features, x / stride, y / stride)
    return patch


@pytest.mark.parametrize(
    ("theta", "x_of_columns", "y_of_columns", "x_of_rows", "y_of_rows"),
    [
        # The box is 16 along and 8 down in 8 x 4 bins of 2 x 2 pixels, its middle at (40, 32).
        (0.0, [33, 35, 37, 39, 41, 43, 45, 47], None, None, [29, 31, 33, 35]),
        (math.pi / 2, None, [25, 27, 29, 31, 33, 35, 37, 39], [43, 41, 39, 37], None),
        (math.pi, [47, 45, 43, 41, 39, 37, 35, 33], None, None, [35, 33, 31, 29]),
        (-math.pi / 2, None, [39, 37, 35, 33, 31, 29, 27, 25], [37, 39, 41, 43], None),
    ],
)
def test_a_ramp_reads_the_bins_own_places(
    theta: float,
    x_of_columns: list[float] | None,
    y_of_columns: list[float] | None,
    x_of_rows: list[float] | None,
    y_of_rows: list[float] | None,
) -> None:
    boxes = torch.tensor([[40.0, 32, 16, 8, theta, 0]])
    x, y = roi_rotate(ramps(16, 20, 4), boxes, FIRST, torch.tensor([8]), 4, 4)[0]
    for found, along, down in ((x, x_of_columns, x_of_rows), (y, y_of_columns, y_of_rows)):
        expected = torch.tensor(along).expand(4, 8) if along else torch.tensor(down or [])[:, None].expand(4, 8)
        torch.testing.assert_close(found, expected.float(), atol=1e-4, rtol=0)


def test_patches_are_those_of_the_textbook_for_any_box_and_picture() -> None:
    """Odd angles, boxes across the rim and off the map, three pictures: against a bin by bin reference in numpy."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(3, 2, 9, 13, generator=generator)
    spread = torch.tensor([60.0, 44.0, 40.0, 20.0, 2 * math.pi, 2.4])
    boxes = torch.rand(24, 6, generator=generator) * spread + torch.tensor([-4.0, -4, 2, 2, -math.pi, -1.2])
    boxes[:2, :2] = torch.tensor([[0.0, 0.0], [52.0, 36.0]])
    image_index = torch.arange(24) % 3
    widths = box_widths(boxes, PatchSize(4, 3, 14))
    found = roi_rotate(features, boxes, image_index, widths, 4, 4).numpy()
    assert found.shape == (24, 2, 4, int(widths.max()))
    for n in range(24):
        one = features[int(image_index[n])].numpy()
        expected = reference(one, boxes[n].numpy(), int(widths[n]), found.shape[3], 4, 4)
        np.testing.assert_allclose(found[n], expected, atol=1e-4)


def test_a_box_off_the_picture_reads_zeros_and_not_its_neighbour() -> None:
    features = torch.stack((torch.full((1, 8, 8), 1.0), torch.full((1, 8, 8), 100.0), torch.full((1, 8, 8), 7.0)))
    below, above = [16.0, 40, 24, 12, 0, 0], [16.0, -8, 24, 12, 0, 0]
    far = [1e6, -1e6, 24.0, 12, 1, 0]
    boxes = torch.tensor([below, above, far] * 3)
    image_index = torch.arange(3).repeat_interleave(3)
    assert float(roi_rotate(features, boxes, image_index, torch.full((9,), 8), 4, 4).abs().max()) < 1e-5


def test_the_rim_fades_to_zero_and_never_to_the_next_picture() -> None:
    features = torch.stack((torch.full((1, 4, 4), 1.0), torch.full((1, 4, 4), 100.0)))
    box = torch.tensor(
        [[8.0, 16, 4, 8, 0, 0]]
    )  # half of it below the first picture's 16 pixels; bins at 13, 15, 17, 19
    column = roi_rotate(features, box, FIRST, torch.tensor([1]), 4, 4)[0, 0, :, 0]
    # In positions of the map 3.25, 3.75, 4.25, 4.75: beyond the last centre, 3.5, the weight falls linearly to zero at
    # 4.5.
    assert column.tolist() == pytest.approx([1, 0.75, 0.25, 0], abs=1e-5)


def test_a_patch_is_zero_beyond_its_own_width() -> None:
    boxes = torch.tensor([[16.0, 16, 8, 8, 0, 0], [16.0, 16, 24, 8, 0, 0]])
    patches = roi_rotate(torch.ones(1, 1, 8, 8), boxes, torch.tensor([0, 0]), torch.tensor([4, 12]), 4, 4)
    assert patches[0, 0, 0].tolist() == pytest.approx([1] * 4 + [0] * 8)
    assert patches[1, 0, 0].tolist() == pytest.approx([1] * 12)


def test_columns_follow_the_aspect_ratio_within_limits() -> None:
    size = PatchSize(8, 6, 40)
    boxes = torch.tensor([[0.0, 0, w, h, 0, 0] for w, h in ((30, 10), (31, 10), (1, 10), (900, 10), (9, 0))])
    assert box_widths(boxes, size).tolist() == [24, 25, 6, 40, 40]  # 31 / 10 x 8 = 24.8, rounded up


def test_a_box_that_is_no_number_gets_the_least_columns() -> None:
    assert box_widths(torch.full((1, 6), math.nan), PatchSize(8, 6, 40)).tolist() == [6]


def test_corners_are_not_rounded_to_pixels() -> None:
    box = torch.tensor([[40.0, 32, 16, 8, 0.2, 0.1]])
    moved = box + torch.tensor([0.125, 0, 0, 0, 0, 0])
    first, second = (roi_rotate(ramps(16, 20, 4), b, FIRST, torch.tensor([8]), 4, 4) for b in (box, moved))
    torch.testing.assert_close(second[:, 0] - first[:, 0], torch.full((1, 4, 8), 0.125), atol=1e-4, rtol=0)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Records the number of elements of the largest tensor that any operator makes."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.elements = max(self.elements, out.numel())
        return out


def test_no_map_is_copied_for_a_region() -> None:
    features = torch.randn(1, 16, 32, 32)
    boxes = torch.tensor([[64.0, 64, 16, 8, 0.3, 0.1]]).expand(200, 6)
    grid = rotated_grid(boxes, torch.full((200,), 4), 2, 4, 4)
    with Largest() as largest:  # type: ignore[no-untyped-call]
        samples = sample_regions(features, grid, torch.zeros(200, dtype=torch.int64))
    # The padded map itself, or the samples; a copy of the map a region would be two hundred times as much.
    assert largest.elements <= max(16 * 33 * 32, samples.numel())


def test_gradients_of_maps_and_places_are_the_numerical_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 2, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[11.3, 9.1, 9.0, 5.0, 0.4, 0.3], [8.2, 12.4, 7.0, 6.0, -2.0, -0.5]], dtype=torch.float64)
    boxes.requires_grad_()
    widths = torch.tensor([4, 3])

    def patches(maps: Tensor, places: Tensor) -> Tensor:
        return roi_rotate(maps, places, torch.tensor([1, 0]), widths, 3, 4)

    assert torch.autograd.gradcheck(patches, (features, boxes), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("h", [12.0, 39.9, 40.0, 79.0, 80.0, 159.0, 160.0, 200.0])
@pytest.mark.parametrize("theta", [0.0, math.pi / 2, math.pi, 0.5])
def test_words_of_any_height_read_the_places_they_stand_on(h: float, theta: float) -> None:
    """Each level holds its positions' own places in the picture, so whichever level is read, the answer is the same."""
    height, width, size = 448, 512, PatchSize(4, 2, 8)
    boxes = torch.tensor([[251.0, 227, 1.3 * h, h, theta, 0.2]])
    pictures = picture_ramps(height, width)
    anchors = mosaic_anchors(height, width, torch.device("cpu"))
    patches = RoIRotate(size)(mosaic(pictures, 2), mosaic(pictures, 4), anchors, boxes, FIRST)
    assert patches.widths.tolist() == [6]  # 1.3 x 4 = 5.2
    for found, rows in ((patches.fine, 8), (patches.coarse, 4)):
        columns = 6 * rows // 4
        expected = rotated_grid(boxes, torch.tensor([columns]), rows, columns, 1).permute(0, 3, 1, 2)
        torch.testing.assert_close(found, expected, atol=4e-3, rtol=0)


def test_a_word_at_the_rim_of_a_level_reads_nothing_of_the_next() -> None:
    """Level 0 is bright; a word of level 1 that hangs out of the picture on every side must not see it."""
    together = join(torch.ones(1, 1, 32, 32), torch.zeros(1, 1, 16, 32), 4)
    boxes = torch.tensor([[64.0, 2, 60, 44, 0, 0], [126.0, 64, 40, 44, 0, 0], [2.0, 126, 60, 44, 0.3, 0]])
    anchors = mosaic_anchors(128, 128, torch.device("cpu"))
    patches = roi_rotate(together, placed(boxes, anchors), torch.zeros(3, dtype=torch.int64), torch.full((3,), 8), 8, 4)
    assert float(patches.abs().max()) < 1e-5
