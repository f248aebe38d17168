import numpy as np
import pytest

from spotter.training.synthesis.hard_negatives import KINDS, hard_negative, plain


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_draws_into_a_copy(kind: str) -> None:
    background = np.full((160, 160, 3), 120, np.uint8)
    before = background.copy()
    changed = [(hard_negative(np.random.default_rng(seed), background, kind) != background).mean() for seed in range(8)]
    np.testing.assert_array_equal(background, before)
    assert max(changed) > 0.05


def test_kinds_are_drawn_from_the_seed() -> None:
    background = plain(np.random.default_rng(0), 128)
    first, again, other = (hard_negative(np.random.default_rng(seed), background) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == (128, 128, 3)


def test_plain_fields_are_smooth() -> None:
    for seed in range(10):
        field = plain(np.random.default_rng(seed), 96).astype(float)
        assert field.shape == (96, 96, 3)
        assert np.abs(np.diff(field, axis=1)).mean() < 12
