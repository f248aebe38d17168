import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from spotter.families.abcnet.bezier import fitted
from spotter.families.abcnet.targets import curve_targets, curve_truth
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.fots.targets import detection_targets
from tests.families.abcnet.shapes import arc, arc_polygon, straight

Maps = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64], NDArray[np.float32]]


def targets(curves: Tensor, ignore: list[bool], shape: tuple[int, int] = (64, 64)) -> Maps:
    return curve_targets(curves, np.array(ignore, bool), shape)


def test_the_core_of_a_level_word_and_where_in_it_an_anchor_point_lies() -> None:
    # 40 x 16 at (32, 32): a quarter of the height off the top and bottom leaves the centres y 30 and 34, and 0.15 of
    # the length off the ends x 18, 22 ... 46.
    text, counted, owner, place = targets(straight(12, 24, 52, 40), [False], (16, 16))
    rows, columns = np.nonzero(text)
    assert set(rows.tolist()) == {7, 8}
    assert set(columns.tolist()) == set(range(4, 12))
    assert counted.all()
    assert (owner == np.where(text, 0, -1)).all()
    assert place[7, 4:12].tolist() == pytest.approx([(x - 12) / 40 for x in range(18, 47, 4)])


def test_straight_words_have_the_cores_that_fots_gives_them_but_for_the_ends_of_long_ones() -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform([20, 20, 8, 5, -math.pi, -0.8], [230, 230, 120, 40, math.pi, 0.8], (24, 6)).astype(np.float32)
    boxes[:, 2] = boxes[:, 2].clip(None, 6 * boxes[:, 3])
    ignore = rng.random(24) < 0.2
    wanted = detection_targets(boxes, ignore, (64, 64))
    found = curve_targets(fitted(boxes_to_polygons(torch.from_numpy(boxes))), ignore, (64, 64))
    for mine, its in zip(found[:3], wanted, strict=True):
        assert (mine != its).mean() < 0.002  # rounding, where a point lies on the very edge


def test_a_long_words_core_begins_a_height_inside_its_ends() -> None:
    # 240 x 16 at (132, 32): the centres of columns from 28 on, up to 236.
    text, _, _, _ = targets(straight(12, 24, 252, 40), [False], (16, 66))
    _, columns = np.nonzero(text)
    assert (columns.min(), columns.max()) == (7, 58)


def test_the_core_of_an_arc_lies_between_its_edges() -> None:
    text, _, owner, place = targets(arc(80, 100, -90, 100, (128, 160)), [False])
    rows, columns = np.nonzero(text)
    x, y = 4 * columns + 2 - 128, 4 * rows + 2 - 160
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(x, -y))  # from the top, clockwise
    assert len(rows) > 40
    assert 84.5 < radius.min() < radius.max() < 95.5
    assert 36 < np.abs(angle).max() < 37.5  # 20 pixels, which are 12.7 degrees of the middle line, off either end
    np.testing.assert_allclose(place[text], angle / 100 + 0.5, atol=0.01)
    assert set(owner[text].tolist()) == {0}


def test_what_a_ring_surrounds_is_background() -> None:
    _, counted, _, _ = targets(torch.cat((arc(80, 100, -90, 170, (128, 128)),)), [True])
    rows, columns = np.nonzero(~counted)
    radius = np.hypot(4 * columns + 2 - 128, 4 * rows + 2 - 128)
    assert 77 < radius.min() < radius.max() < 103
    assert counted[32, 32]


@pytest.mark.parametrize("small", [0, 1])
def test_where_cores_meet_the_smaller_word_owns_the_anchor_point(small: int) -> None:
    words = [straight(4, 12, 60, 52)]
    words.insert(small, straight(20, 24, 44, 40))
    _, _, owner, place = targets(torch.cat(words), [False, False], (16, 16))
    assert owner[7, 7] == small
    assert owner[7, 4] == 1 - small
    assert place[7, 7] == pytest.approx((30 - 20) / 24)


def test_words_beyond_the_rim_vanish_and_no_words_leave_background() -> None:
    far = torch.cat((straight(-400, 0, -300, 20), straight(900, 30, 960, 40)))
    for curves in (far, far[:0]):
        text, counted, owner, _ = targets(curves, [False] * len(curves))
        assert not text.any()
        assert counted.all()
        assert (owner == -1).all()


def test_a_batch_numbers_its_words_through() -> None:
    quad = torch.tensor([[[10.0, 10], [60, 10], [60, 30], [10, 30]]])
    polygons = torch.cat((arc_polygon(30, 46, -90, 90, (64, 90), 2), quad, quad + 40))
    truth = curve_truth(polygons, torch.tensor([0, 1, 1]), torch.tensor([False, False, False]), (3, 32, 32))
    assert [sorted(set(picture.flatten().tolist())) for picture in truth.owner] == [[-1, 0], [-1, 1, 2], [-1]]
    assert truth.shapes.shape == (3, 16)
    assert truth.place.shape == truth.text.shape == (3, 32, 32)
