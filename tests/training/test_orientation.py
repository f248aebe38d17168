import numpy as np
import pytest
import torch

from spotter.model.orientation import sure_points
from spotter.training.orientation import Views, accuracy, direction, fit, upright
from spotter.training.sample import Sample

LEVEL = [[0, 0], [4, 0], [4, 1], [0, 1]]
DOWNWARD = [[4, 0], [4, 4], [3, 4], [3, 0]]
HEADLONG = [[4, 4], [0, 4], [0, 3], [4, 3]]


def sample(*polygons: list[list[int]], ignored: int = 0) -> Sample:
    image = np.zeros((8, 8, 3), np.uint8)
    image[0, 0] = 255  # its top left
    shapes = np.array(polygons, np.float32).reshape(-1, 4, 2)
    ignore = np.arange(len(shapes)) >= len(shapes) - ignored
    return Sample(image, shapes, ["a"] * len(shapes), ignore)


@pytest.mark.parametrize(
    ("shown", "turn"),
    [(sample(LEVEL, LEVEL), 0), (sample(DOWNWARD), 1), (sample(HEADLONG), 2), (sample(LEVEL, HEADLONG), None),
     (sample(LEVEL, HEADLONG, ignored=1), 0), (sample(), None), (sample(*[LEVEL] * 4, DOWNWARD), 0)],
)  # fmt: skip
def test_the_way_in_which_most_words_are_read(shown: Sample, turn: int | None) -> None:
    assert direction(shown) == turn


def test_pictures_are_turned_upright_and_those_of_no_direction_left_out() -> None:
    shown = iter([sample(), sample(LEVEL, HEADLONG), sample(DOWNWARD)])

    class Source:
        def sample(self, rng: np.random.Generator, size: int) -> Sample:
            return next(shown)

    # Read downward, the text's top is on the right: turned anticlockwise, the former top left is at the bottom left.
    assert np.argwhere(upright(Source(), np.random.default_rng(0), 8)[..., 0]).tolist() == [[7, 0]]


def test_the_surest_points_on_the_picture_are_looked_at() -> None:
    shared = torch.arange(8.0).reshape(1, 2, 2, 2)
    score = torch.tensor([[[[0.0, 2.0], [9.0, 1.0]]]])
    features, scores = sure_points(shared, score, torch.tensor([[[True, True], [False, True]]]))
    assert features[0, :2].tolist() == [[1, 5], [3, 7]]
    torch.testing.assert_close(scores[0], torch.tensor([2.0, 1.0, 0.0, -torch.inf]).sigmoid())


def test_four_ways_that_differ_are_told_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    ways = torch.eye(4).repeat_interleave(2, 1) * 3
    features = torch.randn(40, 4, 16, 8, generator=generator) + ways[None, :, None]
    views = Views(features, torch.full((40, 4, 16), 0.9))
    learnt = fit(Views(features[10:], views.scores[10:]), steps=60)
    assert accuracy(learnt, Views(features[:10], views.scores[:10])) > 0.95
    blind = Views(torch.zeros_like(features), views.scores)
    assert accuracy(learnt, blind) == 0.25
