"""Tesseract as a standard of comparison: the program itself, as a person would run it (Debian `tesseract-ocr`)."""

import os
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENGLISH = "eng"
OWN, SPARSE = "3", "11"
"""Page segmentations: the program's default, which looks for columns and paragraphs; text anywhere, in no order, as in
a street."""

_PROGRAM = "tesseract"
_WORD = "5"  # level of a line of its table
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
    return _asked("--version").split()[1] if shutil.which(_PROGRAM) else None


def require(languages: str = ENGLISH) -> str:
    """Its version, where it has all these languages, `eng` or `eng+deu`. Raises TesseractError."""
    found = version()
    if found is None:
        raise TesseractError("tesseract is not installed (Debian: apt-get install tesseract-ocr)")
    known = _asked("--list-langs").splitlines()[1:]  # below a heading
    missing = [each for each in languages.split("+") if each not in known]
    if missing:
        raise TesseractError(f"tesseract lacks the language {', '.join(missing)}; it has {', '.join(known) or 'none'}")
    return found


def read(
    pixels: NDArray[np.uint8], threads: int = 1, languages: str = ENGLISH, segmentation: str = SPARSE
) -> list[TesseractWord]:
    """Words of a picture, uint8 [H, W, 3] RGB. Starts the program anew, which takes some of its time."""
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


def _asked(option: str) -> str:
    """What it says to an option; old releases say it as an error."""
    said = subprocess.run([_PROGRAM, option], capture_output=True, text=True, timeout=_SECONDS, check=True)
    return said.stdout or said.stderr
