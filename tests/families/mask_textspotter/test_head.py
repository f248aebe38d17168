from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from spotter.families import symbolic
from spotter.families.abcnet.bezier import edges as curve_edges
from spotter.families.abcnet.config import CurveConfig
from spotter.families.abcnet.head import CurveHead
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.outlines import edges
from spotter.model.anchors import plain_anchors
from spotter.model.regions import sample_regions
from spotter.model.roles import matches
from tests.families.abcnet.shapes import say, straight
from tests.families.mask_textspotter.shapes import bias

CONFIG = MaskConfig(channels=8, mask=8, reader=8, longest=3)
CPU = torch.device("cpu")


def head(config: MaskConfig = CONFIG) -> MaskHead:
    torch.manual_seed(0)
    return MaskHead(6, config, 5).eval()


def silent_maps(made: MaskHead, rows: int, columns: int) -> MaskMaps:
    """Maps of random features that say: no text anywhere."""
    with torch.no_grad():
        maps: MaskMaps = made(torch.randn(1, 6, rows, columns), plain_anchors(rows, columns, CPU))
    maps.score[:] = -9
    maps.direction[:, 0], maps.direction[:, 1:] = 1, 0
    return maps


def test_with_the_weights_of_abcnet_it_finds_the_words_of_abcnet() -> None:
    torch.manual_seed(0)
    other = CurveHead(6, CurveConfig(channels=8)).eval()
    with torch.no_grad():
        bias(other.out)[0] = 0
        other.out.weight[0] *= 4
        other.curve.weight.normal_(0, 0.03)
    mine = head()
    found = mine.load_state_dict(other.state_dict(), strict=False)
    assert not found.unexpected_keys
    assert all(name.startswith(("mask.", "reader.")) for name in found.missing_keys)
    features, anchors, sizes = torch.randn(1, 6, 24, 40), plain_anchors(24, 40, CPU), torch.tensor([[96, 160]])
    with torch.no_grad():
        words = mine.regions(mine(features, anchors), sizes)
        its = other.regions(other(features, anchors), sizes)
    assert len(words.shapes) > 3
    torch.testing.assert_close(words.scores, its.scores)
    ends = curve_edges(its.shapes, torch.tensor([0.0, 1.0]))
    away = (edges(words.shapes)[:, :, [0, -1]] - ends).norm(dim=-1)
    assert away.mean().item() < 0.5


def test_a_mask_moves_a_words_outline() -> None:
    """A branch that adds 1.6 nats everywhere finds words larger by a fifth of their height on every side, as far as the
    patch reaches."""
    made = head()
    with torch.no_grad():
        bias(made.mask.out).fill_(1.6)
    maps = silent_maps(made, 24, 40)
    say(maps, (0, 10, 20), 0.9, straight(40, 33, 120, 53))
    with torch.no_grad():
        found = made.regions(maps, torch.tensor([[96, 160]]))
    corners = edges(found.shapes)[0, :, [0, -1]].reshape(4, 2)
    wanted = torch.tensor([[36.0, 29], [124, 29], [36, 57], [124, 57]])
    torch.testing.assert_close(corners, wanted, atol=0.3, rtol=0)


def test_only_ctc_reads_as_the_other_families_do() -> None:
    assert not head().reads
    assert head(replace(CONFIG, reading="fused")).reads


def test_no_words_are_an_ordinary_answer() -> None:
    made = head()
    with torch.no_grad():
        found = made.regions(silent_maps(made, 8, 8), torch.tensor([[32, 32]]))
    assert found.shapes.shape == (0, 32)
    assert found.scores.shape == found.image_index.shape == (0,)


def test_only_the_heads_copy_in_a_graph_emits_operators() -> None:
    made = head()
    written = made.symbolic()
    assert isinstance(written, MaskHead)
    assert written.mask.sample is written.reader.sample is symbolic.sample_regions
    assert made.mask.sample is made.reader.sample is sample_regions
    assert written.state_dict().keys() == made.state_dict().keys()


def test_what_measures_stays_in_float() -> None:
    roles = MaskHead.roles
    kept = {name for name in head().state_dict() if name.endswith("weight") and matches(name, roles.exact)}
    assert kept == {"out.weight", "curve.weight", "mask.out.weight", "reader.middles.weight"}
    assert roles.last == ("out.*", "curve.*")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reading": "aloud"}, "reading must be one of ctc, masks, attention, fused"),
        ({"longest": 0}, "longest"),
        ({"mask": 0}, "mask"),
        ({"suppression": 0.7}, "suppression < merging"),
    ],
)
def test_impossible_settings_are_refused(change: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(CONFIG, **change)
