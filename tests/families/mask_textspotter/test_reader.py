import pytest
import torch

from spotter.families.mask_textspotter.outlines import of_polygons
from spotter.families.mask_textspotter.reader import CharacterReader
from spotter.families.mask_textspotter.regions import OutlineSampler
from spotter.model.anchors import plain_anchors
from spotter.model.regions import PatchSize
from tests.families.mask_textspotter.shapes import arch, bias, loud, quad, straight

CPU = torch.device("cpu")


def reader(longest: int = 4) -> CharacterReader:
    torch.manual_seed(0)
    made = CharacterReader(4, 8, 9, longest).eval()
    loud(made.decoder)
    with torch.no_grad():
        made.middles.weight *= 8
        bias(made.middles).add_(2)
        made.decoder.classify.bias[0] -= 9  # no word ends at once
    return made


@pytest.mark.parametrize("reading", ["masks", "attention", "fused"])
def test_what_lies_outside_a_words_outline_has_no_say(reading: str) -> None:
    """Under an arch, where its box is, the features are others."""
    torch.manual_seed(1)
    outline = of_polygons(arch(60, 84, 90, (100, 110)))
    features, anchors = torch.randn(1, 4, 32, 50), plain_anchors(32, 50, CPU)
    away = (torch.stack((anchors.x - 100, anchors.y - 110)).norm(dim=0) - 72).abs()
    outside, within = (features + torch.randn_like(features) * mask for mask in (away > 12 + 8, away < 6))
    read = reader()
    with torch.no_grad():
        plain, other, changed = (
            read.read(read(each, anchors, outline, torch.tensor([0])), reading) for each in (features, outside, within)
        )
    torch.testing.assert_close(other.logits, plain.logits)
    assert float((changed.logits - plain.logits).abs().max()) > 0.05
    assert bool((plain.stretch == 1).all())


@pytest.mark.parametrize("reading", ["masks", "attention", "fused"])
def test_a_word_reads_alike_beside_longer_ones(reading: str) -> None:
    torch.manual_seed(2)
    short, long = straight(10, 10, 40, 26), straight(20, 60, 190, 76)
    features, anchors = torch.randn(2, 4, 32, 50), plain_anchors(32, 50, CPU)
    read = reader()
    with torch.no_grad():
        alone = read.read(read(features, anchors, short, torch.tensor([1])), reading)
        beside = read.read(read(features, anchors, torch.cat((long, short)), torch.tensor([0, 1])), reading)
    width = int(alone.widths)
    assert width == 23  # 12 columns to a height: 12 * 30 / 16 = 22.5
    assert beside.widths.tolist() == [128, 23]
    torch.testing.assert_close(beside.logits[1:, :width], alone.logits[:, :width], atol=1e-4, rtol=1e-4)
    assert not beside.logits[1, width:].argmax(1).any()


def test_patches_of_the_shared_maps() -> None:
    """A map that says where its places are, in its own pixels: the patch's places are those of the word."""
    anchors = plain_anchors(32, 50, CPU)
    shared = torch.stack((anchors.x, anchors.y))[None]
    fine = torch.nn.functional.interpolate(shared, scale_factor=2.0, mode="bilinear")
    polygons = torch.cat((quad(20, 40, 84, 56), quad(120, 100, 120 + 32, 116)))
    patches = OutlineSampler(PatchSize(8, 4, 40))(fine, shared, anchors, of_polygons(polygons), torch.tensor([0, 0]))
    assert patches.widths.tolist() == [32, 16]
    assert patches.coarse.shape == (2, 2, 8, 32)
    assert patches.fine.shape == (2, 2, 16, 64)
    torch.testing.assert_close(patches.coarse[0, 0, 3], 20 + (torch.arange(32) + 0.5) * 2, atol=1e-3, rtol=0)
    torch.testing.assert_close(patches.fine[1, 1, :, 5], 100 + torch.arange(16) + 0.5, atol=1e-3, rtol=0)
    assert not patches.coarse[1, :, :, 16:].any()
