from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import outlines, parted, straight_parts
from spotter.families.abcnet.losses import curve_losses
from spotter.families.abcnet.maps import CurveMaps
from spotter.families.abcnet.targets import CurveTruth, curve_truth
from tests.families.abcnet.shapes import arc, empty_maps, say, straight

WORDS = torch.cat((straight(20, 20, 100, 40), arc(40, 60, -90, 50, (64, 110))))
RING = arc(60, 80, -90, 150, (100, 100))


def truth_of(words: Tensor, ignore: list[bool] | None = None, rows: int = 32, columns: int = 32) -> CurveTruth:
    index = torch.zeros(len(words), dtype=torch.int64)
    hidden = torch.tensor(ignore or [False] * len(words), dtype=torch.bool)
    truth = curve_truth(outlines(words), index, hidden, (1, rows, columns))
    return replace(truth, shapes=words)  # exactly, not as they are fitted again


def true_maps(truth: CurveTruth) -> CurveMaps:
    maps = empty_maps(*truth.owner.shape)
    for image, row, column in (truth.owner >= 0).nonzero().tolist():
        say(maps, (image, row, column), 0.9, truth.shapes[truth.owner[image, row, column]][None])
    return replace(maps, direction=maps.direction / 2.5)


def losses_of(maps: CurveMaps, truth: CurveTruth) -> tuple[Tensor, Tensor, Tensor]:
    return curve_losses(maps, truth, torch.ones(len(truth.shapes)))


def test_the_truth_costs_nothing() -> None:
    truth = truth_of(WORDS)
    assert set(truth.owner[truth.owner >= 0].tolist()) == {0, 1}
    for loss in losses_of(true_maps(truth), truth):
        assert float(loss) == pytest.approx(0, abs=1e-4)


def test_a_point_predicts_only_what_turns_little_from_it() -> None:
    """Of 150 degrees a point in the middle predicts 52 to either side: what lies beyond may be predicted otherwise, and
    costs nothing at its own end either."""
    truth = truth_of(RING, rows=48, columns=52)
    maps = empty_maps(*truth.owner.shape)
    core = (truth.owner >= 0).nonzero()
    place = truth.place[truth.owner >= 0]
    start, end = straight_parts(RING, torch.zeros(len(core), dtype=torch.int64), place, 0.9)
    for at, first, last in zip(core.tolist(), start - 0.5, end - 0.5, strict=True):
        say(maps, (at[0], at[1], at[2]), 0.9, parted(RING, first[None], last[None]))
    maps = replace(maps, direction=maps.direction / 2.5)
    for loss in losses_of(maps, truth):
        assert float(loss) < 5e-3
    whole = true_maps(truth)
    assert float(losses_of(whole, truth)[0]) > 0.1


def test_a_word_predicted_too_low_by_hand() -> None:
    """80 x 20 and 10 lower: half a height. Of a point `away` pixels from its anchor point that is
    10 / (20 + away / 10), of which smooth L1 of beta 0.05 takes off 0.025, and of the corners 0.5, of which smooth
    L1 of beta 0.2 makes 0.4."""
    truth = truth_of(straight(20, 20, 100, 40))
    lower = replace(truth, shapes=straight(20, 30, 100, 50))
    points, ends, direction = losses_of(true_maps(lower), truth)
    _, row, column = (truth.owner >= 0).nonzero().unbind(1)
    anchors = torch.stack((4.0 * column + 2, 4.0 * row + 2), 1)
    upper = torch.stack((torch.linspace(20, 100, 8), torch.full((8,), 20.0)), 1)
    wanted = torch.cat((upper, upper + torch.tensor([0, 20.0])))
    away = (wanted[None] - anchors[:, None]).norm(dim=-1)
    off = 10 / (20 + 0.1 * away)
    assert float(points) == pytest.approx(float((off - 0.025).mean()), abs=1e-4)
    nearness = (1 - 2 * (anchors[:, 0] - 20) / 80).abs()
    assert float(ends) == pytest.approx(0.4 * float(nearness.mean()), abs=1e-4)
    assert float(direction) == pytest.approx(0, abs=1e-5)


def test_an_end_counts_for_the_anchor_points_next_to_it() -> None:
    """The right end is predicted 20 pixels, a height, too far to the right: smooth L1 of 1 is 0.9."""
    truth = truth_of(straight(20, 20, 100, 40))
    _, ends, _ = losses_of(true_maps(replace(truth, shapes=straight(20, 20, 120, 40))), truth)
    place = truth.place[truth.owner >= 0]
    assert float(ends) == pytest.approx(0.9 * float((2 * place - 1).clamp(min=0).mean()), abs=1e-4)


def test_the_opposite_direction_by_hand() -> None:
    truth = truth_of(WORDS)
    maps = true_maps(truth)
    _, _, direction = losses_of(replace(maps, direction=-maps.direction), truth)
    assert float(direction) == pytest.approx(1.9, abs=0.1)  # smooth L1 of 2 with beta 0.2, along one axis


def test_a_word_counts_the_same_whatever_its_size() -> None:
    truth = truth_of(torch.cat((straight(8, 20, 120, 40), straight(20, 80, 44, 90))))
    maps = true_maps(truth)
    shares = []
    for word in (0, 1):
        wrong = maps.direction.clone()
        of_word = (truth.owner == word)[:, None].expand_as(wrong)
        wrong[of_word] = -wrong[of_word]
        shares.append(float(losses_of(replace(maps, direction=wrong), truth)[2]))
    assert shares == pytest.approx([0.95, 0.95], abs=1e-3)


def test_ignored_words_and_background_teach_nothing() -> None:
    truth = truth_of(WORDS, [True, False])
    maps = true_maps(truth)
    bend = maps.bend.clone().requires_grad_()
    losses = losses_of(replace(maps, bend=bend + 0.1), truth)
    (gradient,) = torch.autograd.grad(losses[0] + losses[1], bend)
    assert torch.equal(gradient.abs().sum(1) > 0, truth.owner >= 0)


def test_no_words_cost_nothing_and_can_be_learnt_from() -> None:
    truth = truth_of(WORDS[:0])
    bend = torch.zeros(1, 16, 32, 32, requires_grad=True)
    losses = losses_of(replace(empty_maps(1, 32, 32), bend=bend), truth)
    torch.autograd.backward(torch.stack(losses).sum())
    assert [float(loss.detach()) for loss in losses] == [0, 0, 0]
