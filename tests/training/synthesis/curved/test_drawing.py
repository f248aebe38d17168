import numpy as np
import pytest

from spotter.training.synthesis.curved.drawing import Drawing, Ink
from spotter.training.synthesis.curved.paths import circle
from spotter.training.synthesis.degrade import UNTOUCHED, Degradation
from spotter.training.synthesis.pool import PatchPool
from tests.training.synthesis.curved.test_lettering import PLANE, word


def drawn(pool: PatchPool, *inks: float) -> Drawing:
    """The same word in greys, one over the other, on an even ground of 100."""
    drawing = Drawing(np.full((256, 256, 3), 100, np.uint8), np.random.default_rng(0))
    for grey in inks:
        drawing.letters(PLANE, [word(pool, circle(80, -np.pi / 2, 3.0))], Ink(np.full(3, grey)))
    return drawing


def test_a_words_contrast_is_how_far_its_ink_is_from_its_ground(pool: PatchPool) -> None:
    # Ink begins at half of a pixel's cover, so edges count by half and more.
    for grey in (180.0, 20.0):
        assert drawn(pool, grey).degraded(UNTOUCHED)[1] == pytest.approx([80], rel=0.15)
    assert drawn(pool, 106.0).degraded(UNTOUCHED)[1][0] < 6.5
    assert drawn(pool, 100.0).degraded(UNTOUCHED)[1] == pytest.approx([0])


def test_what_dims_the_picture_dims_contrasts_and_noise_does_not_add_to_them(pool: PatchPool) -> None:
    drawing = drawn(pool, 180.0)
    plain = drawing.degraded(UNTOUCHED)[1][0]
    assert drawing.degraded(Degradation(contrast=0.5))[1][0] == pytest.approx(plain / 2, rel=0.03)
    assert drawing.degraded(Degradation(noise=12.0, jpeg=30))[1][0] == pytest.approx(plain)


def test_a_word_beyond_the_border_has_none(pool: PatchPool) -> None:
    drawing = drawn(pool, 180.0)
    away = PLANE + np.array([[0, 0, 5000.0], [0, 0, 0], [0, 0, 0]])
    drawing.letters(away, [word(pool, circle(80, -np.pi / 2, 3.0))], Ink(np.full(3, 180.0)))
    seen, beyond = drawing.degraded(UNTOUCHED)[1]
    assert seen > 60
    assert beyond == 0
