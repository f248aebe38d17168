import numpy as np
import pytest
import torch

from spotter.families.abcnet.bezier import controls, measured
from spotter.families.abcnet.learning import (
    curves_to_read,
    jitter_curves,
    misplaced_curves,
    moved_curves,
    predicted_curves,
)
from spotter.families.interface import Misplacement
from spotter.families.misplacing import Errors
from tests.families.abcnet.shapes import arc, empty_maps, say, straight

USUAL = Misplacement(ends=0.11, sides=0.06, astray=0.12)
STRAIGHT = torch.zeros(1, 2, 2, 2)


def test_moves_by_hand() -> None:
    """80 x 20: the start half a height out, the lower edge a tenth, the end two tenths lower than the start, and the
    upper edge's second point a height to the right."""
    bend = STRAIGHT.clone()
    bend[0, 0, 0, 0] = 1.0
    ends, sides = torch.tensor([[0.5, 0]]), torch.tensor([[0, 0.1]])
    moved = controls(moved_curves(straight(20, 20, 100, 40), Errors(ends, sides, torch.tensor([0.2])), bend))[0]
    assert moved[0, :, 0].tolist() == pytest.approx([10, 60, 70, 100], abs=1e-3)
    assert moved[0, [0, 3], 1].tolist() == pytest.approx([18, 22], abs=1e-3)
    assert moved[1, [0, 3], 1].tolist() == pytest.approx([40, 44], abs=1e-3)


def test_a_word_is_never_turned_inside_out() -> None:
    moved = moved_curves(
        straight(20, 20, 26, 40), Errors(torch.tensor([[-0.4, -0.4]]), torch.zeros(1, 2), torch.zeros(1)), STRAIGHT
    )
    assert measured(moved).lengths.tolist() == pytest.approx([6])


def test_regions_jitter_by_their_height() -> None:
    words = arc(span=120).repeat(2000, 1)
    jittered = jitter_curves(words, 0.06, torch.Generator().manual_seed(0))
    lengths, heights = measured(jittered)
    off = controls(jittered)[:, 0, 0] - controls(words)[:, 0, 0]
    assert 0.05 < float(off.std()) / 20 < 0.2
    assert float(lengths.mean()) > float(measured(words).lengths[0])  # rather too large than a letter short
    assert 20 < float(heights.mean()) < 23
    torch.testing.assert_close(jitter_curves(words, 0.0, torch.Generator()), words, atol=1e-3, rtol=0)


def test_the_detectors_own_regions_are_read_where_they_are_good() -> None:
    maps = empty_maps(1, 64, 64)
    word, other, turned = arc(80, 100, -90, 90, (128, 160)), straight(20, 10, 60, 26), straight(200, 200, 240, 216)
    near = word + 1.5
    say(maps, (0, 17, 32), 0.9, near)
    say(maps, (0, 4, 10), 0.9, straight(38, 10, 78, 26))
    say(maps, (0, 52, 55), 0.9, turned.reshape(1, 2, 4, 2).flip(1, 2).flatten(1))
    words, index = torch.cat((word, other, turned)), torch.zeros(3, dtype=torch.int64)
    predicted, good = predicted_curves(maps, words, index)
    assert good.tolist() == [True, False, False]  # the second is half a word off, the third upside down
    torch.testing.assert_close(predicted[0], near[0], atol=1e-3, rtol=0)
    read = curves_to_read(maps, words, index, 0.0, 1.0, torch.Generator())
    torch.testing.assert_close(read, torch.cat((near, other, turned)), atol=1e-3, rtol=0)
    torch.testing.assert_close(
        curves_to_read(maps, words, index, 0.0, 0.0, torch.Generator()), words, atol=1e-3, rtol=0
    )


def test_misplaced_regions_stay_about_where_they_were() -> None:
    words = torch.cat((arc(span=100), straight(20, 20, 60, 40), straight(0, 0, 12, 20))).repeat(1000, 1)
    predicted = misplaced_curves(words, USUAL, np.random.default_rng(1))
    assert predicted.dtype == torch.float32
    off = (controls(predicted) - controls(words))[:, :, [0, 3]].norm(dim=-1) / 20
    assert 0.05 < float(off.mean()) < 0.25
    assert float(off.max()) < 0.8
    assert float(measured(predicted).lengths.min()) > 0.5 * 12  # a short word keeps more than half of itself
    again = misplaced_curves(words, USUAL, np.random.default_rng(1))
    assert torch.equal(predicted, again)
