import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from spotter.families.fots.family import FOTS
from spotter.families.fots.losses import geometry_losses, overlap_losses
from spotter.families.fots.maps import DetectionMaps
from spotter.model.anchors import plain_anchors
from spotter.model.charset import Charset
from spotter.training.batch import Batch, collate
from spotter.training.losses import word_weights
from spotter.training.sample import Sample

ANCHORS = plain_anchors(16, 16, torch.device("cpu"))


def losses_of(maps: DetectionMaps, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    return geometry_losses(maps, batch.truth, word_weights(batch.image_index, 0.6))


def batch_of(*pictures: list[tuple[float, float, float, float, float, bool]]) -> Batch:
    """Pictures of 64 x 64 with words (cx, cy, w, h, theta, ignored)."""
    samples = []
    for words in pictures:
        corners = []
        for cx, cy, w, h, theta, _ in words:
            centre = np.array([cx, cy])
            along = np.array([math.cos(theta), math.sin(theta)]) * w / 2
            down = np.array([-math.sin(theta), math.cos(theta)]) * h / 2
            corners.append([centre - along - down, centre + along - down, centre + along + down, centre - along + down])
        polygons = np.array(corners, np.float32).reshape(-1, 4, 2)
        ignore = np.array([word[5] for word in words], bool)
        samples.append(Sample(np.zeros((64, 64, 3), np.uint8), polygons, ["a"] * len(words), ignore))
    return collate(samples, Charset(), FOTS())


def true_maps(batch: Batch) -> DetectionMaps:
    """What a perfect detector would say, worked out in numpy at each anchor point."""
    images, rows, columns = batch.truth.owner.shape
    distances = torch.full((images, 4, rows, columns), 7.0)
    direction = torch.full((images, 3, rows, columns), 0.3)
    for image, row, column in (batch.truth.owner >= 0).nonzero().tolist():
        cx, cy, w, h, theta, slant = batch.truth.shapes[batch.truth.owner[image, row, column]].tolist()
        dx, dy = float(ANCHORS.x[row, column]) - cx, float(ANCHORS.y[row, column]) - cy
        down = dy * math.cos(theta) - dx * math.sin(theta)
        along = dx * math.cos(theta) + dy * math.sin(theta) - slant * down
        sides = [h / 2 + down, w / 2 - along, h / 2 - down, w / 2 + along]
        distances[image, :, row, column] = torch.tensor(sides) / ANCHORS.scale[row, column]
        direction[image, :, row, column] = torch.tensor([math.cos(theta), math.sin(theta), slant])
    return DetectionMaps(torch.zeros(images, 1, rows, columns), distances, direction, ANCHORS)


@pytest.mark.parametrize("theta", [0.0, math.pi / 2, math.pi - 1e-3, -math.pi / 2, 0.6, -2.2])
def test_the_truth_costs_nothing_in_any_direction(theta: float) -> None:
    batch = batch_of([(32, 30, 40, 16, theta, False)])
    assert batch.truth.text.sum() >= 4
    for loss in losses_of(true_maps(batch), batch):
        assert float(loss) == pytest.approx(0, abs=1e-4)


def test_the_truth_of_a_leaning_word_costs_nothing() -> None:
    """A quadrilateral 40 along whose lower side is 8 further right: its slant is 8 / 16."""
    quad = np.array([[[8, 22], [48, 22], [56, 38], [16, 38]]], np.float32)
    batch = collate([Sample(np.zeros((64, 64, 3), np.uint8), quad, ["a"], np.zeros(1, bool))], Charset(), FOTS())
    torch.testing.assert_close(batch.truth.shapes, torch.tensor([[32.0, 30, 40, 16, 0, 0.5]]))
    truth = true_maps(batch)
    for loss in losses_of(truth, batch):
        assert float(loss) == pytest.approx(0, abs=1e-4)
    upright = truth.direction.clone()
    upright[:, 2] = 0
    _, _, direction = losses_of(replace(truth, direction=upright), batch)
    assert float(direction) == pytest.approx(0.5 - 0.1, abs=1e-5)  # smooth L1 of 0.5 with beta 0.2


def test_a_wrong_box_by_hand() -> None:
    batch = batch_of([(32, 32, 40, 16, 0, False)])
    truth = true_maps(batch)
    doubled = replace(truth, distances=2 * truth.distances)
    box, _, _ = losses_of(doubled, batch)
    assert float(box) == pytest.approx(
        -math.log((640 + 1) / (4 * 640 + 1)), abs=1e-5
    )  # the area is four times as large


def test_a_wrong_end_by_hand() -> None:
    batch = batch_of([(32, 32, 40, 16, 0, False)])
    maps = true_maps(batch)
    maps.distances[:, 1] += 8  # the right end, by half the height
    _, ends, _ = losses_of(maps, batch)
    # Smooth L1 of 0.5 with beta 0.2 is 0.4, times 1 - 2 d / w for points nearer than half: core centres x 18, 22 ... 46
    # lie 34, 30 ... 6 from the right end at 52.
    nearness = [max(0.0, 1 - 2 * distance / 40) for distance in range(6, 35, 4)]
    assert float(ends) == pytest.approx(0.4 * sum(nearness) / 8, abs=1e-5)


def test_the_opposite_direction_by_hand() -> None:
    batch = batch_of([(32, 32, 40, 16, 0, False)])
    truth = true_maps(batch)
    _, _, direction = losses_of(replace(truth, direction=-truth.direction), batch)
    assert float(direction) == pytest.approx(1.9, abs=1e-5)  # smooth L1 of 2 with beta 0.2
    _, _, longer = losses_of(replace(truth, direction=3 * truth.direction), batch)
    assert float(longer) == pytest.approx(1.9, abs=1e-5)  # the norm has its loss, too


def test_a_word_counts_the_same_whatever_its_size() -> None:
    batch = batch_of([(32, 12, 56, 20, 0, False), (20, 48, 20, 8, 0, False)])
    maps = true_maps(batch)
    shares = []
    for word in (0, 1):
        wrong = maps.direction.clone()
        of_word = (batch.truth.owner == word)[:, None].expand_as(wrong)
        wrong[of_word] = -wrong[of_word]
        shares.append(float(losses_of(replace(maps, direction=wrong), batch)[2]))
    assert (batch.truth.owner == 0).sum() > 2 * (batch.truth.owner == 1).sum()
    assert shares == pytest.approx([0.95, 0.95], abs=1e-5)


def test_ignored_words_and_background_have_no_geometry() -> None:
    batch = batch_of([(32, 12, 56, 20, 0, True), (20, 48, 20, 8, 0, False)])
    maps = true_maps(batch)
    distances = maps.distances.clone().requires_grad_()
    losses = losses_of(replace(maps, distances=distances * 1.5), batch)
    (gradient,) = torch.autograd.grad(losses[0] + losses[1], distances)
    assert torch.equal(gradient.abs().sum(1) > 0, batch.truth.owner >= 0)


def test_no_words_cost_nothing_and_can_be_learnt_from() -> None:
    batch = batch_of([])
    distances = torch.ones(1, 4, 28, 16, requires_grad=True)
    maps = DetectionMaps(torch.zeros(1, 1, 28, 16), distances, torch.zeros(1, 3, 28, 16), ANCHORS)
    losses = losses_of(maps, batch)
    torch.autograd.backward(torch.stack(losses).sum())
    assert [float(loss.detach()) for loss in losses] == [0, 0, 0]


def overlaps_of(maps: DetectionMaps, batch: Batch) -> list[float]:
    return [float(loss) for loss in overlap_losses(maps, batch.truth, word_weights(batch.image_index, 0.6))]


@pytest.mark.parametrize("theta", [0.0, math.pi / 2, -2.2])
def test_by_any_measure_the_truth_costs_nothing(theta: float) -> None:
    batch = batch_of([(32, 30, 40, 16, theta, False)])
    assert overlaps_of(true_maps(batch), batch) == pytest.approx([0, 0, 0], abs=2e-3)


@pytest.mark.parametrize("theta", [0.0, 0.6])
def test_a_box_that_is_too_long_by_hand(theta: float) -> None:
    """40 x 16, and 10 more at its right end."""
    batch = batch_of([(32, 30, 40, 16, theta, False)])
    maps = true_maps(batch)
    maps.distances[:, 1] += 10 / ANCHORS.scale
    giou, prob, points = overlaps_of(maps, batch)
    assert giou == pytest.approx(1 - 40 / 50, abs=1e-4)  # the hull is the longer box itself
    # Gaussians of variances 40 ** 2 / 12 and 50 ** 2 / 12, whose means are 5 apart.
    first, second = 1600 / 12, 2500 / 12
    coefficient = math.exp(-25 / (4 * (first + second))) * math.sqrt(2 * math.sqrt(first * second) / (first + second))
    assert prob == pytest.approx(math.sqrt(1 - coefficient), abs=1e-3)
    # Two of four corners are 10 / 16 of the height off, along the direction.
    along = [abs(math.cos(theta)) * 10 / 16, abs(math.sin(theta)) * 10 / 16]
    smooth = [a - 0.1 if a > 0.2 else a * a / 0.4 for a in along]
    assert points == pytest.approx(sum(smooth) / 2, abs=1e-4)


def test_boxes_that_do_not_meet_still_have_a_gradient_by_giou() -> None:
    batch = batch_of([(32, 30, 40, 16, 0.0, False)])
    maps = true_maps(batch)
    moved = torch.tensor([-30.0, 0, 46, 0])[None, :, None, None] / ANCHORS.scale  # below the word
    distances = (maps.distances + moved).requires_grad_()
    giou, _, _ = overlap_losses(replace(maps, distances=distances), batch.truth, torch.ones(1))
    (gradient,) = torch.autograd.grad(giou, distances)
    assert float(giou.detach()) > 1
    assert (gradient[:, 0] < 0).any()  # its upper side must go up


def test_without_words_nothing_is_compared() -> None:
    batch = batch_of([])
    maps = true_maps(batch)
    assert overlaps_of(maps, batch) == [0, 0, 0]
