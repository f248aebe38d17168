from dataclasses import replace

import pytest
import torch

from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.mask_textspotter.mask import (
    COLUMNS,
    ROWS,
    MaskBranch,
    box_logits,
    cell_places,
    grown,
    outlines_of,
)
from spotter.families.mask_textspotter.outlines import edges, of_polygons, to_boxes, to_polygons
from spotter.families.mask_textspotter.targets import mask_targets
from spotter.model.anchors import plain_anchors
from tests.families.mask_textspotter.shapes import arch, box_masks

BOXES = torch.tensor([[60.0, 50, 60, 20, 0.3, 0.2], [50, 40, 10, 20, -2.0, 0], [200, 90, 300, 12, 3, 0.5]])


def test_a_patch_shows_what_is_around_the_box() -> None:
    """A quarter of the height above and below, 0.3 at each end."""
    assert grown(torch.tensor([[5.0, 6, 40, 20, 1, 0.5]])).tolist() == [[5, 6, 52, 30, 1, 0.5]]


def test_places_of_a_mask() -> None:
    """A patch of 64 x 16 pixels, turned by a quarter: one pixel to a place."""
    places = cell_places(torch.tensor([[100.0, 50, COLUMNS, ROWS, torch.pi / 2, 0]])).reshape(ROWS, COLUMNS, 2)
    torch.testing.assert_close(places[0, 0], torch.tensor([107.5, 18.5]), atol=1e-4, rtol=0)
    torch.testing.assert_close(places[-1, -1], torch.tensor([92.5, 81.5]), atol=1e-4, rtol=0)


def test_the_mask_of_a_box_is_the_box() -> None:
    found = edges(outlines_of(box_masks(BOXES), BOXES))
    corners = torch.stack((found[:, 0, 0], found[:, 0, -1], found[:, 1, -1], found[:, 1, 0]), 1)
    torch.testing.assert_close(corners, boxes_to_polygons(BOXES), atol=0.1, rtol=0)


def test_a_new_branch_finds_the_boxes() -> None:
    torch.manual_seed(0)
    branch = MaskBranch(6, 4).eval()
    features, anchors = torch.randn(2, 6, 40, 100), plain_anchors(40, 100, torch.device("cpu"))
    with torch.no_grad():
        masks = branch(features, anchors, BOXES, torch.tensor([0, 1, 1]))
    assert masks.logits.shape == (3, ROWS, COLUMNS)
    torch.testing.assert_close(masks.logits, box_logits(BOXES))


def test_an_empty_mask_is_its_box() -> None:
    masks = box_masks(BOXES)
    logits = masks.logits.clone()
    logits[1] = -1
    torch.testing.assert_close(outlines_of(replace(masks, logits=logits), BOXES), outlines_of(masks, BOXES))


@pytest.mark.parametrize("degrees", [20.0, 40.0, 80.0])
def test_the_mask_of_a_bent_word_gives_its_outline(degrees: float) -> None:
    outline = of_polygons(arch(100, 120, degrees, (150, 150)))
    boxes = to_boxes(outline)
    inside = mask_targets(outline, grown(boxes))
    found = outlines_of(replace(box_masks(boxes), logits=inside.float() * 2 - 1), boxes)
    other = mask_targets(found, grown(boxes))
    overlap = (inside & other).sum() / (inside | other).sum()
    assert overlap.item() > 0.9
    assert (to_polygons(found)[0, 0] - to_polygons(outline)[0, 0]).norm().item() < 10


def test_a_mask_finds_what_the_box_has_cut_off() -> None:
    """The true word is 0.2 heights longer at its end than the box."""
    boxes = torch.tensor([[60.0, 50, 60, 20, 0, 0]])
    outline = of_polygons(boxes_to_polygons(torch.tensor([[62.0, 50, 64, 20, 0, 0]])))
    inside = mask_targets(outline, grown(boxes))
    found = outlines_of(replace(box_masks(boxes), logits=inside.float() * 2 - 1), boxes)
    torch.testing.assert_close(found, outline, atol=1.0, rtol=0)


def test_masks_learn_from_the_features_within_the_patch() -> None:
    torch.manual_seed(0)
    branch = MaskBranch(4, 4).eval()
    torch.nn.init.normal_(branch.out.weight)
    boxes = torch.tensor([[60.0, 50, 40, 12, 0, 0]])
    anchors = plain_anchors(30, 40, torch.device("cpu"))
    features = torch.randn(1, 4, 30, 40)
    other = features.clone()
    other[:, :, :6] += 1  # above y = 24: the patch begins at 41
    other[:, :, 18:] += 1  # below y = 72
    with torch.no_grad():
        first, second = (branch(each, anchors, boxes, torch.tensor([0])).logits for each in (features, other))
        third = branch(features + 1, anchors, boxes, torch.tensor([0])).logits
    torch.testing.assert_close(first, second)
    assert float((first - third).abs().max()) > 0.01
