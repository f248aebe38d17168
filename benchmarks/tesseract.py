"""Tesseract as a peer: the program itself, as a person would run it."""

import os
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORD = "5"  # level of a line of its table
_SPARSE = "11"  # page segmentation: text anywhere, in no order, as in a street
_SECONDS = 120


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
    if shutil.which("tesseract") is None:
        return None
    said = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    return (said.stdout or said.stderr).split()[1]


def read(pixels: NDArray[np.uint8], threads: int = 1, segmentation: str = _SPARSE) -> list[TesseractWord]:
    """Words of a picture, uint8 [H, W, 3] RGB. Starts the program anew, which takes some of its time."""
    height, width = pixels.shape[:2]
    ran = subprocess.run(
        ["tesseract", "stdin", "stdout", "--psm", segmentation, "tsv"],
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
    for line in listing.splitlines()[1:]:
        level, *_, left, top, width, height, score, text = line.split("\t")
        if level == _WORD and text.strip():
            box = (int(left), int(top), int(left) + int(width), int(top) + int(height))
            words.append(TesseractWord(box, text.strip(), float(score) / 100))
    return words
