import numpy as np

from spotter.reading.text import UNKNOWN, texts


def test_zeros_are_dropped_and_classes_count_from_one() -> None:
    rows = np.array([[0, 1, 0, 3, 3, 0], [0, 0, 0, 0, 0, 0], [2, 2, 2, 2, 2, 2]], np.int32)
    assert texts(rows, "abc") == ["acc", "", "bbbbbb"]
    assert texts(rows[:0], "abc") == []


def test_a_class_outside_the_charset_is_seen() -> None:
    assert texts(np.array([[1, 4, -1]], np.int32), "abc") == ["a" + UNKNOWN * 2]


def test_characters_of_any_plane() -> None:
    assert texts(np.array([[3, 1, 2]], np.int32), "é中😀") == ["😀é中"]
