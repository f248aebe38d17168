"""Converts data sets of lines to data sets of words, cut where `spotter.training.data.alignment` finds the spaces."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.model.ppocr import ROWS
from spotter.training.data.alignment import AlignedWord, LineAligner
from spotter.training.data.annotations import Annotation, Picture, load_picture
from spotter.training.data.crops import read_labels
from spotter.training.data.lines import flattened, height_of, part_of

_LEAST = 6  # pixels; narrower words and smaller lines are skipped
_INWARDS = 0.08  # of the height: a cut lies in the middle of a space, and a word ends this much before it
_QUALITY = 92


def lines_to_cut(folder: Path, output: Path, part: str = "") -> list[tuple[str, str]]:
    """(file name, transcript) of the lines of `labels.tsv` whose names begin with `part`, except those of which
    `output` already has words."""
    done = (
        {Path(name).stem.rpartition("_")[0] for name, _ in read_labels(output)} if _labels(output).exists() else set()
    )
    return [(name, text) for name, text in read_labels(folder) if name.startswith(part) and _stem(name) not in done]


def cut_line(line: NDArray[np.uint8], transcript: str, aligner: LineAligner) -> list[tuple[NDArray[np.uint8], str]]:
    """Pictures of the words of a line uint8 [H, W, 3], and their texts; words with an uncertain alignment are left
    out."""
    width = line.shape[1]
    text = unicodedata.normalize("NFC", transcript)
    cut = [(line[:, int(w.start * width) : int(np.ceil(w.end * width))], w.text) for w in aligner.words(line, text)]
    return [(crop, word) for crop, word in cut if crop.shape[1] >= _LEAST]


def cut_lines(folder: Path, lines: Iterable[tuple[str, str]], output: Path, aligner: LineAligner) -> Iterator[int]:
    """Writes the words of lines of `folder` to `output`, whose `labels.tsv` grows; yields each line's number of words.

    Raises AnnotationError where a file is no picture.
    """
    output.mkdir(parents=True, exist_ok=True)
    for name, transcript in lines:
        words = cut_line(load_picture(folder / name), transcript, aligner)
        labels = []
        for number, (crop, text) in enumerate(words):
            file = f"{_stem(name)}_{number}.webp"
            quality = [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
            cv2.imwrite(str(output / file), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), quality)
            labels.append(f"{file}\t{text}\n")
        with _labels(output).open("a", encoding="utf-8") as table:  # one write for all words of a line
            table.write("".join(labels))
        yield len(words)


def cut_picture(picture: Picture, aligner: LineAligner, any_case: bool) -> list[Annotation]:
    """The words of a picture's lines; parts of lines without a found word become regions to ignore. any_case: as in
    `LineAligner.words`."""
    image = picture.load()
    found: list[Annotation] = []
    for line in picture.annotations:
        if line.ignore or height_of(line.polygon) < _LEAST:
            found.append(Annotation(line.polygon, "", True))
            continue
        text = unicodedata.normalize("NFC", line.text)
        words = aligner.words(flattened(image, line.polygon, ROWS), text, any_case)
        found += [Annotation(_shape(line.polygon, word), word.text, False) for word in words]
        found += [Annotation(part_of(line.polygon, *gap), "", True) for gap in _gaps(words)]
    return found


def _shape(polygon: NDArray[np.float32], word: AlignedWord) -> NDArray[np.float32]:
    """The polygon of a word, a part of its line's polygon without the spaces around the word."""
    sides = np.linalg.norm(np.roll(polygon, -1, 0) - polygon, axis=1)
    inwards = _INWARDS * height_of(polygon) / max(float(sides[0] + sides[2]) / 2, 1.0)
    inwards = min(inwards, (word.end - word.start) / 4)
    start = word.start + inwards * (word.start > 0)
    end = word.end - inwards * (word.end < 1)
    return part_of(polygon, start, end)


def _gaps(words: Sequence[AlignedWord]) -> list[tuple[float, float]]:
    """The parts of a line that no word covers, as (start, end) in shares of its length."""
    ends = [0.0, *(word.end for word in words)]
    starts = [*(word.start for word in words), 1.0]
    return [(end, start) for end, start in zip(ends, starts, strict=True) if start - end > 1e-6]


def _stem(name: str) -> str:
    """The stem of the word pictures' names, made of a line's path with its folders: file names may repeat in different
    folders."""
    return "_".join(Path(name).with_suffix("").parts)


def _labels(folder: Path) -> Path:
    return folder / "labels.tsv"
