import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation
from spotter.training.data.lines import character_width, ink_columns, split_line, word_spans


def line_of(text: str, width: float = 300, height: float = 32) -> Annotation:
    return Annotation(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32), text, False)


def blocks(*spans: tuple[int, int]) -> NDArray[np.uint8]:
    """A white picture of 300 x 32 with black blocks as words."""
    image = np.full((32, 300, 3), 255, np.uint8)
    for start, end in spans:
        image[8:24, start:end:3] = 0
        image[8:24, end - 1] = 0
    return image


def test_equal_words_get_equal_shares() -> None:
    first, second = word_spans("aaaa aaaa")
    assert first[0] == 0
    assert second[1] == pytest.approx(1)
    assert first[1] - first[0] == pytest.approx(second[1] - second[0])
    space = character_width(" ")
    assert second[0] - first[1] == pytest.approx(space / (8 * character_width("a") + space))


def test_wide_letters_take_more_room() -> None:
    wide, narrow = word_spans("WWW iii")
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_a_single_word_and_an_ignored_line_stay_whole() -> None:
    assert [word.text for word in split_line(line_of(" alone "))] == ["alone"]
    hidden = Annotation(line_of("").polygon, "", True)
    assert split_line(hidden)[0].ignore


def test_a_turned_line_is_cut_along_its_reading_direction() -> None:
    upright = np.array([[40, 0], [40, 100], [20, 100], [20, 0]], np.float32)  # read downwards
    first, second = split_line(Annotation(upright, "aa aa", False))
    assert first.polygon[:, 1].max() < second.polygon[:, 1].min()
    np.testing.assert_allclose(first.polygon[0], [40, 0])
    np.testing.assert_allclose(second.polygon[2], [20, 100], atol=1e-4)


def test_cuts_move_into_the_blanks_of_the_picture() -> None:
    # By width alone the cut would be at the middle; the ink says 100 to 140.
    image = blocks((10, 100), (140, 290))
    first, second = split_line(line_of("aaaaa aaaaaa"), image)
    assert 100 <= first.polygon[1, 0] <= 106
    assert 134 <= second.polygon[0, 0] <= 140
    assert [first.text, second.text] == ["aaaaa", "aaaaaa"]


def test_of_many_blanks_those_that_fit_the_words_are_taken() -> None:
    # Three runs of ink, two words: the narrow blank splits letters, the wide one words.
    image = blocks((10, 60), (66, 120), (150, 290))
    first, second = split_line(line_of("aaaa aaaaa"), image)
    assert 120 <= first.polygon[1, 0] <= 126
    assert 144 <= second.polygon[0, 0] <= 150


def test_without_enough_blanks_the_widths_decide() -> None:
    solid = np.full((32, 300, 3), 255, np.uint8)
    solid[8:24, 10:290] = 0
    first, second = split_line(line_of("aaaa aaaa"), solid)
    plain_first, plain_second = split_line(line_of("aaaa aaaa"))
    np.testing.assert_allclose(first.polygon, plain_first.polygon)
    np.testing.assert_allclose(second.polygon, plain_second.polygon)


def test_ink_is_found_on_dark_background_too() -> None:
    image = np.zeros((32, 300, 3), np.uint8)
    cv2.rectangle(image, (100, 10), (149, 22), (255, 255, 255), -1)
    inked = np.flatnonzero(ink_columns(image, line_of("x").polygon))
    assert (int(inked[0]), int(inked[-1])) == (100, 149)
