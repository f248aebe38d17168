from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.data.annotations import AnnotationError
from spotter.training.evaluation.datasets import PRESETS, Dataset, Preset, validation_sets


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    """Two pictures of 64 x 96, each with a word in letters and marks apart."""
    folder = tmp_path / "sign" / "val"
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / "images" / f"{name}.png"), np.zeros((64, 96, 3), np.uint8))
        (folder / "gts" / f"gt_{name}.txt").write_text("0,0,50,0,50,32,0,32,e\u0301te\u0301\n", encoding="utf-8")
    return folder


def test_transcripts_keep_their_accents_in_the_composed_form(folder: Path) -> None:
    pictures = Dataset(folder).pictures()
    assert [a.text for picture in pictures for a in picture.annotations] == ["\u00e9t\u00e9"] * 2
    assert not pictures[0].annotations[0].ignore
    assert len(Dataset(folder).pictures(1)) == 1


def test_a_presets_aspect_corrects_the_polygons(folder: Path) -> None:
    (picture, _) = Dataset(folder, Preset(aspect=3.0)).pictures()
    assert picture.load().shape == (32, 96, 3)
    assert picture.annotations[0].polygon[2].tolist() == [50, 16]


def test_cut_lines_are_read_as_such(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    cv2.imwrite(str(tmp_path / "val" / "a.png"), np.zeros((10, 20, 3), np.uint8))
    (tmp_path / "labels.tsv").write_text("val/a.png\tte\u0301\n", encoding="utf-8")
    (picture,) = Dataset(tmp_path / "val", PRESETS["lines"]).pictures()
    assert picture.load().shape == (30, 40, 3)
    assert picture.annotations[0].text == "t\u00e9"


def test_the_sets_of_a_folder_in_the_order_of_the_presets(tmp_path: Path) -> None:
    for name in ("lines", "ui", "icdar2015", "unknown"):
        (tmp_path / name / "val").mkdir(parents=True)
    found = validation_sets(tmp_path)
    assert [str(dataset) for dataset in found] == ["icdar2015", "ui", "lines"]
    assert [dataset.how.measure for dataset in found] == ["end_to_end", "end_to_end", "words_exact"]
    assert found[2].folder == tmp_path / "lines" / "val"
    with pytest.raises(AnnotationError, match="icdar2015/val, icdar2003/val"):
        validation_sets(tmp_path / "ui")
