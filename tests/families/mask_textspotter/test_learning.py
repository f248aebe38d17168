import numpy as np
import pytest
import torch

from spotter.families.abcnet.bezier import fitted
from spotter.families.interface import Misplacement
from spotter.families.mask_textspotter.config import MaskConfig
from spotter.families.mask_textspotter.family import MaskTextSpotter
from spotter.families.mask_textspotter.head import MaskHead
from spotter.families.mask_textspotter.learning import jitter_outlines, moved_outlines, outlines_to_read
from spotter.families.mask_textspotter.outlines import edges, measured, of_polygons, to_polygons
from spotter.families.misplacing import Errors
from spotter.model.anchors import plain_anchors
from tests.families.abcnet.shapes import say
from tests.families.mask_textspotter.shapes import arch, quad, straight

SQUARE = straight(20, 40, 90, 60)


def test_moves_by_hand() -> None:
    """Heights of 20: the start half a height outwards, the end as much inwards, the upper edge a tenth up, the lower
    one a twentieth, and the end a fifth lower than the start."""
    moved = moved_outlines(
        SQUARE, Errors(torch.tensor([[0.5, -0.5]]), torch.tensor([[0.1, 0.05]]), torch.tensor([0.2]))
    )
    upper, lower = edges(moved).unbind(1)
    torch.testing.assert_close(upper[0, [0, -1]], torch.tensor([[10.0, 36], [80, 40]]), atol=1e-3, rtol=0)
    torch.testing.assert_close(lower[0, [0, -1]], torch.tensor([[10.0, 59], [80, 63]]), atol=1e-3, rtol=0)


def test_a_move_that_leaves_nothing_keeps_the_ends() -> None:
    still = torch.zeros(1, 2)
    moved = moved_outlines(SQUARE, Errors(torch.tensor([[-2.0, -1.5]]), still, torch.zeros(1)))
    torch.testing.assert_close(moved, SQUARE, atol=1e-3, rtol=0)


def test_jitter_is_a_share_of_the_height() -> None:
    outlines = of_polygons(arch(100, 120, 60, (150, 150))).repeat(200, 1)
    moved = jitter_outlines(outlines, 0.05, torch.Generator().manual_seed(0))
    off = (to_polygons(moved) - to_polygons(outlines)).norm(dim=2) / 20
    assert 0.02 < off.mean().item() < 0.2
    assert off.max().item() < 0.5
    assert 0 < (measured(moved).heights / measured(outlines).heights).mean().item() - 1 < 0.15


def test_a_detectors_own_regions_are_read_where_they_are_good() -> None:
    torch.manual_seed(0)
    head = MaskHead(6, MaskConfig(channels=8, mask=8, reader=8), 5).eval()
    outlines = torch.cat((SQUARE, straight(100, 80, 150, 100)))
    with torch.no_grad():
        maps = head(torch.randn(1, 6, 40, 40), plain_anchors(40, 40, torch.device("cpu")))
        maps.score[:], maps.distances[:] = -9, 1
        maps.direction[:, 0], maps.direction[:, 1:] = 1, 0
        # At the middle of the first, (55, 50).
        say(maps, (0, 12, 13), 0.9, fitted(quad(19, 41, 87, 61)))
        found = outlines_to_read(
            maps,
            outlines,
            fitted(to_polygons(outlines)),
            torch.tensor([0, 0]),
            0.0,
            1.0,
            torch.Generator().manual_seed(0),
        )
    torch.testing.assert_close(found[:1], straight(19, 41, 87, 61), atol=0.1, rtol=0)
    torch.testing.assert_close(found[1:], outlines[1:], atol=1e-3, rtol=0)


@pytest.mark.parametrize("degrees", [1.0, 90.0])
def test_misplaced_regions_are_near_the_true_ones(degrees: float) -> None:
    true = of_polygons(arch(100, 120, degrees, (150, 150))).repeat(100, 1)
    off = Misplacement(ends=0.1, sides=0.06, astray=0.1)
    moved = MaskTextSpotter().misplaced(true, off, np.random.default_rng(0))
    assert moved.dtype == torch.float32
    away = (to_polygons(moved) - to_polygons(true)).norm(dim=2) / 20
    assert 0.03 < away.mean().item() < 0.25
    again = MaskTextSpotter().misplaced(true, off, np.random.default_rng(0))
    assert torch.equal(moved, again)
