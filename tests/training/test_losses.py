import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from spotter.model.cells import plain_cells
from spotter.model.charset import Charset
from spotter.model.detection import DetectionMaps
from spotter.training.batch import Batch, collate
from spotter.training.losses import (
    attention_loss,
    cell_weights,
    dice_loss,
    focal_loss,
    geometry_losses,
    recognition_loss,
    score_loss,
    word_weights,
)
from spotter.training.sample import Sample

CELLS = plain_cells(16, 16, torch.device("cpu"))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_dice_by_hand() -> None:
    logits = torch.tensor([[[logit(0.8), logit(0.4)], [logit(0.2), logit(0.9)]]])
    text = torch.tensor([[[True, True], [False, False]]])
    counted = torch.tensor([[[True, True], [True, False]]])
    # 1 - (2 x (0.8 + 0.4) + 1) / ((0.8 + 0.4 + 0.2) + 2 + 1); the last cell is not counted
    assert float(dice_loss(logits, text, counted)) == pytest.approx(1 - 3.4 / 4.4, abs=1e-6)


def test_focal_by_hand() -> None:
    logits = torch.tensor([[[logit(0.8), logit(0.5)], [logit(0.1), logit(0.9)]]])
    text = torch.tensor([[[True, True], [False, False]]])
    counted = torch.tensor([[[True, True], [True, False]]])
    right = (0.8, 0.5, 0.9)  # probabilities of what is true; the last cell is not counted; there are two text cells
    expected = sum(-((1 - p) ** 2) * math.log(p) for p in right) / 2 / 2
    assert float(focal_loss(logits, text, counted, 2.0)) == pytest.approx(expected, abs=1e-6)


def test_dice_of_a_picture_without_text_falls_as_false_alarms_fall() -> None:
    text, counted = torch.zeros(1, 4, 4, dtype=torch.bool), torch.ones(1, 4, 4, dtype=torch.bool)
    assert float(dice_loss(torch.full((1, 4, 4), -20.0), text, counted)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(torch.full((1, 4, 4), 0.0), text, counted)) == pytest.approx(1 - 1 / 9)


def test_weights_of_cells_by_hand() -> None:
    owner = torch.tensor([[[0, 0, 0, 0, -1, 1, 2, 2, 2]]])
    # A word of four cells, of one, and of three: 4 x 4 ** -0.5, 1 and 3 x 3 ** -0.5 in all, scaled to a mean of 1.
    raw = [0.5] * 4 + [0.0, 1.0] + [3**-0.5] * 3
    expected = [value * 8 / sum(raw) for value in raw]
    assert cell_weights(owner, 0.5)[0, 0].tolist() == pytest.approx(expected, abs=1e-5)
    assert cell_weights(owner, 0.0)[0, 0].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]
    assert not cell_weights(torch.full((1, 2, 2), -1), 0.5).any()


def test_text_cells_may_weigh_differently_in_the_score_loss() -> None:
    probabilities, text = torch.tensor([[[0.7, 0.4, 0.2]]]), torch.tensor([[[True, True, False]]])
    weights = torch.tensor([[[1.5, 0.5, 9.0]]])  # that of the background does not count
    loss = score_loss(torch.logit(probabilities), text, torch.ones_like(text), 1.0, weights)
    assert float(loss) == pytest.approx(-(1.5 * math.log(0.7) + 0.5 * math.log(0.4) + math.log(0.8)) / 3, abs=1e-6)


def test_the_score_loss_counts_text_and_the_hardest_background() -> None:
    probabilities = torch.tensor([[0.7, 0.1, 0.6, 0.2, 0.9, 0.95, 0.3]])
    text = torch.tensor([[True, False, False, False, False, False, False]])
    counted = torch.tensor([[True, True, True, True, True, False, True]])  # 0.95 lies in an ignored word
    logits = torch.logit(probabilities)
    expected = -(math.log(0.7) + math.log(1 - 0.9) + math.log(1 - 0.6)) / 3
    assert float(score_loss(logits[None], text[None], counted[None], 2.0)) == pytest.approx(expected, abs=1e-5)


def test_only_the_hardest_background_learns() -> None:
    logits = torch.tensor([[[1.0, -1.0, 2.0, 0.5, -2.0]]], requires_grad=True)
    text = torch.tensor([[[True, False, False, False, False]]])
    (gradient,) = torch.autograd.grad(score_loss(logits, text, torch.ones_like(text), 2.0), logits)
    assert (gradient[0, 0] != 0).tolist() == [True, False, True, True, False]


def test_a_batch_without_text_still_learns_from_a_hundredth_of_the_background() -> None:
    logits = torch.linspace(-4, 4, 400).reshape(1, 20, 20)
    nothing = torch.zeros(1, 20, 20, dtype=torch.bool)
    found = score_loss(logits, nothing, torch.ones_like(nothing), 3.0)
    hardest = torch.linspace(-4, 4, 400)[-4:]
    assert float(found) == pytest.approx(float(hardest.exp().log1p().mean()), abs=1e-5)


def test_nothing_to_count_costs_nothing() -> None:
    nothing = torch.zeros(1, 2, 2, dtype=torch.bool)
    logits = torch.randn(1, 2, 2, requires_grad=True)
    loss = score_loss(logits, nothing, nothing, 3.0)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0


def test_words_of_full_pictures_weigh_less() -> None:
    index = torch.tensor([0, 2, 2, 2, 2])
    assert word_weights(index, 0.5).tolist() == [1, 0.5, 0.5, 0.5, 0.5]
    assert word_weights(index, 0.0).tolist() == [1] * 5


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
    return collate(samples, Charset())


def true_maps(batch: Batch) -> DetectionMaps:
    """What a perfect detector would say, worked out in numpy from each cell's corners."""
    images, rows, columns = batch.owner.shape
    distances = torch.full((images, 4, rows, columns), 7.0)
    direction = torch.full((images, 3, rows, columns), 0.3)
    for image, row, column in (batch.owner >= 0).nonzero().tolist():
        cx, cy, w, h, theta, slant = batch.boxes[batch.owner[image, row, column]].tolist()
        dx, dy = float(CELLS.x[row, column]) - cx, float(CELLS.y[row, column]) - cy
        down = dy * math.cos(theta) - dx * math.sin(theta)
        along = dx * math.cos(theta) + dy * math.sin(theta) - slant * down
        told = [h / 2 + down, w / 2 - along, h / 2 - down, w / 2 + along]
        distances[image, :, row, column] = torch.tensor(told) / CELLS.scale[row, column]
        direction[image, :, row, column] = torch.tensor([math.cos(theta), math.sin(theta), slant])
    return DetectionMaps(torch.zeros(images, 1, rows, columns), distances, direction, CELLS)


@pytest.mark.parametrize("theta", [0.0, math.pi / 2, math.pi - 1e-3, -math.pi / 2, 0.6, -2.2])
def test_the_truth_costs_nothing_in_any_direction(theta: float) -> None:
    batch = batch_of([(32, 30, 40, 16, theta, False)])
    assert batch.text.sum() >= 4
    for loss in geometry_losses(true_maps(batch), batch, 0.6):
        assert float(loss) == pytest.approx(0, abs=1e-4)


def test_the_truth_of_a_leaning_word_costs_nothing() -> None:
    """A quadrilateral 40 along whose lower side is 8 further right: it leans by 8 / 16."""
    quad = np.array([[[8, 22], [48, 22], [56, 38], [16, 38]]], np.float32)
    batch = collate([Sample(np.zeros((64, 64, 3), np.uint8), quad, ["a"], np.zeros(1, bool))], Charset())
    torch.testing.assert_close(batch.boxes, torch.tensor([[32.0, 30, 40, 16, 0, 0.5]]))
    truth = true_maps(batch)
    for loss in geometry_losses(truth, batch, 0.6):
        assert float(loss) == pytest.approx(0, abs=1e-4)
    upright = truth.direction.clone()
    upright[:, 2] = 0
    _, _, direction = geometry_losses(replace(truth, direction=upright), batch, 0.6)
    assert float(direction) == pytest.approx(0.5 - 0.1, abs=1e-5)  # smooth L1 of 0.5 with beta 0.2


def test_a_wrong_box_by_hand() -> None:
    batch = batch_of([(32, 32, 40, 16, 0, False)])
    truth = true_maps(batch)
    doubled = replace(truth, distances=2 * truth.distances)
    box, _, _ = geometry_losses(doubled, batch, 0.6)
    assert float(box) == pytest.approx(
        -math.log((640 + 1) / (4 * 640 + 1)), abs=1e-5
    )  # the area is four times as large


def test_a_wrong_end_by_hand() -> None:
    batch = batch_of([(32, 32, 40, 16, 0, False)])
    maps = true_maps(batch)
    maps.distances[:, 1] += 8  # the right end, by half the height
    _, ends, _ = geometry_losses(maps, batch, 0.6)
    # Smooth L1 of 0.5 with beta 0.2 is 0.4, times 1 - 2 d / w for cells nearer than half: core centres x 18, 22 ... 46
    # lie 34, 30 ... 6 from the right end at 52.
    nearness = [max(0.0, 1 - 2 * distance / 40) for distance in range(6, 35, 4)]
    assert float(ends) == pytest.approx(0.4 * sum(nearness) / 8, abs=1e-5)


def test_the_opposite_direction_by_hand() -> None:
    batch = batch_of([(32, 32, 40, 16, 0, False)])
    truth = true_maps(batch)
    _, _, direction = geometry_losses(replace(truth, direction=-truth.direction), batch, 0.6)
    assert float(direction) == pytest.approx(1.9, abs=1e-5)  # smooth L1 of 2 with beta 0.2
    _, _, longer = geometry_losses(replace(truth, direction=3 * truth.direction), batch, 0.6)
    assert float(longer) == pytest.approx(1.9, abs=1e-5)  # the norm is told too


def test_a_word_counts_the_same_whatever_its_size() -> None:
    batch = batch_of([(32, 12, 56, 20, 0, False), (20, 48, 20, 8, 0, False)])
    maps = true_maps(batch)
    shares = []
    for word in (0, 1):
        wrong = maps.direction.clone()
        of_word = (batch.owner == word)[:, None].expand_as(wrong)
        wrong[of_word] = -wrong[of_word]
        shares.append(float(geometry_losses(replace(maps, direction=wrong), batch, 0.6)[2]))
    assert (batch.owner == 0).sum() > 2 * (batch.owner == 1).sum()
    assert shares == pytest.approx([0.95, 0.95], abs=1e-5)


def test_ignored_words_and_background_have_no_geometry() -> None:
    batch = batch_of([(32, 12, 56, 20, 0, True), (20, 48, 20, 8, 0, False)])
    maps = true_maps(batch)
    distances = maps.distances.clone().requires_grad_()
    losses = geometry_losses(replace(maps, distances=distances * 1.5), batch, 0.6)
    (gradient,) = torch.autograd.grad(losses[0] + losses[1], distances)
    assert torch.equal(gradient.abs().sum(1) > 0, batch.owner >= 0)


def test_no_words_cost_nothing_and_can_be_learnt_from() -> None:
    batch = batch_of([])
    distances = torch.ones(1, 4, 28, 16, requires_grad=True)
    maps = DetectionMaps(torch.zeros(1, 1, 28, 16), distances, torch.zeros(1, 3, 28, 16), CELLS)
    losses = geometry_losses(maps, batch, 0.6)
    torch.autograd.backward(torch.stack(losses).sum())
    assert [float(loss.detach()) for loss in losses] == [0, 0, 0]


def alignments(logits: Tensor, target: list[int]) -> float:
    """Probability of a target as the sum over every path of [T, classes] that collapses to it."""
    probability = logits.softmax(-1).double()
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        if [c for c, _ in itertools.groupby(path) if c] == target:
            total += math.prod(float(probability[t, c]) for t, c in enumerate(path))
    return total


@pytest.mark.parametrize("target", [[1], [2, 1], [1, 1], [3, 1, 2], [1, 2, 1]])
def test_reading_costs_the_log_of_all_alignments_per_character(target: list[int]) -> None:
    logits = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(len(target)))
    expected = -math.log(alignments(logits[0], target)) / len(target)
    assert float(recognition_loss(logits, torch.tensor([5]), [target])) == pytest.approx(expected, abs=1e-4)


def test_words_are_summed_each_over_its_own_columns() -> None:
    logits = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(9))
    expected = -math.log(alignments(logits[0], [1, 2])) / 2 - math.log(alignments(logits[1, :3], [3]))
    found = recognition_loss(logits, torch.tensor([5, 3]), [[1, 2], [3]])
    assert float(found) == pytest.approx(expected, abs=1e-4)


def test_a_word_that_its_columns_cannot_say_teaches_nothing() -> None:
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(4)).requires_grad_()
    loss = recognition_loss(logits, torch.tensor([3, 3]), [[1, 1, 2], [1, 2]])  # two equal ones need a blank between
    (gradient,) = torch.autograd.grad(loss, logits)
    assert float(loss.detach()) == pytest.approx(-math.log(alignments(logits[1].detach(), [1, 2])) / 2, abs=1e-4)
    assert gradient.isfinite().all()
    assert not gradient[0].any()


def test_spelling_costs_the_mean_over_characters_and_the_end() -> None:
    probabilities = torch.tensor(
        [[[0.1, 0.6, 0.3], [0.2, 0.3, 0.5], [0.7, 0.2, 0.1]], [[0.3, 0.3, 0.4], [0.8, 0.1, 0.1], [0.01, 0.9, 0.09]]]
    )
    targets = torch.tensor([[1, 2], [2, 0]])  # what is told after the second word's end is not asked
    expected = -(math.log(0.6) + math.log(0.5) + math.log(0.7)) / 3 - (math.log(0.4) + math.log(0.8)) / 2
    assert float(attention_loss(probabilities.log(), targets)) == pytest.approx(expected, abs=1e-5)
