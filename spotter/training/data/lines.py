"""Cuts annotated lines of text into words.

In data sets whose boxes are whole lines, the positions of words are estimated from the widths of the transcript's
characters and from columns without ink.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spotter.training.data.annotations import Annotation, Picture

_LINE_HEIGHT = 32
_MONOSPACED = 0.6  # advance of every glyph of a fixed-pitch face, in em
_NARROW = {
    **dict.fromkeys("ijl'|", 0.24),
    **dict.fromkeys("It.,:;! fr()[]/\\-`", 0.31),
    **dict.fromkeys('cksvxyzJ"*^{}', 0.5),
    **dict.fromkeys("ABEKPSVXY&", 0.67),
    **dict.fromkeys("CDHNRUw", 0.72),
    **dict.fromkeys("GOQ", 0.78),
    **dict.fromkeys("mM", 0.83),
    **dict.fromkeys("W@%", 0.94),
}


def character_width(character: str) -> float:
    """A character's advance in em: the mean of a proportional sans-serif face and of a fixed-pitch one."""
    return (_NARROW.get(character, 0.56) + _MONOSPACED) / 2


def word_spans(text: str) -> list[tuple[float, float]]:
    """(start, end) of each word as fractions of the line's length, from the characters' widths alone."""
    edges = np.cumsum([0.0, *(character_width(character) for character in text)])
    spans, start = [], 0
    for word in text.split(" "):
        if word:
            spans.append((float(edges[start] / edges[-1]), float(edges[start + len(word)] / edges[-1])))
        start += len(word) + 1
    return spans


def split_picture(picture: Picture) -> Picture:
    """The picture with every line cut into words."""
    image = picture.load()
    return replace(picture, annotations=tuple(word for a in picture.annotations for word in split_line(a, image)))


def split_line(line: Annotation, image: NDArray[np.uint8] | None = None) -> list[Annotation]:
    """The words of a line, in order; a line of one word, an ignored line and a curved line are not cut.

    image: uint8 [H, W, 3]; where given, the cuts are moved into the blanks between the words.
    """
    text = line.text.strip()
    spans = word_spans(text)
    if line.ignore or len(spans) < 2 or len(line.polygon) != 4:
        return [replace(line, text=text)]
    if image is not None:
        spans = _snap(text, spans, ink_columns(image, line.polygon)) or spans
    return [
        Annotation(part_of(line.polygon, *span), word, False) for span, word in zip(spans, text.split(), strict=True)
    ]


def part_of(polygon: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
    """The polygon float32 [4, 2] of a part of a line, from `start` to `end` as shares of its length."""
    top_left, top_right, bottom_right, bottom_left = polygon
    top, bottom = top_right - top_left, bottom_right - bottom_left
    corners = (top_left + start * top, top_left + end * top, bottom_left + end * bottom, bottom_left + start * bottom)
    return np.stack(corners).astype(np.float32)


def height_of(polygon: NDArray[np.float32]) -> float:
    """The height in pixels of a line's polygon [4, 2], at least 1."""
    sides = np.linalg.norm(np.roll(polygon, -1, 0) - polygon, axis=1)
    return max(1.0, float(sides[1] + sides[3]) / 2)


def flattened(image: NDArray[np.uint8], polygon: NDArray[np.float32], height: int) -> NDArray[np.uint8]:
    """A line of a picture uint8 [H, W, 3], rectified to a level strip of `height` rows."""
    sides = np.linalg.norm(np.roll(polygon, -1, 0) - polygon, axis=1)
    width = int(np.clip((sides[0] + sides[2]) / 2 * height / height_of(polygon), 8, 4096))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(polygon - 0.5, corners - 0.5)
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def ink_columns(image: NDArray[np.uint8], polygon: NDArray[np.float32]) -> NDArray[np.bool_]:
    """bool [W]: which columns of the line, rectified to a height of 32 pixels, hold ink."""
    flat = flattened(image, polygon, _LINE_HEIGHT)
    rows = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY)[4:-4].astype(
        np.float32
    )  # without the top and bottom, which may contain parts of neighbouring lines
    contrast = np.abs(rows - np.median(rows)).max(0)
    return np.asarray(contrast > 0.4 * np.percentile(contrast, 90), np.bool_)


def _snap(text: str, spans: list[tuple[float, float]], ink: NDArray[np.bool_]) -> list[tuple[float, float]] | None:
    """Moves the cuts between spans into runs of blank columns, chosen so that the words' lengths are nearest to the
    expected ones.

    A shortest path over (word, run): a word costs its deviation from the expected length, and the width of a run is
    subtracted. None where the line has too few runs.
    """
    inked = np.flatnonzero(ink)
    if not len(inked):
        return None
    first, last = int(inked[0]), int(inked[-1]) + 1
    changes = np.flatnonzero(np.diff(ink[first:last].astype(np.int8))) + 1 + first
    starts, ends = changes[0::2].astype(float), changes[1::2].astype(float)
    gaps = len(spans) - 1
    if len(starts) < gaps:
        return None
    begins, stops = (
        np.array([first, *ends]),
        np.array([*starts, last]),
    )  # a word begins after a run and ends at the next chosen one
    length = (last - first) / (spans[-1][1] - spans[0][0])
    widths = stops[None, :] - begins[:, None]  # [begin, stop]
    best = np.full(len(begins), np.inf)
    best[0] = 0.0
    came: list[NDArray[np.intp]] = []
    gain = np.minimum(ends - starts, 0.6 * _LINE_HEIGHT)
    for n, (start, end) in enumerate(spans):
        cost = best[:, None] + np.where(widths > 0, np.abs(widths - (end - start) * length), np.inf)
        came.append(cost.argmin(0))
        reached = cost.min(0)  # by the run at which the word ends
        if n < gaps:
            best = np.concatenate(([np.inf], reached[:-1] - 2 * gain))
    if not np.isfinite(reached[-1]):
        return None
    stop, result = len(stops) - 1, []
    for n in range(gaps, -1, -1):
        begin = int(came[n][stop])
        result.append((begins[begin], stops[stop]))
        stop = begin - 1
    margin = 0.06 * _LINE_HEIGHT
    return [
        (max(0.0, float(a - margin) / len(ink)), min(1.0, float(b + margin) / len(ink))) for a, b in reversed(result)
    ]
