import itertools
import math

import pytest
import torch
from torch import Tensor

from spotter.training.losses import (
    anchor_weights,
    attention_loss,
    dice_loss,
    focal_loss,
    recognition_loss,
    score_loss,
    word_weights,
)


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_dice_by_hand() -> None:
    logits = torch.tensor([[[logit(0.8), logit(0.4)], [logit(0.2), logit(0.9)]]])
    text = torch.tensor([[[True, True], [False, False]]])
    counted = torch.tensor([[[True, True], [True, False]]])
    # 1 - (2 x (0.8 + 0.4) + 1) / ((0.8 + 0.4 + 0.2) + 2 + 1); the last point is not counted
    assert float(dice_loss(logits, text, counted)) == pytest.approx(1 - 3.4 / 4.4, abs=1e-6)


def test_focal_by_hand() -> None:
    logits = torch.tensor([[[logit(0.8), logit(0.5)], [logit(0.1), logit(0.9)]]])
    text = torch.tensor([[[True, True], [False, False]]])
    counted = torch.tensor([[[True, True], [True, False]]])
    right = (0.8, 0.5, 0.9)  # probabilities of what is true; the last point is not counted; there are two text points
    expected = sum(-((1 - p) ** 2) * math.log(p) for p in right) / 2 / 2
    assert float(focal_loss(logits, text, counted, 2.0)) == pytest.approx(expected, abs=1e-6)


def test_dice_of_a_picture_without_text_falls_as_false_alarms_fall() -> None:
    text, counted = torch.zeros(1, 4, 4, dtype=torch.bool), torch.ones(1, 4, 4, dtype=torch.bool)
    assert float(dice_loss(torch.full((1, 4, 4), -20.0), text, counted)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(torch.full((1, 4, 4), 0.0), text, counted)) == pytest.approx(1 - 1 / 9)


def test_weights_of_points_by_hand() -> None:
    owner = torch.tensor([[[0, 0, 0, 0, -1, 1, 2, 2, 2]]])
    # A word of four points, of one, and of three: 4 x 4 ** -0.5, 1 and 3 x 3 ** -0.5 in all, scaled to a mean of 1.
    raw = [0.5] * 4 + [0.0, 1.0] + [3**-0.5] * 3
    expected = [value * 8 / sum(raw) for value in raw]
    assert anchor_weights(owner, 0.5)[0, 0].tolist() == pytest.approx(expected, abs=1e-5)
    assert anchor_weights(owner, 0.0)[0, 0].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]
    assert not anchor_weights(torch.full((1, 2, 2), -1), 0.5).any()


def test_text_points_may_weigh_differently_in_the_score_loss() -> None:
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
    targets = torch.tensor([[1, 2], [2, 0]])  # predictions after the second word's end do not count
    expected = -(math.log(0.6) + math.log(0.5) + math.log(0.7)) / 3 - (math.log(0.4) + math.log(0.8)) / 2
    assert float(attention_loss(probabilities.log(), targets)) == pytest.approx(expected, abs=1e-5)
