from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.synthesis.degrade import Degradation, degrade, draw_degradation, ease, motion_kernel, parted

CHECKS = (np.indices((64, 96)).sum(0) // 4 % 2 * 160 + 40).astype(np.uint8)[..., None].repeat(3, 2)


def _spread(image: NDArray[np.uint8]) -> float:
    return float(image.astype(float).std())


def test_the_default_changes_nothing() -> None:
    np.testing.assert_array_equal(degrade(CHECKS, Degradation()), CHECKS)


def test_strength_zero_draws_the_default() -> None:
    assert all(draw_degradation(np.random.default_rng(seed), 0.0) == Degradation() for seed in range(30))


@pytest.mark.parametrize(
    "degradation",
    [Degradation(blur=1.5), Degradation(motion=6.0, motion_angle=0.3), Degradation(resample=0.4)],
)
def test_optics_lose_contrast_but_keep_the_mean(degradation: Degradation) -> None:
    blurred = degrade(CHECKS, degradation)
    assert blurred.shape == CHECKS.shape
    assert _spread(blurred) < 0.9 * _spread(CHECKS)
    assert blurred.mean() == pytest.approx(CHECKS.mean(), abs=3)


def test_tone_by_hand() -> None:
    grey = np.full((4, 4, 3), 204, np.uint8)  # 0.8
    assert degrade(grey, Degradation(contrast=0.5))[0, 0, 0] == pytest.approx(165, abs=1)  # (0.8 - 0.5) / 2 + 0.5
    assert degrade(grey, Degradation(brightness=-0.2))[0, 0, 0] == pytest.approx(153, abs=1)
    assert degrade(grey, Degradation(gamma=2.0))[0, 0, 0] == pytest.approx(163, abs=1)  # 0.64


def test_a_shadow_darkens_its_side_only() -> None:
    white = np.full((64, 64, 3), 200, np.uint8)
    shaded = degrade(white, Degradation(shadow=0.5))
    assert shaded[:, :16].mean() == pytest.approx(200, abs=2)
    assert shaded[:, -16:].mean() == pytest.approx(100, abs=2)


def test_noise_has_its_deviation_and_may_be_grey() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    noisy = degrade(grey, Degradation(noise=9.0, noise_start=(900, 17)))
    assert _spread(noisy) == pytest.approx(9, rel=0.05)
    assert (noisy[..., 0] != noisy[..., 1]).any()
    same = degrade(grey, Degradation(noise=9.0, grey_noise=True))
    np.testing.assert_array_equal(same[..., 0], same[..., 2])


def test_noise_covers_pictures_beyond_its_sheet() -> None:
    assert _spread(degrade(np.full((8, 1300, 3), 128, np.uint8), Degradation(noise=9.0))) == pytest.approx(9, rel=0.1)


def test_compression_leaves_its_mark() -> None:
    crushed = degrade(CHECKS, Degradation(jpeg=10))
    assert crushed.shape == CHECKS.shape
    assert (crushed != CHECKS).any()


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, 3.0])
def test_motion_kernels_sum_to_one_about_their_centre(angle: float) -> None:
    kernel = motion_kernel(4.5, angle)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.shape[0] == kernel.shape[1] == 7
    rows, columns = np.indices(kernel.shape)
    assert (kernel * rows).sum() == pytest.approx(3, abs=0.35)
    assert (kernel * columns).sum() == pytest.approx(3, abs=0.35)


def test_drawn_degradations_work_and_vary() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_degradation(rng) for _ in range(100)]
    assert len(set(drawn)) > 80
    for degradation in drawn:
        result = degrade(CHECKS, degradation)
        assert result.shape == CHECKS.shape
        assert result.dtype == np.uint8


def test_the_picture_itself_is_left_alone() -> None:
    before = CHECKS.copy()
    degrade(CHECKS, Degradation(shadow=0.5, blur=1, motion=3, noise=5, jpeg=50, contrast=0.7))
    np.testing.assert_array_equal(CHECKS, before)


def test_easing_goes_from_nothing_to_the_whole() -> None:
    whole = Degradation(0.5, 2.0, 6.0, 1.0, 0.6, 0.2, 1.44, 0.4, 0.3, 0.1, 8.0, (3, 4), True, 40)
    assert ease(whole, 1.0) == whole
    half = ease(whole, 0.5)
    assert (half.resample, half.blur, half.motion, half.contrast) == pytest.approx((0.75, 1.0, 3.0, 0.8))
    assert (half.brightness, half.gamma, half.shadow, half.noise, half.jpeg) == pytest.approx((0.1, 1.2, 0.2, 4.0, 70))
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(degrade(picture, ease(replace(whole, jpeg=0), 0.0)), picture)


def test_a_degradation_is_the_same_in_two_parts() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for _ in range(30):
        whole = draw_degradation(rng)
        first, then = parted(whole)
        assert (first.noise, first.jpeg) == (0, 0)
        np.testing.assert_array_equal(degrade(degrade(image, first), then), degrade(image, whole))
