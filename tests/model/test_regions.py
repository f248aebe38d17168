import torch

from spotter.model.family import Extent
from spotter.model.regions import PatchSize, patch_widths, sample_regions


def test_columns_follow_the_aspect_ratio_within_limits() -> None:
    extent = Extent(torch.tensor([30.0, 31, 1, 900, 9]), torch.tensor([10.0, 10, 10, 10, 0]))
    assert patch_widths(extent, PatchSize(8, 6, 40)).tolist() == [24, 25, 6, 40, 40]


def test_samples_are_those_of_their_own_map_and_nothing_off_it() -> None:
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[10.0, 20.0], [30.0, 40.0]]]])
    grid = torch.tensor([[0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [1.5, 2.0], [9.0, 0.5], [float("nan"), 0.5]])
    found = sample_regions(maps, grid[None, None].repeat(2, 1, 1, 1), torch.tensor([1, 0]))
    expected = torch.tensor([1.0, 1.5, 2.5, 2.0, 0.0, 0.0])
    torch.testing.assert_close(found[:, 0, 0], torch.stack((10 * expected, expected)))
