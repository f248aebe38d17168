from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.data.real import LabelledSource, turn, visible
from spotter.training.polygons import heights


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    """One grey picture of 400 x 300 whose only word is a white rectangle with a red left half."""
    (tmp_path / "images").mkdir()
    (tmp_path / "gts").mkdir()
    image = np.full((300, 400, 3), 90, np.uint8)
    cv2.rectangle(image, (150, 140), (249, 159), (255, 255, 255), -1)
    cv2.rectangle(image, (150, 140), (199, 159), (0, 0, 255), -1)  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    lines = "150,140,250,140,250,160,150,160,Word\n10,10,60,10,60,30,10,30,###\n100,10,160,10,160,30,100,30,two words\n"
    (tmp_path / "gts" / "gt_a.txt").write_text(lines)
    return tmp_path


def test_polygons_follow_the_pixels(folder: Path) -> None:
    source = LabelledSource(folder, strength=0.0, heights=(20.0, 40.0))
    seen = 0
    for seed in range(30):
        sample = source.sample(np.random.default_rng(seed), 256)
        for polygon, text in zip(sample.polygons, sample.texts, strict=True):
            if text != "Word":
                continue
            # Points a quarter and three quarters along the middle: the red half first, then the white one.
            left, right = (polygon[0] + polygon[3]) / 2, (polygon[1] + polygon[2]) / 2
            for share, colour in ((0.25, [255, 0, 0]), (0.75, [255, 255, 255])):
                x, y = left + share * (right - left)
                if 1 < x < 255 and 1 < y < 255:
                    np.testing.assert_allclose(sample.image[int(y), int(x)], colour, atol=12)
                    seen += 1
    assert seen > 20


def test_the_same_generator_state_gives_the_same_picture(folder: Path) -> None:
    source = LabelledSource([folder])
    first, second = (source.sample(np.random.default_rng(7), 192) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.polygons, second.polygons)
    assert first.image.shape == (192, 192, 3)
    assert first.image.dtype == np.uint8
    assert first.polygons.dtype == np.float32


def test_ignored_regions_and_several_words_have_no_text(folder: Path) -> None:
    source = LabelledSource(folder)
    samples = [source.sample(np.random.default_rng(seed), 256) for seed in range(30)]
    assert {text for sample in samples for text in sample.texts} == {"", "Word"}
    for sample in samples:
        assert len(sample.polygons) == len(sample.texts) == len(sample.ignore)
        assert all((text == "") == hidden for text, hidden in zip(sample.texts, sample.ignore, strict=True))


def test_words_annotated_higher_than_wide_are_ignored_unless_they_are_short(folder: Path) -> None:
    upright = "40,20,60,20,60,90,40,90"
    (folder / "gts" / "gt_a.txt").write_text(
        f"{upright},Spine\n100,20,120,20,120,90,100,90,42\n20,100,90,100,90,120,20,120,Wide\n"
    )
    source = LabelledSource(folder)
    samples = [source.sample(np.random.default_rng(seed), 256) for seed in range(30)]
    assert {text for sample in samples for text in sample.texts} == {"", "42", "Wide"}


def test_lines_are_cut_into_words(folder: Path) -> None:
    source = LabelledSource(folder, lines=True)
    samples = [source.sample(np.random.default_rng(seed), 256) for seed in range(30)]
    assert {text for sample in samples for text in sample.texts} >= {"Word", "two", "words"}


def test_heights_are_spread_over_the_range(folder: Path) -> None:
    source = LabelledSource(folder, heights=(12.0, 36.0))
    found = [
        float(height)
        for seed in range(80)
        for sample in [source.sample(np.random.default_rng(seed), 256)]
        for height, text in zip(heights(sample.polygons), sample.texts, strict=True)
        if text
    ]
    assert min(found) < 15
    assert max(found) > 28
    assert np.percentile(found, 95) < 42


def test_words_cut_by_the_border() -> None:
    def box(x: float) -> list[list[float]]:
        return [[x, 10], [x + 100, 10], [x + 100, 30], [x, 30]]

    # All inside, 95% inside, 50%, 3%, outside.
    polygons = np.array([box(50), box(-5), box(-50), box(-97), box(-150)], np.float32)
    keep, ignore = visible(polygons, 256)
    assert keep.tolist() == [True, True, True, False, False]
    assert ignore[:3].tolist() == [False, False, True]


def test_accented_words_keep_their_text(folder: Path) -> None:
    (folder / "gts" / "gt_a.txt").write_text("150,140,250,140,250,160,150,160,Caf\u00e9\n", encoding="utf-8")
    source = LabelledSource(folder, strength=0.0)
    texts = [text for seed in range(10) for text in source.sample(np.random.default_rng(seed), 256).texts]
    assert set(texts) - {""} == {"Caf\u00e9"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_as_many_pictures_are_turned_as_asked_for(share: float) -> None:
    matrices = [turn(np.random.default_rng(seed), 256, share) for seed in range(20)]
    upright = [matrix[0, 0] > 0.5 and matrix[1, 1] > 0.5 for matrix in matrices]
    assert upright == [share == 0] * 20
