from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.data.annotations import (
    Annotation,
    AnnotationError,
    format_line,
    load_picture,
    natural_key,
    parse_line,
    picture_files,
    read_annotations,
    read_folder,
    write_annotations,
)

SQUARE = "0,0,10,0,10,5,0,5"


def make_folder(root: Path, lines: str, width: int = 96, height: int = 64, bom: bool = False) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "gts").mkdir()
    cv2.imwrite(str(root / "images" / "img_1.png"), np.full((height, width, 3), (10, 20, 30), np.uint8))
    (root / "gts" / "gt_img_1.txt").write_text(lines, encoding="utf-8-sig" if bom else "utf-8")
    return root


def test_a_transcript_may_hold_commas() -> None:
    annotation = parse_line(f"{SQUARE},1,234.50, net")
    assert annotation.text == "1,234.50, net"
    np.testing.assert_array_equal(annotation.polygon, [[0, 0], [10, 0], [10, 5], [0, 5]])


@pytest.mark.parametrize("text", ["###", "", "caf\u00e9"])
def test_what_cannot_be_learnt_is_ignored(text: str) -> None:
    annotation = parse_line(f"{SQUARE},{text}")
    assert annotation.ignore
    assert annotation.text == ""


def test_an_evaluation_keeps_words_outside_ascii() -> None:
    assert parse_line(f"{SQUARE},caf\u00e9", ascii_only=False).text == "caf\u00e9"


@pytest.mark.parametrize("line", ["1,2,3", "a,b,c,d,e,f,g,h,word"])
def test_a_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(AnnotationError, match="eight coordinates"):
        parse_line(line)


def test_lines_survive_writing(tmp_path: Path) -> None:
    quad = np.array([[1.5, 2], [30, 4], [29, 12.5], [1, 11]], np.float32)
    path = tmp_path / "gt.txt"
    write_annotations(path, [Annotation(quad, "a,b", False), Annotation(quad, "", True)])
    word, hidden = read_annotations(path)
    np.testing.assert_array_equal(word.polygon, quad)
    assert (word.text, word.ignore, hidden.ignore) == ("a,b", False, True)
    assert format_line(hidden).endswith(",###")


def test_a_byte_order_mark_is_no_coordinate(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set", f"{SQUARE},word\n", bom=True)
    (picture,) = read_folder(folder)
    assert picture.annotations[0].text == "word"


def test_squeezed_pictures_and_their_polygons_are_corrected(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set", "0,0,96,0,96,64,0,64,all\n", width=96, height=64)
    (picture,) = read_folder(folder, aspect=16 / 9)
    image = picture.load()
    assert image.shape == (54, 96, 3)
    np.testing.assert_allclose(picture.annotations[0].polygon, [[0, 0], [96, 0], [96, 54], [0, 54]])
    np.testing.assert_array_equal(image[20, 20], [30, 20, 10])  # RGB of what OpenCV wrote as BGR


def test_pictures_come_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("img_10.png", "img_2.jpg", "img_1.webp", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in picture_files(tmp_path)] == ["img_1.webp", "img_2.jpg", "img_10.png"]
    assert natural_key(Path("a9b2")) < natural_key(Path("a10b1"))


def test_folders_of_another_form_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="images/ and gts/"):
        read_folder(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "gts").mkdir()
    with pytest.raises(AnnotationError, match="no picture"):
        read_folder(tmp_path)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(AnnotationError, match="not a picture"):
        load_picture(tmp_path / "x.png")


def test_a_curve_says_how_many_points_it_has(tmp_path: Path) -> None:
    arc = np.array([[0, 10], [10, 0], [20, 10], [20, 16], [10, 6], [0, 16]], np.float32)
    write_annotations(tmp_path / "gt.txt", [Annotation(arc, "12:30,5", False)])
    assert (tmp_path / "gt.txt").read_text().startswith("6:0.0,10.0,")
    (word,) = read_annotations(tmp_path / "gt.txt")
    np.testing.assert_array_equal(word.polygon, arc)
    assert word.text == "12:30,5"
    assert parse_line(f"{SQUARE},12:30").text == "12:30"


@pytest.mark.parametrize("points", ["2", "5"])
def test_an_odd_number_of_points_is_refused(points: str) -> None:
    with pytest.raises(AnnotationError, match="an even number of points, at least 4"):
        parse_line(f"{points}:{SQUARE},word")
