"""Tesseract as a baseline for comparisons: the command-line program (Debian's package `tesseract-ocr`)."""

import os
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENGLISH = "eng"
OWN, SPARSE = "3", "11"
"""Page segmentation modes: the program's default, which looks for columns and paragraphs; and sparse text anywhere in
the picture, in no order, as in street scenes."""

_PROGRAM = "tesseract"
_WORD = "5"  # the level of words in its table
_SECONDS = 120


class TesseractError(Exception):
    """The program, or a language of it, is not installed; the message says which."""


@dataclass(frozen=True)
class TesseractWord:
    """box: (left, top, right, bottom) in pixels; score: its own confidence, 0 to 1."""

    box: tuple[int, int, int, int]
    text: str
    score: float

    @property
    def polygon(self) -> NDArray[np.float32]:
        """float32 [4, 2], clockwise from the top left."""
        left, top, right, bottom = self.box
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def version() -> str | None:
    """Its version, or None when it is not installed."""
    return _output("--version").split()[1] if shutil.which(_PROGRAM) else None


def require(languages: str = ENGLISH) -> str:
    """Its version. Raises TesseractError where it is not installed or lacks one of the languages, e.g. `eng` or
    `eng+deu`."""
    found = version()
    if found is None:
        raise TesseractError("tesseract is not installed (Debian: apt-get install tesseract-ocr)")
    known = _output("--list-langs").splitlines()[1:]  # the first line is a heading
    missing = [each for each in languages.split("+") if each not in known]
    if missing:
        raise TesseractError(f"tesseract lacks the language {', '.join(missing)}; it has {', '.join(known) or 'none'}")
    return found


def read(
    pixels: NDArray[np.uint8], threads: int = 1, languages: str = ENGLISH, segmentation: str = SPARSE
) -> list[TesseractWord]:
    """Words of a picture, uint8 [H, W, 3] RGB. Each call starts the program, which is part of the measured time."""
    height, width = pixels.shape[:2]
    ran = subprocess.run(
        [_PROGRAM, "stdin", "stdout", "-l", languages, "--psm", segmentation, "tsv"],
        input=b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(pixels).tobytes(),
        capture_output=True,
        env={**os.environ, "OMP_THREAD_LIMIT": str(threads)},
        timeout=_SECONDS,
        check=True,
    )
    return parse(ran.stdout.decode())


def parse(listing: str) -> list[TesseractWord]:
    """The words in a table of its own form (TSV)."""
    words = []
    for line in listing.rstrip("\n").split("\n")[1:]:
        level, *_, left, top, width, height, score, text = line.split("\t")
        if level == _WORD and text.strip():
            box = (int(left), int(top), int(left) + int(width), int(top) + int(height))
            words.append(TesseractWord(box, text.strip(), float(score) / 100))
    return words


def _output(option: str) -> str:
    """The program's output for an option; old releases print it to standard error."""
    said = subprocess.run([_PROGRAM, option], capture_output=True, text=True, timeout=_SECONDS, check=True)
    return said.stdout or said.stderr
