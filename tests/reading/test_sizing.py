import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spotter.reading.sizing import at_side, bucket, closer_side, cost, to_upload, working_size
from spotter.registry.manifest import InputSpec

SPEC = InputSpec(stride=32, max_side=1280, target_side=1280, max_upscale=2.0, bucket_steps=((960, 32), (9999, 64)))


def test_a_large_picture_is_brought_to_the_longest_side() -> None:
    assert working_size(4000, 3000, SPEC) == (1280, 960)
    assert working_size(3000, 4000, SPEC) == (960, 1280)


def test_a_small_picture_grows_by_a_bounded_factor() -> None:
    assert working_size(1000, 500, SPEC) == (1280, 640)
    assert working_size(100, 50, SPEC) == (200, 100)


def test_a_picture_of_working_size_is_left_alone() -> None:
    assert working_size(1280, 720, SPEC) == (1280, 720)


def test_a_thread_of_a_picture_keeps_a_pixel() -> None:
    assert working_size(30_000, 1, SPEC) == (1280, 1)


def test_buckets_are_height_first_and_coarser_for_long_sides() -> None:
    assert bucket(1280, 720, SPEC) == (736, 1280)
    assert bucket(961, 33, SPEC) == (64, 1024)
    assert bucket(1, 1, SPEC) == (32, 32)


@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_every_picture_fits_its_bucket(width: int, height: int) -> None:
    working = working_size(width, height, SPEC)
    rows, columns = bucket(*working, SPEC)
    assert 1 <= working[0] <= columns <= 1280
    assert 1 <= working[1] <= rows <= 1280
    assert rows % 32 == columns % 32 == 0
    assert cost(width, height, SPEC) == rows * columns == cost(height, width, SPEC)


def test_polygons_return_to_the_upload() -> None:
    polygon = np.array([[[0, 0], [640, 0], [640, 360], [0, 360]]], np.float32)
    expected = [[[0, 0], [1920, 0], [1920, 1080], [0, 1080]]]
    assert to_upload(polygon, (640, 360), (1920, 1080)).tolist() == expected


def words(height: float, count: int) -> NDArray[np.float32]:
    """Boxes of one height, polygons [count, 4, 2], half of them upside down."""
    box = np.array([[0, 0], [50, 0], [50, height], [0, height]], np.float32)
    return np.stack([box + 5 * n if n % 2 else 60 - box for n in range(count)])


def test_a_page_of_small_words_is_worth_a_closer_look() -> None:
    # 1136 x 20 / 8 = 2840, but no more than the limit, nor than 1.5 times the picture's own pixels
    assert closer_side(words(8, 20), (852, 1136), (3000, 4000), 2272) == 2272
    assert closer_side(words(8, 20), (852, 1136), (3000, 4000), 4096) == 2840
    assert closer_side(words(8, 20), (852, 1136), (1125, 1500), 4096) == 2250
    assert closer_side(words(11.9, 20), (852, 1136), (3000, 4000), 4096) == 1909


def test_very_small_words_are_enlarged_where_the_picture_has_no_more_pixels() -> None:
    assert closer_side(words(8, 20), (852, 1136), (852, 1136), 4096) == 1704
    assert closer_side(words(10.9, 20), (852, 1136), (1000, 1300), 4096) == 1950
    assert closer_side(words(11.1, 20), (852, 1136), (1000, 1300), 4096) is None


def test_of_many_words_a_closer_look_is_less_close() -> None:
    sides = [closer_side(words(8, count), (852, 1136), (3000, 4000), 4096) for count in (500, 800, 1_400)]
    assert sides == [2840, 2245, 1697]
    assert closer_side(words(10.5, 1_400), (852, 1136), (3000, 4000), 4096) is None


def test_one_look_is_enough_for_large_words_few_words_and_pictures_that_have_no_more() -> None:
    assert closer_side(words(12.1, 20), (852, 1136), (3000, 4000), 4096) is None
    assert closer_side(words(8, 7), (852, 1136), (3000, 4000), 4096) is None
    assert closer_side(words(8, 1_401), (852, 1136), (3000, 4000), 4096) is None
    assert closer_side(words(8, 20), (852, 1136), (700, 900), 4096) is None  # enlarged already: 1350 < 1.2 x 1136
    assert closer_side(words(8, 20), (852, 1136), (3000, 4000), 0) is None
    assert closer_side(words(8, 1)[:0], (852, 1136), (3000, 4000), 4096) is None


@given(st.integers(64, 4000), st.integers(1, 8000), st.integers(1, 8000))
def test_a_side_that_was_asked_for_is_kept_to(side: int, width: int, height: int) -> None:
    working = working_size(width, height, at_side(SPEC, side))
    assert max(working) <= side
    if max(width, height) >= side:
        assert max(working) == side
