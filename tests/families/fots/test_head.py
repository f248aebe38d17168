import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spotter.families.fots.boxes import placed, probiou
from spotter.families.fots.config import DetectionConfig
from spotter.families.fots.head import DetectionHead, merge_overlapping, select_candidates
from spotter.families.fots.maps import DetectionMaps, decode_boxes
from spotter.model.anchors import mosaic_anchors, plain_anchors
from spotter.model.family import Regions
from tests.model.small import direction_of, empty_maps, say

CONFIG = DetectionConfig(channels=8)
CPU = torch.device("cpu")
TURNS = [0.0, math.pi / 2, math.pi, -math.pi / 2, 0.7, -2.5]


def regions(maps: DetectionMaps, sizes: list[list[int]], config: DetectionConfig = CONFIG) -> Regions:
    return DetectionHead(8, config).regions(maps, torch.tensor(sizes, dtype=torch.int32))


def test_the_heads_first_words_are_rare_and_level() -> None:
    torch.manual_seed(0)
    head = DetectionHead(6, CONFIG).eval()
    with torch.no_grad():
        maps = head(torch.zeros(2, 6, 5, 7), plain_anchors(5, 7, CPU))
    assert (maps.score.shape, maps.distances.shape, maps.direction.shape) == (
        (2, 1, 5, 7),
        (2, 4, 5, 7),
        (2, 3, 5, 7),
    )
    assert float(maps.score.sigmoid().max()) < 0.1
    assert (torch.atan2(maps.direction[:, 1], maps.direction[:, 0]).abs() < 0.5).all()
    assert (maps.distances > 0).all()


def test_distances_stay_finite_whatever_the_features() -> None:
    head = DetectionHead(4, CONFIG).eval()
    for size in (1e4, -1e4):
        with torch.no_grad():
            maps = head(torch.full((1, 4, 2, 2), size), plain_anchors(2, 2, CPU))
        assert maps.distances.isfinite().all()
        assert float(maps.distances.min()) > 0


@pytest.mark.parametrize(
    ("theta", "centre"),
    [(0.0, (20, 22)), (math.pi / 2, (8, 30)), (math.pi, (0, 18)), (-math.pi / 2, (12, 10))],
)
def test_a_point_predicts_its_words_box_on_the_full_circle(theta: float, centre: tuple[float, float]) -> None:
    """The point is 10 right of the left end and 30 left of the right one: the middle is 10 further along, 2 down."""
    predicted = F.pad(3 * direction_of(theta), (0, 1))
    box = decode_boxes(torch.tensor([2.0, 30, 6, 10]), predicted, torch.tensor(10.0), torch.tensor(20.0))
    assert box[:4].tolist() == pytest.approx([*centre, 40, 8], abs=1e-4)
    assert math.cos(float(box[4]) - theta) > 1 - 1e-6


@pytest.mark.parametrize(("predicted", "slant", "x"), [(0.5, 0.5, 21), (-0.5, -0.5, 19), (9.0, 1.2, 22.4)])
def test_the_middle_of_a_slanted_word_lies_along_its_slant(predicted: float, slant: float, x: float) -> None:
    """As above, and the middle 2 down: by the slant, which ends at 1.2, it is 2 x 0.5 further along."""
    box = decode_boxes(
        torch.tensor([2.0, 30, 6, 10]), torch.tensor([3.0, 0, predicted]), torch.tensor(10.0), torch.tensor(20.0)
    )
    assert box.tolist() == pytest.approx([x, 22, 40, 8, 0, slant], abs=1e-4)


@pytest.mark.parametrize("theta", TURNS)
def test_a_word_in_a_map_becomes_a_box_that_is_read_in_its_direction(theta: float) -> None:
    maps = empty_maps(1, 16, 24)
    say(maps, (0, 7, 11), 0.8, (6, 20, 6, 20), theta, length=0.4, slant=0.3)
    found = regions(maps, [[64, 96]])
    assert found.shapes.shape == (1, 6)
    assert float(found.shapes[0, 5]) == pytest.approx(0.3)
    assert found.shapes[0, :4].tolist() == pytest.approx([46, 30, 40, 12], abs=1e-3)  # point (7, 11) of 4 pixels
    assert math.cos(float(found.shapes[0, 4]) - theta) > 1 - 1e-6
    assert found.scores.tolist() == pytest.approx([0.8])
    assert found.image_index.tolist() == [0]


def test_points_in_the_padding_are_no_words() -> None:
    maps = empty_maps(2, 8, 8)
    for image in (0, 1):
        for row, column in ((1, 1), (1, 6), (6, 1)):
            say(maps, (image, row, column), 0.9, (3, 3, 3, 3), 0.0)
    found = regions(maps, [[32, 24], [20, 32]])  # point 6 is pixel 26
    places = {(int(n), *box[:2].int().tolist()) for n, box in zip(found.image_index, found.shapes, strict=True)}
    assert places == {(0, 6, 6), (0, 6, 26), (1, 6, 6), (1, 26, 6)}


def test_only_the_best_of_neighbouring_points_is_a_candidate() -> None:
    maps = empty_maps(1, 8, 8)
    for column, score in ((2, 0.6), (3, 0.9), (4, 0.7), (6, 0.45)):
        say(maps, (0, 4, column), score, (3, 3, 3, 3), 0.0)
    boxes, scores = select_candidates(maps, torch.tensor([[32, 32]]), CONFIG)
    assert scores[0].tolist() == pytest.approx([0.9, 0.45])
    assert boxes[0, :, 0].tolist() == [14, 26]


def test_candidates_are_limited_to_the_best_of_each_picture() -> None:
    maps = empty_maps(2, 8, 8)
    for row, score in ((0, 0.5), (2, 0.9), (4, 0.7), (6, 0.8)):
        say(maps, (0, row, 1), score, (1, 2, 1, 2), 0.0)
    say(maps, (1, 3, 3), 0.6, (1, 2, 1, 2), 0.0)
    boxes, scores = select_candidates(maps, torch.tensor([[32, 32]] * 2), DetectionConfig(channels=8, candidates=3))
    assert boxes.shape == (2, 3, 6)
    torch.testing.assert_close(scores, torch.tensor([[0.9, 0.8, 0.7], [0.6, 0, 0]]))
    assert boxes[0, :, 1].tolist() == [10, 26, 18]


def test_candidates_are_as_many_as_the_fullest_picture_has() -> None:
    maps = empty_maps(2, 8, 8)
    say(maps, (0, 1, 1), 0.9, (1, 2, 1, 2), 0.0)
    say(maps, (0, 5, 5), 0.39, (1, 2, 1, 2), 0.0)  # below the threshold
    assert select_candidates(maps, torch.tensor([[32, 32]] * 2), CONFIG)[1].shape == (2, 1)


def test_no_words_give_no_rows() -> None:
    found = regions(empty_maps(2, 8, 8), [[32, 32], [32, 32]])
    assert (found.shapes.shape, found.scores.shape, found.image_index.shape) == ((0, 6), (0,), (0,))


def test_duplicates_become_their_score_weighted_mean() -> None:
    boxes = torch.tensor([[[50.0, 20, 40, 12, 0.1, 0.5], [53.0, 20, 40, 12, -0.05, 0.2], [50.0, 60, 40, 12, 0, 0.1]]])
    scores = torch.tensor([[0.9, 0.6, 0.5]])
    merged, kept = merge_overlapping(boxes, scores, CONFIG)
    assert kept.tolist() == [[True, False, True]]
    assert float(merged[0, 0, 0]) == pytest.approx((0.9 * 50 + 0.6 * 53) / 1.5, abs=1e-4)
    turned = math.atan2(0.9 * math.sin(0.1) - 0.6 * math.sin(0.05), 0.9 * math.cos(0.1) + 0.6 * math.cos(0.05))
    assert float(merged[0, 0, 4]) == pytest.approx(turned, abs=1e-5)
    assert float(merged[0, 0, 5]) == pytest.approx((0.9 * 0.5 + 0.6 * 0.2) / 1.5, abs=1e-5)
    torch.testing.assert_close(merged[0, 2], boxes[0, 2])


def test_directions_are_averaged_on_the_circle() -> None:
    boxes = torch.tensor([[[50.0, 20, 40, 12, math.pi - 0.1, 0], [50.0, 20, 40, 12, 0.1 - math.pi, 0]]])
    merged, _ = merge_overlapping(boxes, torch.tensor([[0.8, 0.8]]), CONFIG)
    assert abs(float(merged[0, 0, 4])) == pytest.approx(math.pi, abs=1e-3)


def test_of_two_opposite_directions_the_surer_one_is_read() -> None:
    boxes = torch.tensor([[[50.0, 20, 40, 12, 0, 0], [50.0, 20, 40, 12, math.pi, 0]]])
    merged, kept = merge_overlapping(boxes, torch.tensor([[0.9, 0.6]]), CONFIG)
    assert kept.tolist() == [[True, False]]
    assert float(merged[0, 0, 4]) == pytest.approx(0.0, abs=1e-5)


def test_a_box_that_fell_suppresses_nothing() -> None:
    """The second overlaps both its neighbours, which hardly touch: the first drops it and so the third stands."""
    boxes = torch.tensor([[[20.0, 20, 40, 20, 0, 0], [45.0, 20, 40, 20, 0, 0], [70.0, 20, 40, 20, 0, 0]]])
    assert probiou(boxes[0, 0], boxes[0, 1]) > CONFIG.suppression > probiou(boxes[0, 0], boxes[0, 2])
    _, kept = merge_overlapping(boxes, torch.tensor([[0.9, 0.8, 0.7]]), CONFIG)
    assert kept.tolist() == [[True, False, True]]


def test_places_without_a_candidate_neither_stay_nor_suppress() -> None:
    boxes = torch.tensor(
        [[[20.0, 20, 40, 20, 0, 0], [20.0, 20, 40, 20, 0, 0]], [[0.0, 0, 0, 0, 0, 0], [20.0, 20, 40, 20, 0, 0]]]
    )
    _, kept = merge_overlapping(boxes, torch.tensor([[0.9, 0.0], [0.0, 0.0]]), CONFIG)
    assert kept.tolist() == [[True, False], [False, False]]


def greedy(boxes: Tensor, threshold: float) -> NDArray[np.bool_]:
    """The textbook's suppression, one box after another."""
    stands = np.ones(len(boxes), bool)
    for later in range(len(boxes)):
        for earlier in range(later):
            if stands[earlier] and float(probiou(boxes[earlier], boxes[later])) > threshold:
                stands[later] = False
    return stands


@pytest.mark.parametrize("seed", range(5))
def test_suppression_is_what_a_loop_over_the_boxes_gives(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.tensor([300.0, 200.0, 60.0, 20.0, 2 * math.pi, 1.0])
    boxes = torch.rand(30, 6, generator=generator) * spread + torch.tensor([0.0, 0, 20, 10, -math.pi, -0.5])
    expected = greedy(boxes, CONFIG.suppression)
    assert 0 < expected.sum() < 30
    _, kept = merge_overlapping(boxes[None], torch.linspace(0.9, 0.5, 30)[None], CONFIG)
    assert kept[0].tolist() == expected.tolist()


def test_anchor_points_of_a_mosaic_know_their_place_in_the_picture() -> None:
    """A picture of 128 x 128: 32 rows of points, 4 of nothing, 16; levels 2 and 3 begin in column 20."""
    anchors = mosaic_anchors(128, 128, CPU)
    assert anchors.x.shape == (32 + 4 + 16, 32)
    assert anchors.inside.sum() == 32 * 32 + 16 * 16 + 8 * 8 + 4 * 4

    def place(row: int, column: int) -> list[float]:
        return [float(anchors.x[row, column]), float(anchors.y[row, column]), float(anchors.scale[row, column])]

    assert place(0, 0) == [2, 2, 1]
    assert place(31, 31) == [126, 126, 1]
    assert place(36, 0) == [4, 4, 2]
    assert place(51, 15) == [124, 124, 2]
    assert place(36, 20) == [8, 8, 4]
    assert place(43, 27) == [120, 120, 4]
    assert place(46, 20) == [16, 16, 8]
    assert place(49, 23) == [112, 112, 8]
    assert not anchors.inside[33].any()
    assert not anchors.inside[40, 17]
    assert not anchors.inside[45, 22]
    assert not anchors.inside[48, 24]


LEVELS = {20.0: 1, 60.0: 2, 100.0: 4, 200.0: 8}


def said_in_mosaic(height: float) -> tuple[DetectionMaps, Tensor]:
    """Maps in which one point, at the level of the word's height, predicts the box [1, 6] that comes with them."""
    box = torch.tensor([[130.0, 126.0, 1.2 * height, height, 0.3, 0.2]])
    anchors = mosaic_anchors(256, 256, CPU)
    column, row = (placed(box, anchors)[0, :2] / 4).long().tolist()
    level = float(anchors.scale[row, column])
    assert level == LEVELS[height]
    maps = replace(empty_maps(1, 64 + 4 + 32, 64), anchors=anchors)
    dx, dy = 130 - float(anchors.x[row, column]), 126 - float(anchors.y[row, column])
    down = dy * math.cos(0.3) - dx * math.sin(0.3)
    ahead = dx * math.cos(0.3) + dy * math.sin(0.3) - 0.2 * down
    sides = (height / 2 - down, 0.6 * height + ahead, height / 2 + down, 0.6 * height - ahead)
    predicted = (sides[0] / level, sides[1] / level, sides[2] / level, sides[3] / level)
    say(maps, (0, row, column), 0.9, predicted, 0.3, slant=0.2)
    return maps, box


@pytest.mark.parametrize("height", LEVELS)
def test_a_word_found_at_its_level_has_its_box_in_the_picture(height: float) -> None:
    maps, box = said_in_mosaic(height)
    torch.testing.assert_close(regions(maps, [[256, 256]]).shapes, box, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("row", "column", "fits", "too_small", "too_large"),
    [(30, 30, 50.0, None, 53.0), (72, 10, 18.0, 16.0, 53.0), (72, 42, 50.0, 16.0, 53.0), (87, 38, 90.0, 16.0, None)],
)
def test_a_level_finds_words_of_its_own_size(
    row: int, column: int, fits: float, too_small: float | None, too_large: float | None
) -> None:
    """Heights in the pixels of the level; the first finds the smallest, the last the largest."""

    def found(height: float) -> int:
        maps = replace(empty_maps(1, 64 + 4 + 32, 64), anchors=mosaic_anchors(256, 256, CPU))
        say(maps, (0, row, column), 0.9, (height / 2, height / 2, height / 2, height / 2), 0.0)
        return len(regions(maps, [[256, 256]]).shapes)

    assert found(fits) == 1
    assert too_small is None or found(too_small) == 0
    assert too_large is None or found(too_large) == 0
    if row == 30:
        assert found(6.0) == 1


def test_padding_is_no_text_at_any_level() -> None:
    maps = replace(empty_maps(1, 64 + 4 + 32, 64), anchors=mosaic_anchors(256, 256, CPU))
    for row, column in ((50, 10), (68 + 28, 10), (68 + 14, 36 + 5), (68 + 18 + 7, 36 + 3)):
        say(maps, (0, row, column), 0.9, (10, 10, 10, 10), 0.0)
    assert len(regions(maps, [[256, 256]]).shapes) > 0
    assert len(regions(maps, [[160, 256]]).shapes) == 0
