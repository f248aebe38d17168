from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.synthesis.backgrounds import LONGEST_SIDE, Backgrounds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    red = np.zeros((120, 200, 3), np.uint8)
    red[..., 2] = 200  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "a.png"), red)
    cv2.imwrite(str(tmp_path / "b.jpg"), np.full((1000, 1800, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    return tmp_path


def test_pictures_are_read_as_rgb_and_scaled_down(folder: Path) -> None:
    backgrounds = Backgrounds.load([folder], drawn=0)
    assert backgrounds.drawn == 0
    assert [picture.shape for picture in backgrounds.pictures] == [
        (120, 200, 3),
        (LONGEST_SIDE * 10 // 18, LONGEST_SIDE, 3),
    ]
    assert backgrounds.pictures[0][0, 0].tolist() == [200, 0, 0]


def test_drawn_pictures_follow_the_read_ones(folder: Path) -> None:
    backgrounds = Backgrounds.load([folder], drawn=6, seed=1)
    assert len(backgrounds.pictures) == 2 + 6
    assert backgrounds.drawn == 6


def test_no_folder_needs_no_data() -> None:
    backgrounds, again = Backgrounds.load([], drawn=5, seed=3), Backgrounds.load([], drawn=5, seed=3)
    assert len(backgrounds.pictures) == 5
    for ours, theirs in zip(backgrounds.pictures, again.pictures, strict=True):
        assert ours.dtype == np.uint8
        np.testing.assert_array_equal(ours, theirs)


def test_there_is_always_one() -> None:
    assert len(Backgrounds.load([], drawn=0).pictures) == 1


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Backgrounds.load([], drawn=-1)
