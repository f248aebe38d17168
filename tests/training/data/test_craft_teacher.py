"""Boxes that CRAFT found, and what is cut out of them; CRAFT itself is not needed."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spotter.training.data import craft_teacher
from spotter.training.data.craft_teacher import CraftReader, clockwise, cut_out

BOX = np.array([[10, 5], [70, 5], [70, 25], [10, 25]], np.float32)


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_corners_go_clockwise_from_the_top_left(start: int, mirrored: bool) -> None:
    given = np.roll(BOX, start, 0)
    np.testing.assert_array_equal(clockwise(given[::-1] if mirrored else given), BOX)


def halves() -> NDArray[np.uint8]:
    """Red on the left and blue on the right of the box, green elsewhere."""
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[..., 1] = 255
    picture[5:25, 10:40] = (255, 0, 0)
    picture[5:25, 40:70] = (0, 0, 255)
    return picture


def test_a_word_is_cut_out_upright() -> None:
    patch = cut_out(Image.fromarray(halves()), BOX)
    assert patch is not None
    assert patch.size == (144, 48)
    pixels = np.asarray(patch)
    assert pixels[2:-2, 4:64, 0].min() > 200
    assert pixels[2:-2, 80:140, 2].min() > 200


def test_nothing_is_cut_out_of_nothing() -> None:
    assert cut_out(Image.fromarray(halves()), np.repeat(BOX[:1], 4, 0)) is None


class FakeCraft:
    def __init__(self, boxes: list[NDArray[np.float32]]) -> None:
        self.boxes = boxes

    def detect_text(self, image: NDArray[np.uint8]) -> dict[str, list[NDArray[np.float32]]]:
        assert image.shape == (60, 90, 3)
        return {"boxes": self.boxes}


def test_words_are_read_one_by_one_and_those_that_run_down_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []

    def read(self: CraftReader, patch: Image.Image) -> tuple[str, float]:
        sizes.append(patch.size)
        return ("", 0.0) if len(sizes) == 3 else ("Word", 0.9)

    monkeypatch.setattr(craft_teacher.CraftReader, "_read", read)
    reader = CraftReader.__new__(CraftReader)
    down = np.array([[5, 5], [25, 5], [25, 55], [5, 55]], np.float32)
    reader._finder = FakeCraft([BOX[::-1], down, BOX])
    words = reader.words(halves())
    assert [(word.text, word.score, word.upright) for word in words] == [("Word", 0.9, False), ("Word", 0.9, True)]
    np.testing.assert_array_equal(words[0].polygon, BOX)
    assert sizes == [(144, 48), (120, 48), (144, 48)]
