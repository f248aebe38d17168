"""A recogniser that says what a test wants it to say of a line."""

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from spotter.model.charset import Charset
from spotter.model.packing import Packing
from spotter.model.ppocr import PPOCRRecogniser

CHARSET = Charset("abABc ")


class Saying(nn.Module):
    """Says of every line a column for each character of `text`, "_" being the blank, sure by `probability`."""

    def __init__(self, text: str, probability: float = 0.9) -> None:
        super().__init__()
        self.text, self.probability = text, probability
        self.seen: list[Tensor] = []

    def forward(self, patches: Tensor, packing: Packing, longest: int) -> Tensor:
        self.seen.append(patches)
        assert packing.lengths.tolist() == [longest]
        others = math.log((1 - self.probability) / (CHARSET.classes - 1))
        logits = torch.full((1, longest, CHARSET.classes), others)
        for column, character in enumerate(self.text[:longest]):
            logits[0, column, 0 if character == "_" else CHARSET.encode(character)[0]] = math.log(self.probability)
        return logits


def recogniser(text: str, probability: float = 0.9) -> PPOCRRecogniser:
    """`Saying` in a recogniser's place."""
    return cast(PPOCRRecogniser, Saying(text, probability))


def blank_line(columns: int, height: int = 48) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A white line of so many of the recogniser's columns."""
    return np.full((height, columns * 8 * height // 48, 3), 255, np.uint8)
