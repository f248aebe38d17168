import numpy as np
import pytest

from spotter.training.data.backgrounds import TextFreeSource, random_crop


def test_samples_hold_no_words() -> None:
    ramp = np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (150, 1, 3))
    sample = TextFreeSource([ramp]).sample(np.random.default_rng(0), 96)
    assert sample.image.shape == (96, 96, 3)
    assert sample.polygons.shape == (0, 4, 2)
    assert sample.texts == []
    assert sample.ignore.shape == (0,)


def test_crops_of_pictures_smaller_than_asked_for() -> None:
    assert random_crop(np.zeros((20, 30, 3), np.uint8), np.random.default_rng(1), 64).shape == (64, 64, 3)


def test_no_pictures_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TextFreeSource([])
