"""Data sets of cut-out lines, as pictures in which a reader of whole pictures can find the text.

A file `labels.tsv` gives a picture's path, relative to the folder of that file, a tab, and the line's transcript.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation, AnnotationError, Picture, load_picture, stored_size
from spotter.training.data.crops import read_labels

LABELS = "labels.tsv"


@dataclass(frozen=True)
class LinePicture(Picture):
    """A cut-out line in the middle of a plain picture.

    The margin is as wide on every side as the line is high, and has the median colour of the line's border.
    """

    def load(self) -> NDArray[np.uint8]:
        """uint8 [3 H, W + 2 H, 3] RGB for a line of H x W pixels."""
        line = load_picture(self.path)
        border = np.concatenate((line[0], line[-1], line[:, 0], line[:, -1]))
        colour = np.median(border, axis=0).astype(np.uint8).tolist()
        margin = len(line)
        return np.asarray(
            cv2.copyMakeBorder(line, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=colour), np.uint8
        )


def read_cut_lines(folder: Path, limit: int | None = None) -> list[Picture]:
    """The first `limit` lines, or all, of those that lie in `folder`, ordered by the numbers in their names.

    `labels.tsv` is looked for in the folder and in the one above. Each picture has one annotation: the line's
    rectangle and its words, separated by spaces.
    Raises AnnotationError where there is no such file, or when it lists no line of the folder or lists a missing file.
    """
    root = next((at for at in (folder, folder.resolve().parent) if (at / LABELS).is_file()), None)
    if root is None:
        raise AnnotationError(f"{folder}: wants {LABELS}, in the folder or in the one above")
    paths = [(root / name, text) for name, text in read_labels(root)]
    inside = [(path, text) for path, text in paths if path.resolve().is_relative_to(folder.resolve())][:limit]
    if not inside:
        raise AnnotationError(f"{root / LABELS}: lists no line in {folder}")
    pictures: list[Picture] = []
    for path, text in inside:
        if not path.is_file():
            raise AnnotationError(f"{root / LABELS}: {path} is missing")
        height, width = stored_size(path)
        left, top, right, bottom = height, height, height + width, 2 * height
        polygon = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        pictures.append(LinePicture(path, (Annotation(polygon, " ".join(text.split()), False),)))
    return pictures
