import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from spotter.video.changes import LEAST, SIDE, Changes, difference, shrunk
from tests.video.clips import Pixels, plain


def written(text: str, size: int = 14, ink: int = 20) -> Pixels:
    image = Image.new("RGB", (1280, 720), (235, 235, 235))
    ImageDraw.Draw(image).text((601, 303), text, (ink, ink, ink), ImageFont.load_default(size))
    return np.asarray(image)


def test_frames_are_compared_small_and_grey() -> None:
    assert shrunk(plain((10, 10, 10), (1280, 720))).shape == (270, SIDE)
    assert shrunk(plain((10, 10, 10), (100, 40))).shape == (40, 100)
    assert difference(shrunk(plain((10, 10, 10))), shrunk(plain((40, 40, 40)))) == 30


@pytest.mark.parametrize(("before", "after"), [("12:41", "12:42"), ("OPEN", ""), ("3", "8")])
def test_a_letter_that_changes_is_seen(before: str, after: str) -> None:
    changes = Changes()
    assert changes.changed(written(before))
    assert not changes.changed(written(before))
    assert changes.changed(written(after))


def test_noise_is_no_change() -> None:
    rng, changes = np.random.default_rng(0), Changes()
    noisy = [np.clip(written("OPEN") + rng.normal(0, 5, (720, 1280, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
    assert [changes.changed(pixels) for pixels in noisy] == [True, *[False] * 5]


def test_slow_fades_add_up_and_other_sizes_are_changes() -> None:
    changes = Changes()
    seen = [changes.changed(plain((level, level, level))) for level in range(0, 3 * LEAST, LEAST // 4)]
    assert seen == [index % 4 == 0 for index in range(12)]
    assert changes.changed(plain((0, 0, 0), (64, 96)))
