"""RapidOCR's PP-OCR as a teacher, and as a baseline for comparisons.

RapidOCR is imported when a reader is made and is no dependency of this package (`pip install rapidocr`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotter.training.data.ppocr import Models

_UPRIGHT = 1.5  # height / width; RapidOCR rotates crops above this ratio by 90 degrees before reading them

# The settings that PP-OCR was trained with. RapidOCR's own normalise pictures differently and find a tenth fewer words
# on streets.
REFERENCE_SETTINGS: dict[str, Any] = {
    "Det.mean": [0.485, 0.456, 0.406],
    "Det.std": [0.229, 0.224, 0.225],
    "Det.thresh": 0.2,
    "Det.box_thresh": 0.45,
    "Det.unclip_ratio": 1.4,
    "Det.use_dilation": False,
    "Global.use_cls": False,
}


@dataclass(frozen=True)
class TeacherWord:
    """A word of a teacher. polygon: float32 [4, 2], pixels, clockwise from the text's top-left. upright: whether it
    runs down the page."""

    polygon: NDArray[np.float32]
    text: str
    score: float
    upright: bool


class RapidReader:
    """Reads words with PP-OCR.

    text_score: lines below this confidence are dropped.
    reference: use the settings PP-OCR was trained with rather than RapidOCR's own.
    models: to use instead of those inside RapidOCR.
    Raises ImportError when RapidOCR is not installed.
    """

    def __init__(
        self,
        threads: int = 1,
        text_score: float = 0.5,
        reference: bool = True,
        models: Models | None = None,
    ) -> None:
        from rapidocr import RapidOCR

        settings: dict[str, Any] = dict(REFERENCE_SETTINGS) if reference else {}
        settings |= {
            "Global.log_level": "error",
            "Global.text_score": text_score,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        }
        self._engine = RapidOCR(params=settings | (models.settings if models else {}))

    def words(self, image: NDArray[np.uint8]) -> list[TeacherWord]:
        """The words of a uint8 [H, W, 3] RGB picture, in the order of their lines."""
        result = self._engine(np.ascontiguousarray(image[..., ::-1]), return_word_box=True)
        if result.boxes is None or result.txts is None:
            return []
        words: list[TeacherWord] = []
        pieces_of = result.word_results if len(result.word_results) == len(result.txts) else [()] * len(result.txts)
        for box, text, score, pieces in zip(result.boxes, result.txts, result.scores, pieces_of, strict=True):
            words += cut_line(np.asarray(box, np.float32), text, float(score), list(pieces))
        return words


def sides_of(box: NDArray[np.float32]) -> tuple[float, float]:
    """Width and height of a box with corners [4, 2]: the longer of each pair of opposite sides."""
    top, right, bottom, left = np.linalg.norm(np.roll(box, -1, 0) - box, axis=1).tolist()
    return max(top, bottom), max(right, left)


def runs_down(box: NDArray[np.float32]) -> bool:
    """Whether the text of a box [4, 2] runs down the page."""
    width, height = sides_of(box)
    return height >= _UPRIGHT * width


def cut_line(
    box: NDArray[np.float32], text: str, score: float, pieces: list[tuple[str, float, list[list[float]]]]
) -> list[TeacherWord]:
    """The words of a line, cut between the pieces that the recogniser located.

    box: [4, 2] of the line. pieces: (characters, score, polygon) in reading order; a word may consist of several.
    The outer ends are the line's own, since a piece's extent is only estimated from its characters' centres.
    """
    words = text.split()
    upright = runs_down(box)
    if upright or len(words) < 2:
        return [TeacherWord(box, text.strip(), score, upright)] if words else []
    along = ((box[1] + box[2]) - (box[0] + box[3])) / 2
    left = (box[0] + box[3]) / 2

    def position(point: NDArray[np.float32]) -> float:
        return float((point - left) @ along / max(float(along @ along), 1e-6))

    spans: list[tuple[float, float, float]] = []
    remaining = iter(pieces)
    for word in words:
        run, extents, scores = "", [], []
        while len(run) < len(word):
            piece = next(remaining, None)
            if piece is None:
                return [TeacherWord(box, text, 0.0, False)]
            run += piece[0].replace(" ", "")
            polygon = np.asarray(piece[2], np.float32)
            extents += [position(polygon[[0, 3]].mean(0)), position(polygon[[1, 2]].mean(0))]
            scores.append(piece[1])
        if run != word:
            return [TeacherWord(box, text, 0.0, False)]
        spans.append((min(extents), max(extents), min(scores)))
    found = []
    for n, (word, (start, end, sure)) in enumerate(zip(words, spans, strict=True)):
        start, end = (0.0 if n == 0 else start), (1.0 if n == len(words) - 1 else end)
        corners = [
            box[0] + start * (box[1] - box[0]),
            box[0] + end * (box[1] - box[0]),
            box[3] + end * (box[2] - box[3]),
            box[3] + start * (box[2] - box[3]),
        ]
        found.append(TeacherWord(np.stack(corners).astype(np.float32), word, min(sure, score), False))
    return found
