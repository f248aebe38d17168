"""Splits lines with a known transcript into words where a recogniser sees the spaces.

The columns of a line are aligned with its transcript by CTC's best path through the given characters (Graves et al.
2006; forced alignment by the Viterbi algorithm), and the line is cut at each space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from spotter.model.charset import Charset
from spotter.model.packing import UNIT, pack
from spotter.model.ppocr import INPUTS, ROWS, PPOCRRecogniser
from spotter.model.spotter import normalised

_LEAST = -1e9
_SURE = -1.2
"""Nats: a word whose characters are less probable on average does not match the transcript."""


@dataclass(frozen=True)
class AlignedWord:
    """text: in the case that the picture shows. start, end: shares of the line's width. sureness: mean log probability
    of its characters, nats."""

    text: str
    start: float
    end: float
    sureness: float


class LineAligner:
    """Aligns lines with their transcripts by a recogniser."""

    def __init__(self, recogniser: PPOCRRecogniser, charset: Charset) -> None:
        self._recogniser, self._charset = recogniser.eval(), charset

    def words(self, line: NDArray[np.uint8], transcript: str, any_case: bool = False) -> list[AlignedWord]:
        """The words of a line uint8 [H, W, 3], each with its position; an empty list where the transcript does not fit.

        any_case: the transcript's case is unreliable, so the case that the recogniser reads is used.
        """
        text = " ".join(transcript.split())
        if not text or not self._charset.covers(text):
            return []
        scores = self._log_probabilities(line)
        choices = [sorted({*self._classes(character, any_case)}) for character in text]
        frames = align(scores, choices)
        if frames is None:
            return []
        return self._cut(text, scores, choices, frames)

    def _classes(self, character: str, any_case: bool) -> Sequence[int]:
        forms = {character, character.lower(), character.upper()} if any_case else {character}
        return [self._charset.encode(form)[0] for form in forms if len(form) == 1 and self._charset.covers(form)]

    def _log_probabilities(self, line: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 [T, classes]."""
        width = max(1, round(line.shape[1] * ROWS / line.shape[0] / UNIT)) * UNIT
        method = cv2.INTER_AREA if line.shape[0] > ROWS else cv2.INTER_LINEAR
        scaled = np.asarray(cv2.resize(line, (width, ROWS), interpolation=method), np.uint8)
        packing = pack(torch.tensor([width // UNIT]))
        patches = torch.zeros(1, INPUTS, ROWS, UNIT * len(packing.word))
        patches[:, :3, :, :width] = normalised(torch.from_numpy(scaled[None]))
        patches[:, 3, :, :width] = 1
        with torch.inference_mode():
            logits = self._recogniser(patches, packing, width // UNIT)[0]
        return np.asarray(logits.log_softmax(-1).numpy(), np.float32)

    def _cut(
        self, text: str, scores: NDArray[np.float32], choices: Sequence[Sequence[int]], frames: list[tuple[int, int]]
    ) -> list[AlignedWord]:
        found = []
        start = 0
        columns = len(scores)
        for word in text.split(" "):
            end = start + len(word)
            places = range(start, end)
            read = ""
            sureness = []
            for place in places:
                first, last = frames[place]
                best = scores[first : last + 1, choices[place]].max(0)
                read += self._charset.characters[choices[place][int(best.argmax())] - 1]
                sureness.append(float(best.max()))
            before = _middle(frames[start - 1]) if start else 0.0
            after = _middle(frames[end]) if end < len(text) else float(columns)
            mean = float(np.mean(sureness))
            if mean > _SURE:
                found.append(AlignedWord(read, before / columns, after / columns, mean))
            start = end + 1
        return found


def _middle(frames: tuple[int, int]) -> float:
    return (frames[0] + frames[1] + 1) / 2


def align(scores: NDArray[np.float32], choices: Sequence[Sequence[int]]) -> list[tuple[int, int]] | None:
    """The first and last column of each character on the best path, or None where there are too few columns.

    scores: log probabilities [T, classes], class 0 the blank. choices: for each character the classes that may stand
    for it.
    """
    columns, characters = len(scores), len(choices)
    states = 2 * characters + 1
    emitted = np.empty((columns, states), np.float32)
    emitted[:, 0::2] = scores[:, :1]
    for place, classes in enumerate(choices):
        emitted[:, 2 * place + 1] = scores[:, list(classes)].max(1)
    jump = np.full(states, False)
    for place in range(1, characters):
        jump[2 * place + 1] = not set(choices[place]) & set(choices[place - 1])
    best = np.full(states, _LEAST, np.float64)
    best[:2] = emitted[0, :2]
    came = np.zeros((columns, states), np.int8)
    for column in range(1, columns):
        one = np.concatenate(([_LEAST], best[:-1]))
        two = np.where(jump, np.concatenate(([_LEAST, _LEAST], best[:-2])), _LEAST)
        options = np.stack((best, one, two))
        came[column] = options.argmax(0)
        best = options.max(0) + emitted[column]
    state = states - 1 if best[-1] >= best[-2] else states - 2
    if best[state] < _LEAST / 2:
        return None
    frames: list[list[int]] = [[] for _ in range(characters)]
    for column in range(columns - 1, -1, -1):
        if state % 2:
            frames[state // 2].append(column)
        state -= int(came[column, state])
    return [(min(found), max(found)) for found in frames]
