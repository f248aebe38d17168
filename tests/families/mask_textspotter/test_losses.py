from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spotter.families.abcnet.family import ABCNet
from spotter.families.interface import Texts
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.family import MaskTextSpotter
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.losses import (
    alignment_losses,
    character_losses,
    map_loss,
    sequence_losses,
    some,
)
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.reader import CharacterMaps
from spotter.families.mask_textspotter.targets import MaskTruth
from spotter.model.anchors import plain_anchors
from tests.families.mask_textspotter.shapes import arch, quad, straight

FAMILY = MaskTextSpotter()


def test_the_loss_of_a_map_counts_what_it_is_told_to() -> None:
    """By NumPy; the last place does not count."""
    logits = np.array([[0.5, -1.0, 2.0, 7.0]])
    truth, counted = np.array([[1.0, 0, 1, 0]]), np.array([[1.0, 1, 1, 0]])
    p = 1 / (1 + np.exp(-logits))
    entropy = -(truth * np.log(p) + (1 - truth) * np.log(1 - p))[0, :3].mean()
    dice = 1 - (2 * (p[0, 0] + p[0, 2]) + 1) / (p[0, :3].sum() + 2 + 1)
    found = map_loss(*(torch.from_numpy(value)[:, None] for value in (logits, truth > 0, counted > 0)))
    assert found.tolist() == pytest.approx([entropy + dice], abs=1e-6)


def test_of_many_words_some_are_taken_evenly() -> None:
    chosen = torch.ones(101, dtype=torch.bool)
    chosen[0] = False
    assert some(chosen, 4).tolist() == [1, 34, 67, 100]
    assert some(~chosen, 4).tolist() == [0]
    assert some(torch.zeros(5, dtype=torch.bool), 4).tolist() == []


def test_the_sequences_loss_counts_each_character_and_the_end() -> None:
    """Two words of two letters and of one: three terms, and two."""
    torch.manual_seed(0)
    logits, spelt = torch.randn(2, 3, 5), torch.tensor([[2, 4], [3, 0]])
    log = logits.log_softmax(2)
    wanted = [-(log[0, 0, 2] + log[0, 1, 4] + log[0, 2, 0]) / 3, -(log[1, 0, 3] + log[1, 1, 0]) / 2]
    torch.testing.assert_close(sequence_losses(logits, spelt), torch.stack(wanted))


def make_truth(located: bool = True) -> MaskTruth:
    """Two words, "ab" of 2 x 24 pixels and "c", and one that is ignored."""
    polygons = torch.cat((quad(8, 8, 56, 32), quad(8, 40, 32, 56), quad(40, 40, 60, 56)))
    truth = FAMILY.truth(polygons, torch.tensor([0, 0, 0]), torch.tensor([False, False, True]), (1, 16, 16))
    characters = torch.stack((quad(8, 8, 32, 32), quad(32, 8, 56, 32)), 1)
    characters = torch.cat((characters, characters * 0, characters * 0))
    characters[1, 0] = quad(8, 40, 32, 56)[0]
    known = torch.tensor([located, located, False])
    return FAMILY.with_texts(truth, Texts(torch.tensor([[1, 2], [3, 0], [0, 0]]), characters, known))


def test_the_character_maps_loss_by_hand() -> None:
    """Of "ab": 24 columns and 8 rows on 48 x 24 pixels, so a middle is 6 columns wide and 4 rows high. Its classes'
    loss is the mean over the 12 columns of both."""
    torch.manual_seed(0)
    middles, logits = torch.randn(1, 8, 26), torch.randn(1, 26, 5)
    read = CharacterMaps(middles, torch.zeros(1, 26, 1), torch.zeros(1, 1, 8, 26), torch.tensor([24]))
    found = character_losses(read, logits, straight(8, 8, 56, 32), make_truth(), torch.tensor([0]))
    wanted = torch.zeros(1, 8, 26, dtype=torch.bool)
    wanted[:, 2:6, 3:9] = wanted[:, 2:6, 15:21] = True
    counted = torch.zeros_like(wanted)
    counted[..., :24] = True
    log = logits[0, :, 1:].log_softmax(1)
    classes = -(log[3:9, 0].sum() + log[15:21, 1].sum()) / 12
    torch.testing.assert_close(found, map_loss(middles, wanted, counted) + classes)


def test_how_far_the_decoder_looks_from_its_characters() -> None:
    """Of "ab" the middles lie at a quarter and three quarters of 24 columns, between two columns each: the first one is
    meant. Of "c", whose place is not known, nothing is."""
    columns = torch.tensor([[5.0, 18.2, 9.0], [3.0, 0, 0]])
    words, outlines = torch.tensor([0, 1]), torch.cat((straight(8, 8, 56, 32), straight(8, 40, 32, 56)))
    truth = make_truth()
    truth = replace(truth, located=torch.tensor([True, False, False]))
    found = alignment_losses(columns, torch.tensor([24, 18]), outlines, truth, words)
    first, second = 0 / 12, 1.2 / 12  # from 5 and 17, in heights; quadratic below 0.2
    assert found.tolist() == pytest.approx([(first**2 + second**2) / 0.4 / 2, 0], abs=1e-5)


def make_maps(seed: int = 0) -> MaskMaps:
    torch.manual_seed(seed)
    head = MaskHead(6, MaskConfig(channels=8, mask=8, reader=8, longest=4), 5)
    maps: MaskMaps = head(torch.randn(1, 6, 16, 16), plain_anchors(16, 16, torch.device("cpu")))
    return maps


def losses(maps: MaskMaps, truth: MaskTruth, weights: Tensor | None = None) -> dict[str, Tensor]:
    return FAMILY.losses(maps, truth, torch.ones(3) if weights is None else weights)


def test_proposals_are_learnt_as_abcnet_learns_its_regions() -> None:
    maps, truth, weights = make_maps(), make_truth(), torch.tensor([1.0, 2, 1])
    found, wanted = losses(maps, truth, weights), ABCNet().losses(maps, truth.proposals, weights)
    assert list(wanted) == ["points", "ends", "direction"]
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)


def test_a_word_around_a_ring_teaches_its_mask_as_much_as_a_straight_one() -> None:
    polygons = torch.cat((arch(8, 20, 280, (30, 30)), arch(300, 312, 5, (44, 352))))
    truth = FAMILY.truth(polygons, torch.tensor([0, 0]), torch.tensor([False, False]), (1, 16, 16))
    maps = make_maps()
    both, *each = (losses(maps, truth, weights)["mask"] for weights in (torch.ones(2), *torch.eye(2)))
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)


def test_every_part_teaches_its_branch_and_the_features() -> None:
    maps, truth = make_maps(), make_truth()
    features = maps.features.requires_grad_()
    found = losses(maps, truth)
    assert list(found) == list(FAMILY.parts)
    branches = {
        "mask": maps.mask.out.weight,
        "characters": maps.reader.middles.weight,
        "sequence": maps.reader.decoder.query.bias,
    }
    for name, weight in branches.items():
        (gradient,) = torch.autograd.grad(found[name], weight, retain_graph=True)
        assert float(gradient.abs().max()) > 0, name
    for name in ("characters", "sequence"):
        (gradient,) = torch.autograd.grad(found[name], features, retain_graph=True)
        assert float(gradient.abs().max()) > 0, name


def test_the_same_words_give_the_same_losses_twice() -> None:
    """Jitter comes from the words, so that a run that is resumed draws the same."""
    first, second = (losses(make_maps(), make_truth()) for _ in range(2))
    assert {name: value.item() for name, value in first.items()} == {name: v.item() for name, v in second.items()}


def test_only_words_whose_characters_are_known_teach_the_character_maps() -> None:
    drawn, real = (losses(make_maps(), make_truth(located)) for located in (True, False))
    assert real["characters"].item() == 0
    assert drawn["characters"].item() > 0
    assert 0 < real["sequence"].item() < drawn["sequence"].item()


def test_words_that_are_ignored_or_too_long_teach_nothing() -> None:
    truth = make_truth()
    ignored = replace(truth, counts=torch.zeros(3, dtype=torch.bool))
    found = losses(make_maps(), ignored)
    assert [found[name].item() for name in ("mask", "characters", "sequence")] == [0, 0, 0]
    long = replace(truth, classes=torch.ones(3, 5, dtype=torch.int64), characters=torch.rand(3, 5, 4, 2))
    assert losses(make_maps(), long)["sequence"].item() == 0


def test_a_word_counts_by_its_weight() -> None:
    maps, truth = make_maps(), make_truth()
    first, second, both = (losses(maps, truth, torch.tensor(w)) for w in ([1.0, 0, 0], [0, 1.0, 0], [1.0, 3, 0]))
    for name in ("mask", "characters", "sequence"):
        torch.testing.assert_close(both[name], (first[name] + 3 * second[name]) / 4, atol=1e-4, rtol=1e-4)


def test_without_words_all_losses_are_zero() -> None:
    truth = FAMILY.truth(
        torch.zeros(0, 4, 2), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool), (1, 16, 16)
    )
    found = FAMILY.losses(make_maps(), truth, torch.zeros(0))
    assert [value.item() for value in found.values()] == [0] * 6
    total = torch.stack(list(found.values())).sum()
    assert F.relu(total).requires_grad
