from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from spotter.families.abcnet.config import CurveConfig
from spotter.families.abcnet.head import CurveHead, merge_overlapping, select_candidates, single
from spotter.families.abcnet.maps import CurveMaps, decode_curves
from spotter.families.fots.boxes import boxes_to_polygons
from spotter.families.fots.config import DetectionConfig
from spotter.families.fots.head import DetectionHead
from spotter.families.fots.maps import decode_boxes
from spotter.model.anchors import mosaic_anchors, plain_anchors
from spotter.model.family import Regions
from tests.families.abcnet.shapes import arc, empty_maps, say, straight

CONFIG = CurveConfig(channels=8, bend=8)
CPU = torch.device("cpu")


def regions(maps: CurveMaps, sizes: list[list[int]], config: CurveConfig = CONFIG) -> Regions:
    return CurveHead(8, config).regions(maps, torch.tensor(sizes, dtype=torch.int32))


@pytest.mark.parametrize("coordinates", [False, True])
def test_a_new_heads_words_are_rare_level_and_straight(coordinates: bool) -> None:
    torch.manual_seed(0)
    head = CurveHead(6, replace(CONFIG, coordinates=coordinates)).eval()
    with torch.no_grad():
        maps = head(torch.randn(2, 6, 5, 7), plain_anchors(5, 7, CPU))
    assert maps.bend.shape == (2, 16, 5, 7)
    assert not maps.bend.any()
    assert float(maps.score.sigmoid().max()) < 0.3
    assert (maps.distances > 0).all()


def test_with_the_weights_of_fots_it_predicts_the_boxes_of_fots() -> None:
    torch.manual_seed(0)
    other = DetectionHead(6, DetectionConfig(channels=8)).eval()
    head = CurveHead(6, CONFIG).eval()
    head.load_state_dict(other.state_dict(), strict=False)
    features, anchors = torch.randn(1, 6, 5, 7), plain_anchors(5, 7, CPU)
    with torch.no_grad():
        mine, its = head(features, anchors), other(features, anchors)
    torch.testing.assert_close(mine.score, its.score)
    index = torch.zeros(2, dtype=torch.int64), torch.tensor([1, 4]), torch.tensor([2, 6])
    corners = mine.curves(*index).reshape(2, 2, 4, 2)[:, :, [0, 3]]
    polygons = boxes_to_polygons(its.boxes(*index))[:, [0, 1, 3, 2]].reshape(2, 2, 2, 2)
    torch.testing.assert_close(corners, polygons, atol=1e-4, rtol=0)


def test_a_words_place_bends_it_only_with_coordinates() -> None:
    """The features are the same everywhere."""
    torch.manual_seed(0)
    for coordinates in (False, True):
        head = CurveHead(4, replace(CONFIG, coordinates=coordinates)).eval()
        torch.nn.init.normal_(head.curve.weight)
        with torch.no_grad():
            bend = head(torch.ones(1, 4, 9, 9), plain_anchors(9, 9, CPU)).bend
        assert (float((bend[..., 3, 3] - bend[..., 6, 6]).abs().max()) > 1e-3) == coordinates


def test_control_points_by_hand() -> None:
    """2 up, 6 right, 4 down, 3 left of (20, 10), read downwards; the lower edge's second point a height further down,
    which is to the left, and half a height along, which is down the picture."""
    bend = torch.zeros(16)
    bend[10:12] = torch.tensor([0.5, 1.0])
    predicted = decode_curves(
        torch.tensor([2.0, 6, 4, 3]),
        torch.tensor([0.0, 3, 0]),
        bend,
        torch.tensor([20.0, 10]),
        torch.tensor(1.0),
    ).reshape(2, 4, 2)
    upper, lower = [[22, 7], [22, 10], [22, 13], [22, 16]], [[16, 7], [10, 13], [16, 13], [16, 16]]
    torch.testing.assert_close(predicted, torch.tensor([upper, lower], dtype=torch.float32), atol=1e-5, rtol=0)


def test_on_a_smaller_level_everything_is_larger() -> None:
    numbers = torch.rand(4) + 1, torch.rand(3), torch.rand(16), torch.zeros(2)
    small, large = (decode_curves(*numbers, torch.tensor(scale)) for scale in (1.0, 4.0))
    torch.testing.assert_close(large, 4 * small)


def test_slants_are_those_of_fots() -> None:
    numbers = torch.tensor([2.0, 6, 4, 3]), torch.tensor([0.6, 0.8, 0.5])
    box = boxes_to_polygons(decode_boxes(*numbers, torch.tensor(20.0), torch.tensor(10.0)))
    predicted = decode_curves(*numbers, torch.zeros(16), torch.tensor([20.0, 10]), torch.tensor(1.0)).reshape(2, 4, 2)
    torch.testing.assert_close(predicted[:, [0, 3]].flatten(0, 1), box[[0, 1, 3, 2]], atol=1e-5, rtol=0)


@pytest.mark.parametrize("region", [straight(20, 20, 80, 40), arc(40, 56, -90, 100, (64, 80))])
def test_a_word_in_a_map_becomes_its_region(region: Tensor) -> None:
    maps = empty_maps(1, 32, 32)
    say(maps, (0, 8, 15), 0.8, region)
    found = regions(maps, [[128, 128]])
    torch.testing.assert_close(found.shapes, region, atol=1e-3, rtol=0)
    assert found.scores.tolist() == pytest.approx([0.8])
    assert found.image_index.tolist() == [0]


def test_anchor_points_in_the_padding_and_below_the_threshold_are_no_words() -> None:
    maps = empty_maps(2, 16, 16)
    for place, score in (((0, 3, 4), 0.9), ((0, 3, 12), 0.9), ((1, 3, 12), 0.9), ((1, 10, 4), 0.2)):
        say(maps, place, score, straight(4 * place[2] - 10, 4 * place[1] - 6, 4 * place[2] + 14, 4 * place[1] + 10))
    found = regions(maps, [[64, 40], [64, 64]])
    assert found.image_index.tolist() == [0, 1]


def test_no_words_are_an_ordinary_answer() -> None:
    found = regions(empty_maps(2, 8, 8), [[32, 32], [32, 32]])
    assert found.shapes.shape == (0, 16)
    assert found.scores.shape == found.image_index.shape == (0,)


def test_a_word_that_is_read_backwards_is_none() -> None:
    maps = empty_maps(1, 16, 16)
    say(maps, (0, 6, 8), 0.9, straight(10, 40, 60, 20))
    assert regions(maps, [[64, 64]]).shapes.shape == (0, 16)


def test_candidates_are_limited_to_the_best_of_each_picture() -> None:
    maps = empty_maps(2, 8, 8)
    for row, score in ((0, 0.5), (2, 0.9), (4, 0.7), (6, 0.8)):
        say(maps, (0, row, 1), score, straight(0, 4 * row, 12, 4 * row + 8))
    say(maps, (1, 3, 3), 0.6, straight(4, 8, 24, 20))
    curves, scores = select_candidates(maps, torch.tensor([[32, 32]] * 2), replace(CONFIG, candidates=3))
    assert curves.shape == (2, 3, 16)
    torch.testing.assert_close(scores, torch.tensor([[0.9, 0.8, 0.7], [0.6, 0, 0]]))


def test_words_are_found_on_the_level_of_their_size() -> None:
    """20 and 60 pixels high, both predicted at full size and at half of it."""
    anchors = mosaic_anchors(256, 256, CPU)
    rows, columns = anchors.x.shape
    for height, right in ((20.0, 0), (60.0, 1)):
        maps = replace(empty_maps(1, rows, columns), anchors=anchors)
        places = []
        for scale in (1, 2):
            (row, column) = (
                (
                    (anchors.scale == scale)
                    & anchors.inside
                    & ((anchors.x - 100).abs() < 5)
                    & ((anchors.y - 100).abs() < 5)
                )
                .nonzero()[0]
                .tolist()
            )
            places.append((row, column))
            maps.score[0, 0, row, column] = 3
            maps.distances[0, :, row, column] = torch.tensor([height / 2, 40, height / 2, 40]) / scale
        found = regions(maps, [[256, 256]])
        assert len(found.shapes) == 1
        row, column = places[right]
        assert float(found.shapes[0, 0]) == pytest.approx(float(anchors.x[row, column]) - 40)


def test_of_two_predictions_the_better_stands_and_is_their_mean() -> None:
    one, other = arc(40, 56, -90, 100, (64, 80)), arc(41, 57, -89, 98, (64, 80))
    curves, scores = torch.cat((one, other))[None], torch.tensor([[0.9, 0.6]])
    merged, kept = merge_overlapping(curves, scores, CONFIG)
    assert kept.tolist() == [[True, False]]
    torch.testing.assert_close(merged[:, 0], (0.9 * one + 0.6 * other) / 1.5)


def test_what_a_fallen_region_overlaps_stands() -> None:
    """A chain, each covering half of the next: the second falls, the third does not."""
    chain = torch.cat([straight(x, 0, x + 60, 20) for x in (0, 30, 60)])[None]
    merged, kept = merge_overlapping(chain, torch.tensor([[0.9, 0.8, 0.7]]), CONFIG)
    assert kept.tolist() == [[True, False, True]]
    torch.testing.assert_close(merged[0, 0], chain[0, 0])  # half is too little to agree


def test_two_parts_that_became_one_word_are_one() -> None:
    """The same word twice in a picture, the better one second; once in another picture; and a neighbour that it
    touches."""
    word = arc(40, 56, -90, 100, (64, 80))
    curves = torch.cat((word, word, word, straight(100, 60, 140, 76)))
    stand = single(curves, torch.tensor([0.5, 0.9, 0.4, 0.3]), torch.tensor([0, 0, 1, 0]))
    assert stand.tolist() == [False, True, True, True]
    assert single(curves[:0], torch.zeros(0), torch.zeros(0, dtype=torch.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score_threshold": 0.0}, "score_threshold"),
        ({"suppression": 0.5}, "suppression < merging"),
        ({"candidates": 0}, "candidates"),
        ({"bend": 0}, "channels and bend"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(CONFIG, **change)
