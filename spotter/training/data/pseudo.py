"""Pseudo-labels by a teacher: for pictures without labels, and for the case of letters in existing transcripts."""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from spotter.training.data.annotations import Annotation, load_picture, picture_files, write_annotations
from spotter.training.data.teacher import TeacherWord

_SAME_PLACE = 0.5

Teacher = Callable[[NDArray[np.uint8]], list[TeacherWord]]


def to_annotations(words: Sequence[TeacherWord], confidence: float) -> list[Annotation]:
    """A teacher's words as labels. Ignored are words below the confidence, words that run down the page, and words with
    other characters than printable ASCII."""
    return [
        Annotation(word.polygon, word.text if _sure(word, confidence) else "", not _sure(word, confidence))
        for word in words
    ]


def _sure(word: TeacherWord, confidence: float) -> bool:
    readable = all("!" <= character <= "~" for character in word.text) and bool(word.text)
    return word.score >= confidence and readable and (not word.upright or len(word.text) == 1)


def label_picture(picture: Path, output: Path, teacher: Teacher, confidence: float) -> list[Annotation]:
    """Labels one picture and adds it to the ICDAR-form folder `output`, as a link to the picture's file."""
    annotations = to_annotations(teacher(load_picture(picture)), confidence)
    add_picture(picture, output, annotations)
    return annotations


def add_picture(picture: Path, output: Path, annotations: Sequence[Annotation]) -> None:
    """Adds a picture, as a link to its file, and its regions to an ICDAR-form folder."""
    for name in ("images", "gts"):
        (output / name).mkdir(parents=True, exist_ok=True)
    link = output / "images" / picture.name
    link.unlink(missing_ok=True)
    link.symlink_to(picture.resolve())
    write_annotations(output / "gts" / f"gt_{picture.stem}.txt", annotations)


def unlabelled(folder: Path, output: Path) -> list[Path]:
    """The pictures of `folder` that `output` does not have yet, so that a stopped run can continue."""
    return [p for p in picture_files(folder) if not (output / "gts" / f"gt_{p.stem}.txt").is_file()]


def agreed(words: Sequence[TeacherWord], others: Sequence[TeacherWord]) -> list[TeacherWord]:
    """The words of one teacher, marked as uncertain where the other teacher does not read the same text there
    (IoU above 0.5, ignoring case), and the words that only the other teacher found, all marked as uncertain."""
    shapes = [[Polygon(word.polygon).buffer(0) for word in each] for each in (words, others)]
    labelled = []
    met: set[int] = set()
    for word, shape in zip(words, shapes[0], strict=True):
        overlapping = [n for n, other in enumerate(shapes[1]) if _iou(shape, other) > _SAME_PLACE]
        met.update(overlapping)
        same = any(others[n].text.lower() == word.text.lower() for n in overlapping)
        labelled.append(word if same else _doubted(word))
    return labelled + [_doubted(other) for n, other in enumerate(others) if n not in met]


def _doubted(word: TeacherWord) -> TeacherWord:
    return TeacherWord(word.polygon, word.text, 0.0, word.upright)


def _iou(one: Polygon, other: Polygon) -> float:
    both = one.intersection(other).area
    return float(both / max(one.area + other.area - both, 1e-6))


def restore_case(annotations: Sequence[Annotation], words: Sequence[TeacherWord]) -> list[Annotation]:
    """Annotations with the letter case in which a teacher read them, where the two overlap.

    Some data sets write every transcript in capitals, whatever the picture shows. Only the case of letters is changed.
    """
    shapes = [Polygon(word.polygon).buffer(0) for word in words]
    boxes = [(word.polygon.min(0), word.polygon.max(0)) for word in words]
    restored = []
    for annotation in annotations:
        shape = Polygon(annotation.polygon).buffer(0)
        low, high = annotation.polygon.min(0), annotation.polygon.max(0)
        near = [n for n, (a, b) in enumerate(boxes) if (a < high).all() and (b > low).all()]
        overlap = {n: shape.intersection(shapes[n]).area for n in near}
        best = max(overlap, key=lambda n: overlap[n], default=None)
        text = annotation.text
        if best is not None and overlap[best] > 0.3 * shape.area:
            text = transfer_case(text, words[best].text)
        restored.append(Annotation(annotation.polygon, text, annotation.ignore))
    return restored


def transfer_case(text: str, reading: str) -> str:
    """`text` with the case of `reading` where the letters agree; other letters take the case of the letter before them.

    Where less than half of the letters agree, the text is returned unchanged.
    """
    matcher = SequenceMatcher(None, text.lower(), reading.lower(), autojunk=False)
    blocks = matcher.get_matching_blocks()
    if 2 * sum(block.size for block in blocks) < len(text):
        return text
    result: list[str | None] = [None] * len(text)
    for block in blocks:
        for n in range(block.size):
            result[block.a + n] = reading[block.b + n]
    for n, character in enumerate(text):
        if result[n] is None:
            before = result[n - 1] if n else None
            result[n] = character.lower() if before is not None and before.islower() else character
    return "".join(character or "" for character in result)
