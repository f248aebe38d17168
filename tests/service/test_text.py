from spotter.service.text import UNKNOWN, decode


def test_zeros_are_dropped_and_classes_count_from_one() -> None:
    assert decode([0, 1, 0, 3, 3, 0], "abc") == "acc"
    assert decode([0, 0], "abc") == ""


def test_a_class_outside_the_charset_is_seen() -> None:
    assert decode([1, 4, -1], "abc") == "a" + UNKNOWN * 2
