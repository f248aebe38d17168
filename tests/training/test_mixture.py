import numpy as np
import pytest

from spotter.training.mixture import Mixture
from spotter.training.sample import Sample


class Constant:
    def __init__(self, value: int) -> None:
        self.value = value

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        image = np.full((size, size, 3), self.value, np.uint8)
        return Sample(image, np.zeros((0, 4, 2), np.float32), [], np.zeros(0, np.bool_))


def test_sources_are_drawn_by_weight() -> None:
    mixture = Mixture([(Constant(1), 3.0), (Constant(2), 1.0)])
    rng = np.random.default_rng(0)
    drawn = [int(mixture.sample(rng, 2).image[0, 0, 0]) for _ in range(800)]
    assert drawn.count(1) == pytest.approx(600, abs=50)
    assert set(drawn) == {1, 2}


@pytest.mark.parametrize("weights", [(), (0.0,), (1.0, -1.0), (float("nan"),)])
def test_weights_must_be_positive(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Mixture([(Constant(n), weight) for n, weight in enumerate(weights)])
