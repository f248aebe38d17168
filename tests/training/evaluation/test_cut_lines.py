from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.data.annotations import AnnotationError
from spotter.training.evaluation.cut_lines import read_cut_lines


@pytest.fixture(name="lines")
def make_lines(tmp_path: Path) -> Path:
    """Grey lines of 10 x 40 pixels on which the third is written in black; two to validate with and one to train."""
    for part, names in (("val", ("b_2.png", "b_10.png")), ("train", ("a_1.png",))):
        (tmp_path / part).mkdir()
        for name in names:
            line = np.full((10, 40, 3), (50, 100, 150), np.uint8)
            line[3:7, 4:36] = 0
            line[9, 5:15] = 0  # the heads of the next line
            cv2.imwrite(str(tmp_path / part / name), line)
    (tmp_path / "labels.tsv").write_text(
        "val/b_10.png\tdeux mots \ntrain/a_1.png\tone\nval/b_2.png\tété  là\n", encoding="utf-8"
    )
    return tmp_path


def test_the_lines_below_a_folder(lines: Path) -> None:
    pictures = read_cut_lines(lines / "val")
    assert [picture.path.name for picture in pictures] == ["b_2.png", "b_10.png"]
    assert [a.text for picture in pictures for a in picture.annotations] == ["été là", "deux mots"]
    assert not any(a.ignore for picture in pictures for a in picture.annotations)
    assert [picture.path.name for picture in read_cut_lines(lines / "val", 1)] == ["b_2.png"]
    assert len(read_cut_lines(lines)) == 3


def test_a_line_lies_in_the_middle_of_a_picture_of_its_own_colour(lines: Path) -> None:
    picture = read_cut_lines(lines / "val")[0]
    image = picture.load()
    assert image.shape == (30, 60, 3)
    (annotation,) = picture.annotations
    assert annotation.polygon.tolist() == [[10, 10], [50, 10], [50, 20], [10, 20]]
    assert image[0, 0].tolist() == image[29, 59].tolist() == [150, 100, 50]  # red first
    assert np.argwhere((image == 0).all(2)).min(0).tolist() == [13, 14]
    np.testing.assert_array_equal(image[10:20, 10:50, ::-1], np.asarray(cv2.imread(str(picture.path))))


def test_a_folder_without_lines_is_an_error(lines: Path, tmp_path: Path) -> None:
    (lines / "other").mkdir()
    with pytest.raises(AnnotationError, match="lists no line in"):
        read_cut_lines(lines / "other")
    (lines / "other" / "deep").mkdir()
    with pytest.raises(AnnotationError, match=r"wants labels\.tsv"):
        read_cut_lines(lines / "other" / "deep")
    (lines / "val" / "b_2.png").unlink()
    with pytest.raises(AnnotationError, match=r"b_2\.png is missing"):
        read_cut_lines(lines / "val")
