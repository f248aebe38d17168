from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from spotter.families import symbolic
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.fots.config import DetectionConfig
from spotter.families.fots.head import DetectionHead
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.maps import MaskMaps
from spotter.families.mask_textspotter.outlines import to_boxes, to_polygons
from spotter.model.anchors import plain_anchors
from spotter.model.regions import sample_regions
from spotter.model.roles import matches
from tests.families.mask_textspotter.shapes import bias
from tests.model.small import say

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


def test_with_the_weights_of_fots_it_finds_the_words_of_fots() -> None:
    torch.manual_seed(0)
    other = DetectionHead(6, DetectionConfig(channels=8)).eval()
    with torch.no_grad():
        bias(other.out)[0] = 0
        other.out.weight[0] *= 4
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
    corners = to_polygons(words.shapes)[:, [0, 7, 8, 15]]
    torch.testing.assert_close(corners, boxes_to_polygons(its.shapes), atol=0.1, rtol=0)


def test_a_mask_moves_a_words_outline() -> None:
    """A branch that adds 3 nats everywhere finds words larger by 3 / 8 of their height, as far as the patch reaches."""
    made = head()
    with torch.no_grad():
        bias(made.mask.out).fill_(1.6)
    maps = silent_maps(made, 24, 40)
    say(maps, (0, 10, 20), 0.9, (9.0, 38.0, 11.0, 42.0), 0.0)  # 40 to 120, 33 to 53
    with torch.no_grad():
        found = made.regions(maps, torch.tensor([[96, 160]]))
    box = to_boxes(found.shapes)[0].tolist()
    assert box[:4] == pytest.approx([80, 43, 80 + 2 * 4, 20 + 2 * 4], abs=0.3)


@pytest.mark.parametrize(("reading", "words"), [("ctc", 1), ("fused", 2)])
def test_words_are_joined_only_for_a_recogniser_that_writes_spaces(reading: str, words: int) -> None:
    made = head(replace(CONFIG, reading=reading))
    maps = silent_maps(made, 24, 60)
    for column, left in ((15, 20.0), (35, 101.0)):
        x = 4 * column + 2
        say(maps, (0, 10, column), 0.9, (10.0, left + 80 - x, 10.0, x - left), 0.0)
    with torch.no_grad():
        found = made.regions(maps, torch.tensor([[96, 240]]))
    assert len(found.shapes) == words
    assert made.reads == (reading != "ctc")


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
    assert kept == {"out.weight", "mask.out.weight", "reader.middles.weight"}
    assert roles.last == ("out.*",)


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
