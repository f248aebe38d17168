import pytest
import torch

from spotter.families.abcnet.bezier import fitted
from spotter.families.abcnet.family import ABCNet
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.fots.family import FOTS
from spotter.families.interface import Texts
from spotter.families.mask_textspotter.family import MaskTextSpotter
from spotter.families.mask_textspotter.mask import COLUMNS, ROWS
from spotter.families.mask_textspotter.outlines import of_polygons
from spotter.families.mask_textspotter.targets import character_targets, mask_targets, middles_of
from tests.families.mask_textspotter.shapes import arch, quad, straight

NO = torch.tensor([False])
FIRST = torch.tensor([0])


def proposal(*box: float) -> torch.Tensor:
    """A slanted box as a region between curves [1, 16]."""
    return fitted(boxes_to_polygons(torch.tensor([box])))


def test_the_mask_of_a_box_in_its_own_patch_by_hand() -> None:
    """40 x 20: the patch is 52 x 30, so 6 pixels of 52 are beside the box at each end, and a sixth above and below."""
    mask = mask_targets(straight(20, 10, 60, 30), proposal(40, 20, 40, 20, 0, 0))[0]
    rows, columns = mask.any(1).nonzero().squeeze(1), mask.any(0).nonzero().squeeze(1)
    assert mask.shape == (ROWS, COLUMNS)
    assert (rows[0].item(), rows[-1].item()) == (3, 12)  # 16 / 6 = 2.7
    assert (columns[0].item(), columns[-1].item()) == (7, 56)  # 64 * 6 / 52 = 7.4, the middle of column 7 lies at 7.5
    assert int(mask.sum()) == 10 * 50


def test_a_word_read_upside_down_has_the_same_mask_turned() -> None:
    word = straight(20, 10, 60, 25)
    here = mask_targets(word, proposal(38, 22, 48, 20, 0, 0))
    turned = mask_targets(word, proposal(38, 22, 48, 20, torch.pi, 0))
    assert torch.equal(turned, here.flip(1, 2))


def test_proposals_are_taught_as_abcnets_regions() -> None:
    polygons = torch.cat((quad(10, 20, 90, 44), quad(20, 60, 60, 72)))
    arguments = (polygons, torch.tensor([0, 0]), torch.tensor([False, False]), (1, 24, 32))
    mine, its = MaskTextSpotter().truth(*arguments), ABCNet().truth(*arguments)
    assert torch.equal(mine.owner, its.owner)
    torch.testing.assert_close(mine.proposals.shapes, its.shapes, atol=1e-3, rtol=0)
    torch.testing.assert_close(mine.proposals.place, its.place, atol=1e-3, rtol=0)
    assert mine.counts.tolist() == [True, True]
    assert mine.shapes.shape == (2, 32)


def test_the_core_of_a_bent_word_follows_its_bend() -> None:
    truth = MaskTextSpotter().truth(arch(60, 84, 100, (100, 110)), FIRST, NO, (1, 32, 50))
    row, column = truth.text[0].nonzero().unbind(1)
    places = torch.stack((column * 4 + 2.0 - 100, row * 4 + 2.0 - 110), 1)
    away = places.norm(dim=1)
    assert len(away) > 40
    assert 60 < away.min().item() < away.max().item() < 84


def test_an_ignored_word_has_no_mask() -> None:
    truth = MaskTextSpotter().truth(quad(10, 20, 90, 44), FIRST, torch.tensor([True]), (1, 24, 32))
    assert truth.counts.tolist() == [False]
    assert not truth.text.any()
    assert not truth.counted[0, 8, 12]


def test_the_middle_of_a_character_by_hand() -> None:
    """12 x 20: half of both sides. 1 x 20: as wide as a tenth of its height would be, but not more than it is."""
    found = middles_of(torch.cat((quad(10, 20, 22, 40), quad(30, 20, 31, 40), quad(30, 20, 32.5, 40))))
    assert found[0].tolist() == [[13, 25], [19, 25], [19, 35], [13, 35]]
    assert found[1, :, 0].tolist() == [30, 31, 31, 30]
    torch.testing.assert_close(found[2, :, 0], torch.tensor([30.25, 32.25, 32.25, 30.25]))


def test_which_character_a_place_is_in_the_middle_of() -> None:
    """Two characters of 8 x 16 and a third number that is beyond the word's end."""
    characters = torch.stack((quad(0, 0, 8, 16), quad(8, 0, 16, 16), quad(0, 0, 16, 16)), 1)
    x, y = torch.arange(16) + 0.5, torch.arange(16) + 0.5
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
    found = character_targets(characters, torch.tensor([[5, 6, 0]]), places)
    wanted = torch.full((1, 16, 16), -1)
    wanted[:, 4:12, 2:6] = 0
    wanted[:, 4:12, 10:14] = 1
    assert torch.equal(found, wanted)


def test_words_without_characters_have_no_targets() -> None:
    places = torch.zeros(2, 3, 4, 2)
    found = character_targets(torch.zeros(2, 0, 4, 2), torch.zeros(2, 0, dtype=torch.int64), places)
    assert torch.equal(found, torch.full((2, 3, 4), -1))


@pytest.mark.parametrize("family", [MaskTextSpotter(), FOTS()])
def test_texts_join_the_truth_of_a_family_that_reads(family: MaskTextSpotter | FOTS) -> None:
    texts = Texts(torch.tensor([[3, 4]]), torch.rand(1, 2, 4, 2), torch.tensor([True]))
    truth = family.truth(quad(10, 20, 90, 44), FIRST, NO, (1, 24, 32))
    found = family.with_texts(truth, texts)  # type: ignore[arg-type]
    assert getattr(found, "classes", texts.classes) is texts.classes
    assert getattr(found, "characters", texts.characters) is texts.characters
    assert (found is truth) == isinstance(family, FOTS)


def test_outlines_of_a_batch_with_bent_words_keep_straight_ones_straight() -> None:
    """All polygons of a batch have as many points as the one with the most."""
    rectangle = torch.stack([torch.linspace(10, 94, 8), torch.full((8,), 20.0)], 1)
    below = torch.stack([torch.linspace(94, 10, 8), torch.full((8,), 44.0)], 1)
    polygons = torch.cat((torch.cat((rectangle, below))[None], arch(60, 84, 100, (100, 110))))
    truth = MaskTextSpotter().truth(polygons, torch.tensor([0, 0]), torch.tensor([False, False]), (1, 32, 50))
    torch.testing.assert_close(truth.proposals.shapes[:1], fitted(quad(10, 20, 94, 44)), atol=1e-2, rtol=0)
    torch.testing.assert_close(truth.shapes[:1], of_polygons(quad(10, 20, 94, 44)), atol=1e-3, rtol=0)
