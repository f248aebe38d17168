import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from spotter.reading import scaling
from spotter.reading.scaling import Pixels, scaled

SIDES = st.integers(1, 90)
cykooz = pytest.mark.skipif(scaling._resizers is None, reason="cykooz_resizer has no wheel here")


def noise(width: int, height: int, mode: str, seed: int = 0) -> Image.Image:
    bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, *bands), np.uint8))


def by_pillow(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Pixels:
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))


def difference(one: Pixels, other: Pixels) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


@cykooz
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["L", "RGB"]), st.integers(0, 9))
@example(13, 54, 54, 39, "RGB", 1)
def test_simd_and_pillow_agree(width: int, height: int, wide: int, high: int, mode: str, seed: int) -> None:
    image = noise(width, height, mode, seed)
    one, other = scaled(image, (wide, high)), by_pillow(image, (wide, high))
    # Each rounds after either direction, so the two may differ by one twice.
    assert difference(one, other) <= 2
    assert np.abs(one.astype(int) - other).mean() <= 1


@cykooz
@given(SIDES, SIDES, st.floats(0, 0.9), st.floats(0, 0.9))
def test_the_box_is_of_the_source(width: int, height: int, off_right: float, off_below: float) -> None:
    image, box = noise(width, height, "RGB"), (0.0, 0.0, width - off_right, height - off_below)
    # Each rounds after either direction, so the two may differ by one twice.
    assert difference(scaled(image, (17, 11), box), by_pillow(image, (17, 11), box)) <= 2


def test_an_edge_by_hand() -> None:
    # Halved, a pixel weighs those at distances 0.25, 0.75 (in its own width) by 0.75 and 0.25 on either side.
    row = Image.fromarray(np.array([[0, 0, 0, 0, 200, 200, 200, 200]], np.uint8))
    assert scaled(row, (4, 1)).tolist() == [[0, 25, 175, 200]]


def test_a_picture_of_its_own_size_is_left_as_it_is() -> None:
    image = noise(30, 20, "RGB")
    assert (scaled(image, (30, 20)) == np.asarray(image)).all()


@pytest.mark.parametrize("change", ["transparent", "large", "no package"])
def test_pillow_does_what_is_left(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise(60, 40, "RGBA" if change == "transparent" else "RGB")
    if change == "large":
        monkeypatch.setattr(scaling, "_COPIED", 60 * 40 - 1)
    elif change == "no package":
        monkeypatch.setattr(scaling, "_resizers", None)
    assert (scaled(image, (25, 15)) == by_pillow(image, (25, 15))).all()
