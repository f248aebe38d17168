import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spotter.registry.manifest import InputSpec
from spotter.service.sizing import bucket, cost, to_upload, working_size

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
