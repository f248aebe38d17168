import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spotter.families.fots.learning import boxes_to_read, jitter_boxes, misplaced_boxes, predicted_boxes
from spotter.families.interface import Misplacement
from tests.model.small import empty_maps, say

USUAL = Misplacement(ends=0.11, sides=0.06, astray=0.12)


def test_boxes_jitter_by_their_height() -> None:
    boxes = torch.tensor([[100.0, 80, 60, 20, 0.3, 0.2]]).repeat(4000, 1)
    moved = jitter_boxes(boxes, 0.1, torch.Generator().manual_seed(0)) - boxes
    mean, deviation = moved.mean(0), moved.std(0)
    # Noise cut at two deviations has 0.96 of the deviation left (clamped, not redrawn).
    assert deviation.tolist() == pytest.approx(
        [0.1 * 20 * 0.96, 0.1 * 20 * 0.96, 4 * 0.96, 4 * 0.96, 0.05 * 0.96, 0.1 * 0.96], rel=0.05
    )
    assert mean.tolist() == pytest.approx([0, 0, 2, 2, 0, 0], abs=0.25)  # boxes grow, so that letters are seldom cut
    torch.testing.assert_close(jitter_boxes(boxes, 0.0, torch.Generator()), boxes)


def test_the_detectors_own_boxes_are_read_where_they_are_good() -> None:
    maps = empty_maps(2, 16, 16)
    say(maps, (0, 4, 6), 0.9, (9, 20, 7, 20), 0.1)
    say(maps, (1, 8, 8), 0.9, (8, 20, 8, 20), math.pi)
    say(maps, (1, 2, 2), 0.9, (1, 2, 1, 2), 0.0)
    boxes = torch.tensor([[x, y, 40, 16, 0, 0] for x, y in ((26.0, 18), (34, 34), (10, 10))])
    found, good = predicted_boxes(maps, boxes, torch.tensor([0, 1, 1]))
    assert good.tolist() == [True, False, False]  # the second stands upside down, the third is far too small
    expected = [26 + math.sin(0.1), 18 - math.cos(0.1), 40, 16, 0.1, 0]  # one pixel up, in the frame of 0.1
    assert found[0].tolist() == pytest.approx(expected, abs=1e-4)


def test_no_detectors_box_is_read_where_none_is_asked_for() -> None:
    maps = empty_maps(1, 16, 16)
    say(maps, (0, 4, 6), 0.9, (9, 20, 7, 20), 0.1)
    boxes, index = torch.tensor([[26.0, 18, 40, 16, 0, 0]]), torch.tensor([0])

    def read(predicted: float) -> list[float]:
        found: list[float] = boxes_to_read(maps, boxes, index, 0.0, predicted, torch.Generator())[0].tolist()
        return found

    assert read(0.0) == boxes[0].tolist()
    assert read(1.0) == pytest.approx([26 + math.sin(0.1), 18 - math.cos(0.1), 40, 16, 0.1, 0], abs=1e-4)


def boxes(count: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    w, h = rng.uniform(5, 200, count), rng.uniform(8, 60, count)
    theta = rng.uniform(-math.pi, math.pi, count)
    return np.stack((rng.uniform(0, 500, count), rng.uniform(0, 500, count), w, h, theta, np.zeros(count)), 1).astype(
        np.float32
    )


def test_jittered_boxes_stay_about_where_they_were() -> None:
    true = boxes(4000)
    found = misplaced_boxes(torch.from_numpy(true), USUAL, np.random.default_rng(1)).numpy()
    assert found.shape == true.shape
    assert found.dtype == np.float32
    w, h = true[:, 2], true[:, 3]
    cos, sin = np.cos(true[:, 4]), np.sin(true[:, 4])
    moved = found[:, :2] - true[:, :2]
    along, down = moved[:, 0] * cos + moved[:, 1] * sin, moved[:, 1] * cos - moved[:, 0] * sin
    left = (w / 2 - (found[:, 2] / 2 - along)) / h  # inwards, as shares of the height
    right = (w / 2 - (found[:, 2] / 2 + along)) / h
    top = (h / 2 - (found[:, 3] / 2 - down)) / h
    for end in (left, right):
        assert np.abs(end).max() <= 0.5 + 1e-3
        assert (end * h <= 0.22 * w + 0.5).all()  # a short word keeps more than half of itself
        assert 0.09 < end.std() < 0.2
    assert np.abs(top).max() <= 0.15 + 1e-3
    assert 0.04 < top.std() < 0.07
    assert (found[:, 2:4] >= 2).all()
    assert np.abs(found[:, 4] - true[:, 4]).max() < 0.15
    assert 0.03 < found[:, 5].std() < 0.07


def test_without_any_jitter_only_angles_and_the_mean_of_the_ends_change() -> None:
    true = boxes(500)
    still = Misplacement(ends=0.0, sides=0.0, astray=0.0)
    found = misplaced_boxes(torch.from_numpy(true), still, np.random.default_rng(1)).numpy()
    np.testing.assert_allclose(found[:, 3], true[:, 3], rtol=1e-5)
    np.testing.assert_allclose(found[:, :2], true[:, :2], atol=1e-3)
    inwards = np.minimum(0.04 * true[:, 3], 0.22 * true[:, 2])
    np.testing.assert_allclose(found[:, 2], np.maximum(true[:, 2] - 2 * inwards, 2), rtol=1e-4)
