"""Reads and writes annotated pictures in the form of the ICDAR contests.

A folder holds `images/NAME.EXT` and `gts/gt_NAME.txt`; a line of the latter has eight coordinates and a transcript,
which may itself contain commas. The transcript `###` marks text to be ignored. A line for curved text begins with the
number of its points and a colon, `6:x1,y1,...,x6,y6,transcript`. Files as Total-Text and CTW1500 are published
(`spotter.training.data.published`) may lie in `gts/` instead, under their own names.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.published import find_published

DO_NOT_CARE = "###"
_POINTS = re.compile(r"\s*(\d{1,4}):")
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


class AnnotationError(ValueError):
    """A folder or line that is not in the ICDAR form."""


@dataclass(frozen=True)
class Annotation:
    """One region: polygon float32 [2n, 2] in pixels, clockwise from the text's own top-left, n points on its top edge
    and n on its bottom edge, and its text."""

    polygon: NDArray[np.float32]
    text: str
    ignore: bool


@dataclass(frozen=True)
class Picture:
    """A picture's file and its regions, in the pixels of the picture as `load` returns it."""

    path: Path
    annotations: tuple[Annotation, ...]
    aspect: float | None = None

    def load(self) -> NDArray[np.uint8]:
        """uint8 [H, W, 3] RGB; the height follows from `aspect` (width / height) where one is set."""
        return load_picture(self.path, self.aspect)


def load_picture(path: Path, aspect: float | None = None) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] RGB of a picture after its EXIF rotation, with its height changed to fit `aspect`.

    Raises AnnotationError where the file is no picture.
    """
    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise AnnotationError(f"{path}: not a picture that can be read")
    image = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    if aspect is not None:
        height, width = corrected_size(image.shape[0], image.shape[1], aspect)
        if height != image.shape[0]:
            method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_LINEAR
            image = cv2.resize(image, (width, height), interpolation=method)
    return np.asarray(image, np.uint8)


def corrected_size(height: int, width: int, aspect: float) -> tuple[int, int]:
    """(height, width) of a squeezed picture whose true width / height is `aspect`; the width is unchanged."""
    return max(1, round(width / aspect)), width


def parse_line(line: str, where: str = "annotation", ascii_only: bool = True) -> Annotation:
    """Parses `x1,y1,...,x4,y4,transcript`, or `n:x1,y1,...,xn,yn,transcript` with n points.

    ascii_only: ignore text with other characters than printable ASCII, which have no class.
    Raises AnnotationError where the line has another form.
    """
    counted = _POINTS.match(line)
    points = int(counted[1]) if counted else 4
    if points < 4 or points % 2:
        raise AnnotationError(f"{where}: wants an even number of points, at least 4, got {line!r}")
    fields = line[counted.end() if counted else 0 :].split(",", 2 * points)
    try:
        polygon = np.array([float(field) for field in fields[: 2 * points]], np.float32).reshape(points, 2)
    except ValueError:
        wanted = f"{2 * points} coordinates" if counted else "eight coordinates"
        raise AnnotationError(f"{where}: wants {wanted} and a transcript, got {line!r}") from None
    return _annotation(polygon, fields[2 * points].strip() if len(fields) > 2 * points else "", ascii_only)


def _annotation(polygon: NDArray[np.float32], text: str, ascii_only: bool) -> Annotation:
    readable = bool(text) and text != DO_NOT_CARE
    if ascii_only:
        readable = readable and all(" " <= character <= "~" for character in text)
    return Annotation(polygon, text if readable else "", not readable)


def format_line(annotation: Annotation) -> str:
    """The line that `parse_line` reads back."""
    coordinates = ",".join(f"{value:.1f}" for value in annotation.polygon.reshape(-1).tolist())
    points = "" if len(annotation.polygon) == 4 else f"{len(annotation.polygon)}:"
    return f"{points}{coordinates},{DO_NOT_CARE if annotation.ignore else annotation.text}"


def read_annotations(path: Path, ascii_only: bool = True) -> tuple[Annotation, ...]:
    """The regions of one annotation file, in the order of its lines."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return tuple(parse_line(line, f"{path}:{n}", ascii_only) for n, line in enumerate(lines, 1) if line.strip())


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name with numbers by value (img_2 before img_10)."""
    return sorted((p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES), key=natural_key)


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """A sort key that compares runs of digits in names as numbers."""

    def pieces() -> Iterator[tuple[int, int, str]]:
        run = ""
        for character in path.name:
            if run and character.isdecimal() != run[-1].isdecimal():
                yield (0, int(run), "") if run.isdecimal() else (1, 0, run)
                run = ""
            run += character
        if run:
            yield (0, int(run), "") if run.isdecimal() else (1, 0, run)

    return tuple(pieces())


def read_folder(
    folder: str | os.PathLike[str],
    aspect: float | None = None,
    ascii_only: bool = True,
) -> list[Picture]:
    """Every annotated picture of a folder; of the picture files only headers are read.

    aspect: true width / height of every picture, for data stored squeezed (ICDAR 2015 stored as 960x640 has
        16/9); polygons are corrected with the pictures.
    ascii_only: as in `parse_line`; False for evaluation, which counts every legible word.
    Raises AnnotationError where the folder is not in ICDAR form.
    """
    root = Path(folder)
    if not (root / "images").is_dir() or not (root / "gts").is_dir():
        raise AnnotationError(f"{root}: wants the folders images/ and gts/")
    pictures = []
    for path in picture_files(root / "images"):
        annotations = _of_picture(root / "gts", path.stem, ascii_only)
        if annotations is not None:
            pictures.append(_correct(Picture(path, annotations, aspect)))
    if not pictures:
        raise AnnotationError(f"{root}: no picture has an annotation file gts/gt_NAME.txt")
    return pictures


def _of_picture(folder: Path, name: str, ascii_only: bool) -> tuple[Annotation, ...] | None:
    """The regions of a picture by its name, from a file of any supported form; None where there is no such file."""
    truth = folder / f"gt_{name}.txt"
    if truth.is_file():
        return read_annotations(truth, ascii_only)
    try:
        found = find_published(folder, name)
    except ValueError as error:
        raise AnnotationError(str(error)) from None
    return None if found is None else tuple(_annotation(w.polygon, w.text or "", ascii_only) for w in found)


def _correct(picture: Picture) -> Picture:
    if picture.aspect is None:
        return picture
    height, width = stored_size(picture.path)
    factor = np.array([1.0, corrected_size(height, width, picture.aspect)[0] / height], np.float32)
    return replace(
        picture,
        annotations=tuple(replace(a, polygon=a.polygon * factor) for a in picture.annotations),
    )


def stored_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture after its EXIF rotation, from the file's header."""
    from PIL import Image

    with Image.open(path) as image:
        width, height = image.size
        sideways = image.getexif().get(0x0112, 1) >= 5  # EXIF orientations 5 to 8 swap the axes
    return (width, height) if sideways else (height, width)


def write_annotations(path: Path, annotations: Sequence[Annotation]) -> None:
    """Writes one annotation file."""
    path.write_text("".join(f"{format_line(a)}\n" for a in annotations), encoding="utf-8")
