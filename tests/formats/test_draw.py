"""Words drawn on their picture: outlines where they are, labels that leave the neighbours' free."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spotter.formats.draw import draw
from spotter.reading.words import Word

RED = (230, 30, 90)


def drawn(*words: tuple[float, float, float, float, str]) -> NDArray[np.bool_]:
    """Where a white picture of 400 x 100 pixels is red after words (left, top, right, bottom, text) were drawn."""
    picture = Image.new("RGB", (400, 100), "white")
    draw(
        picture,
        [Word([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], text, 0.9) for x0, y0, x1, y1, text in words],
    )
    red: NDArray[np.bool_] = (np.asarray(picture) == RED).all(2)
    return red


def test_the_outline_is_where_the_word_is_and_the_label_above_it() -> None:
    red = drawn((100, 50, 200, 70, "word"))
    assert red[70, 100:200].all()
    assert red[50:70, 100].all()
    assert not red[55:69, 103:198].any()  # the word itself stays to be seen
    assert red[36:48, 102:110].any()
    assert not red[75:].any()


def test_a_label_of_many_letters_is_hardly_wider_than_its_word() -> None:
    red = drawn((100, 50, 150, 62, "incomprehensible"))
    assert red[:48, 100:150].any()
    assert not red[:, 185:].any()


def test_a_short_label_is_not_blown_up() -> None:
    red = drawn((10, 50, 390, 90, "A"))
    assert not red[:30].any()
