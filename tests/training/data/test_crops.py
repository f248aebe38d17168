from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.data.crops import WordCropSource, crops_not_surely_from, read_labels

BACKGROUND = np.full((200, 300, 3), 60, np.uint8)


def write_crops(folder: Path, labels: list[str], size: tuple[int, int] = (60, 20)) -> Path:
    folder.mkdir(parents=True)
    lines = []
    for n, text in enumerate(labels, 1):
        crop = np.full((size[1], size[0], 3), 250, np.uint8)
        cv2.imwrite(str(folder / f"word_{n}.png"), crop)
        lines.append(f"word_{n}.png\t{text}\n")
    (folder / "labels.tsv").write_text("".join(reversed(lines)))
    return folder


def write_truth(folder: Path, pictures: dict[int, list[str]]) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    for number, texts in pictures.items():
        (folder / "images" / f"img_{number}.png").touch()
        lines = [f"0,0,1,0,1,1,0,1,{text}\n" for text in texts]
        (folder / "gts" / f"gt_img_{number}.txt").write_text("".join(lines))
    return folder


def test_labels_come_in_order_of_their_numbers(tmp_path: Path) -> None:
    folder = write_crops(tmp_path / "crops", [f"w{n}" for n in range(1, 13)])
    assert [text for _, text in read_labels(folder)] == [f"w{n}" for n in range(1, 13)]


def test_crops_of_held_out_pictures_are_excluded(tmp_path: Path) -> None:
    train = write_truth(tmp_path / "train", {1: ["a", "b", "###"], 10: ["g", "h"], 3: ["e", "f"]})
    held_out = write_truth(tmp_path / "val", {2: ["c", "###", "d"]})
    crops = write_crops(tmp_path / "crops", list("abcdefgh"))
    assert crops_not_surely_from(crops, train, [held_out]) == {"word_3.png", "word_4.png"}


def test_crops_whose_picture_is_unsure_are_excluded(tmp_path: Path) -> None:
    # "x" is in no picture: the run before it is long enough to be believed, the two words after it are not.
    train = write_truth(tmp_path / "train", {1: ["a", "b", "c", "d"], 2: ["e", "f"]})
    held_out = write_truth(tmp_path / "val", {3: ["g", "h", "i", "j"]})
    crops = write_crops(tmp_path / "crops", ["a", "b", "c", "d", "x", "e", "f", "y", "g", "h", "i", "j"])
    names = {f"word_{n}.png" for n in range(5, 13)}
    assert crops_not_surely_from(crops, train, [held_out]) == names


def test_samples_show_words_where_the_polygons_are(tmp_path: Path) -> None:
    folder = write_crops(tmp_path / "crops", ["Alpha", "Beta"])
    source = WordCropSource(folder, [BACKGROUND], strength=0.0)
    words = 0
    for seed in range(8):
        sample = source.sample(np.random.default_rng(seed), 256)
        for polygon, text in zip(sample.polygons, sample.texts, strict=True):
            x, y = polygon.mean(0)
            if text and 1 < x < 255 and 1 < y < 255:
                assert sample.image[int(y), int(x)].min() > 200
                words += 1
    assert words > 40


def test_polygons_lie_a_little_inside_the_crop(tmp_path: Path) -> None:
    source = WordCropSource(write_crops(tmp_path / "crops", ["Word"]), [BACKGROUND], strength=0.0)
    sample = source.sample(np.random.default_rng(3), 256)
    mask = np.zeros((256, 256), np.uint8)
    for polygon in sample.polygons:
        cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 255)
    white = (sample.image.min(-1) > 200).sum()
    assert 0.7 * white < (mask > 0).sum() < 1.0 * white


def test_labels_that_are_no_single_word_are_left_out(tmp_path: Path) -> None:
    folder = write_crops(tmp_path / "crops", ["ok", "two words", "caf\u00e9", ""])
    source = WordCropSource(folder, [BACKGROUND])
    drawn = (source.sample(np.random.default_rng(seed), 256).texts for seed in range(4))
    assert {text for texts in drawn for text in texts if text} == {"ok", "caf\u00e9"}


def test_excluded_names_and_upright_crops_are_left_out(tmp_path: Path) -> None:
    folder = write_crops(tmp_path / "crops", ["one", "other"])
    assert len(WordCropSource(folder, [BACKGROUND], {"word_1.png"})) == 1
    assert len(WordCropSource(folder, [BACKGROUND], {"crops": ["word_1.png"]})) == 1
    assert len(WordCropSource(folder, [BACKGROUND], {"elsewhere": ["word_1.png"]})) == 2
    upright = write_crops(tmp_path / "upright", ["word", "I"], size=(20, 60))
    assert len(WordCropSource(upright, [BACKGROUND])) == 1


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    folder = write_crops(tmp_path / "crops", ["two words"])
    with pytest.raises(ValueError, match="no word crop"):
        WordCropSource(folder, [BACKGROUND])
    with pytest.raises(ValueError, match="background"):
        WordCropSource(folder, [])


def test_the_same_generator_state_gives_the_same_picture(tmp_path: Path) -> None:
    source = WordCropSource(write_crops(tmp_path / "crops", ["a", "b", "c"]), [BACKGROUND])
    first, second = (source.sample(np.random.default_rng(5), 128) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    assert first.texts == second.texts
    assert (BACKGROUND == 60).all()
