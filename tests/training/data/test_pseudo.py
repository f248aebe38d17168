from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation, read_folder
from spotter.training.data.pseudo import agreed, label_picture, restore_case, to_annotations, transfer_case, unlabelled
from spotter.training.data.teacher import TeacherWord


def box(x: float, y: float = 0.0) -> NDArray[np.float32]:
    return np.array([[x, y], [x + 40, y], [x + 40, y + 20], [x, y + 20]], np.float32)


def test_unsure_unreadable_and_upright_words_are_ignored() -> None:
    words = [
        TeacherWord(box(0), "Sure", 0.95, False),
        TeacherWord(box(0), "Unsure", 0.85, False),
        TeacherWord(box(0), "caf\u00e9", 0.99, False),
        TeacherWord(box(0), "down", 0.99, True),
        TeacherWord(box(0), "I", 0.99, True),
    ]
    annotations = to_annotations(words, 0.9)
    assert [a.text for a in annotations] == ["Sure", "", "", "", "I"]
    assert [a.ignore for a in annotations] == [False, True, True, True, False]


def test_labels_are_written_and_a_second_run_goes_on(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(source / name), np.zeros((30, 50, 3), np.uint8))

    def teacher(image: NDArray[np.uint8]) -> list[TeacherWord]:
        assert image.shape == (30, 50, 3)
        return [TeacherWord(box(2), "Hi", 0.99, False)]

    assert [path.name for path in unlabelled(source, output)] == ["a.png", "b.png"]
    label_picture(source / "a.png", output, teacher, 0.9)
    assert [path.name for path in unlabelled(source, output)] == ["b.png"]
    (picture,) = read_folder(output)
    assert picture.load().shape == (30, 50, 3)
    assert picture.annotations[0].text == "Hi"


@pytest.mark.parametrize(
    ("text", "reading", "expected"),
    [
        ("THANK", "Thank", "Thank"),
        ("CUSTOMER'S", "Customers", "Customer's"),  # the truth's characters stay
        ("TOTAL:", "TotaI:", "Total:"),  # a misread letter takes the case of the one before
        ("RM12.50", "RM12.50", "RM12.50"),
        ("THANK", "xyz", "THANK"),
    ],
)
def test_case_is_carried_over(text: str, reading: str, expected: str) -> None:
    assert transfer_case(text, reading) == expected


def test_case_comes_from_the_word_at_the_same_place() -> None:
    annotations = [Annotation(box(0), "THE", False), Annotation(box(100), "THE", False)]
    words = [TeacherWord(box(102), "the", 0.9, False), TeacherWord(box(1), "The", 0.9, False)]
    assert [a.text for a in restore_case(annotations, words)] == ["The", "the"]
    assert [a.text for a in restore_case(annotations, [])] == ["THE", "THE"]


def test_teachers_are_sure_of_what_they_read_alike() -> None:
    """The same in the first place, other words in the second; only one finds the third, only the other the fourth."""
    words = [TeacherWord(box(x), text, 0.95, False) for x, text in ((0, "Exit"), (100, "Stop"), (200, "Bar"))]
    others = [TeacherWord(box(x), text, 0.9, False) for x, text in ((3, "EXIT"), (100, "Step"), (300, "Cafe"))]
    result = agreed(words, others)
    assert [(word.text, word.score) for word in result] == [("Exit", 0.95), ("Stop", 0), ("Bar", 0), ("Cafe", 0)]
    assert [a.ignore for a in to_annotations(result, 0.9)] == [False, True, True, True]
