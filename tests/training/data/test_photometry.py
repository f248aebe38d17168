import numpy as np

from spotter.training.data.photometry import photometric

RAMP = np.tile(np.arange(0, 240, 2, dtype=np.uint8)[None, :, None], (80, 1, 3))


def test_strength_zero_changes_nothing() -> None:
    for seed in range(10):
        np.testing.assert_array_equal(photometric(RAMP, np.random.default_rng(seed), 0.0), RAMP)


def test_pictures_change_but_keep_their_shape_and_their_source() -> None:
    before = RAMP.copy()
    results = [photometric(RAMP, np.random.default_rng(seed)) for seed in range(30)]
    np.testing.assert_array_equal(RAMP, before)
    assert all(result.shape == RAMP.shape and result.dtype == np.uint8 for result in results)
    assert sum(not np.array_equal(result, RAMP) for result in results) > 20


def test_noise_windows_wrap_around_for_large_pictures() -> None:
    large = np.full((1100, 1500, 3), 128, np.uint8)
    for seed in range(6):
        assert photometric(large, np.random.default_rng(seed)).shape == large.shape
