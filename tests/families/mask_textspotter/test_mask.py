import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spotter.families.abcnet.bezier import fitted
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.mask_textspotter.mask import (
    COLUMNS,
    ROWS,
    MaskBranch,
    beside,
    cell_places,
    outlines_of,
    proposal_logits,
)
from spotter.families.mask_textspotter.outlines import edges, of_polygons, to_polygons
from spotter.families.mask_textspotter.targets import mask_targets
from spotter.model.anchors import plain_anchors
from tests.families.abcnet.shapes import arc, arc_polygon
from tests.families.mask_textspotter.shapes import own_masks


def boxes(*each: list[float]) -> Tensor:
    """Slanted boxes as proposals [N, 16]."""
    return fitted(boxes_to_polygons(torch.tensor(each, dtype=torch.float32)))


SEVERAL = torch.cat(
    (boxes([60, 50, 60, 20, 0.3, 0.2], [50, 40, 10, 20, -2.0, 0], [200, 90, 300, 12, 3, 0.5]), arc(80, 100, -90, 150))
)


def test_a_patch_shows_what_is_around_the_proposal() -> None:
    """A quarter of the height above and below, 0.3 at each end: 52 x 30 about 40 x 20. Of a dot that is narrower than a
    fifth of its height, one and a half times its width at each end."""
    assert beside(boxes([25, 16, 40, 20, 0, 0], [25, 16, 2, 20, 0, 0])).tolist() == pytest.approx([6 / 40, 1.5])
    places = cell_places(boxes([25, 16, 40, 20, 0, 0]))
    half = 52 / COLUMNS / 2, 30 / ROWS / 2
    torch.testing.assert_close(places[0, 0, 0], torch.tensor([-1 + half[0], 1 + half[1]]), atol=1e-3, rtol=0)
    torch.testing.assert_close(places[0, -1, -1], torch.tensor([51 - half[0], 31 - half[1]]), atol=1e-3, rtol=0)


def test_a_patch_runs_along_the_curve() -> None:
    """On a ring of radii 80 and 100 the rows of a mask lie at one distance from its middle each."""
    away = (cell_places(arc(80, 100, -90, 100)) - 120)[0, :, 4:-4].norm(dim=-1)
    wanted = 90 - (torch.arange(ROWS) + 0.5 - ROWS / 2) / ROWS * 30
    torch.testing.assert_close(away, wanted[:, None].expand_as(away), atol=0.4, rtol=0)


def test_the_mask_of_a_proposal_is_the_proposal() -> None:
    found = edges(outlines_of(own_masks(SEVERAL)))
    corners = torch.stack((found[:, 0, 0], found[:, 0, -1], found[:, 1, -1], found[:, 1, 0]), 1)
    control = SEVERAL.reshape(-1, 8, 2)[:, [0, 3, 7, 4]]
    torch.testing.assert_close(corners, control, atol=0.5, rtol=0)


def test_a_new_branch_finds_the_proposals() -> None:
    torch.manual_seed(0)
    branch = MaskBranch(6, 4).eval()
    features, anchors = torch.randn(2, 6, 40, 100), plain_anchors(40, 100, torch.device("cpu"))
    with torch.no_grad():
        masks = branch(features, anchors, SEVERAL, torch.tensor([0, 1, 1, 0]))
    assert masks.logits.shape == (4, ROWS, COLUMNS)
    torch.testing.assert_close(masks.logits, proposal_logits(SEVERAL))


def test_an_empty_mask_is_its_proposal() -> None:
    masks = own_masks(SEVERAL)
    logits = masks.logits.clone()
    logits[1] = -1
    torch.testing.assert_close(outlines_of(replace(masks, logits=logits)), outlines_of(masks))


@pytest.mark.parametrize("degrees", [20.0, 80.0, 120.0])
def test_the_mask_corrects_a_proposal(degrees: float) -> None:
    """A proposal that lies a tenth of its height too far out, and begins and ends 0.2 heights too early."""
    outline = of_polygons(arc_polygon(100, 120, -90, degrees, (150, 150)))
    early = math.degrees(0.2 * 20 / 110)
    proposal = arc(102, 122, -90 - early, degrees, (150, 150))
    inside = mask_targets(outline, proposal)
    found = to_polygons(outlines_of(replace(own_masks(proposal), logits=inside.float() * 2 - 1)))
    away = (found - to_polygons(outline)).norm(dim=2)
    before = (to_polygons(outlines_of(own_masks(proposal))) - to_polygons(outline)).norm(dim=2)
    assert away.mean().item() < 1.5
    assert away.mean().item() < 0.4 * before.mean().item()


def test_masks_learn_from_the_features_within_the_patch() -> None:
    torch.manual_seed(0)
    branch = MaskBranch(4, 4).eval()
    torch.nn.init.normal_(branch.out.weight)
    proposal = boxes([60, 50, 40, 12, 0, 0])
    anchors = plain_anchors(30, 40, torch.device("cpu"))
    features = torch.randn(1, 4, 30, 40)
    other = features.clone()
    other[:, :, :6] += 1  # above y = 24: the patch begins at 41
    other[:, :, 18:] += 1  # below y = 72
    with torch.no_grad():
        first, second = (branch(each, anchors, proposal, torch.tensor([0])).logits for each in (features, other))
        third = branch(features + 1, anchors, proposal, torch.tensor([0])).logits
    torch.testing.assert_close(first, second)
    assert float((first - third).abs().max()) > 0.01
