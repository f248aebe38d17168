"""Supplies words for faces; words that a face cannot draw wait for one that can."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from spotter.training.synthesis.fonts import FontFace
from spotter.training.synthesis.texts.lexical import upper
from spotter.training.synthesis.words import Word, WordGenerator

_MOST_WAITING = 3000
_ATTEMPTS = 40  # the most words drawn for each wanted word
_SPACED_CAPITALS = 0.75  # the share of widely spaced words in capitals
_PLAIN = ("word", "language", "greek")


class WordSupply:
    """Draws words with a generator's shares, whatever characters each face has.

    A word that a text face cannot draw, or that is too long for a style, waits for a later face, so that long and rare
    words keep their share. Faces of capitals or digits take what they can draw; other words are dropped.
    """

    def __init__(self, words: WordGenerator) -> None:
        self._words = words
        self._waiting: dict[bool, deque[Word]] = {page: deque(maxlen=_MOST_WAITING) for page in (False, True)}

    def take(
        self,
        rng: np.random.Generator,
        face: FontFace,
        page: bool,
        wanted: int,
        spaced: bool = False,
        fits: Callable[[str], bool] = lambda text: True,
    ) -> Iterator[Word]:
        """Up to `wanted` words that `face` can draw and whose text `fits`.

        page: words as on pages. spaced: most plain words are in capitals, as in widely spaced text.
        """
        text_face = face.writes == "text"
        given = 0
        if text_face:
            for word in self._waited(face, page, wanted // 2, fits):
                yield word
                given += 1
        for _ in range(_ATTEMPTS * wanted):
            if given == wanted:
                return
            # Receipts have the most numbers, and some faces have only digits.
            word = self._words.draw(rng, page or (face.writes == "digits" and bool(rng.random() < 0.7)))
            written = self._written(word, face, spaced and bool(rng.random() < _SPACED_CAPITALS))
            if written is not None and fits(written.text):
                yield written
                given += 1
            elif text_face:
                self._waiting[page].append(word)

    def _waited(self, face: FontFace, page: bool, most: int, fits: Callable[[str], bool]) -> list[Word]:
        taken: list[Word] = []
        kept: list[Word] = []
        for word in self._waiting[page]:
            usable = len(taken) < most and face.characters.issuperset(word.text) and fits(word.text)
            (taken if usable else kept).append(word)
        self._waiting[page] = deque(kept, _MOST_WAITING)
        return taken

    def _written(self, word: Word, face: FontFace, in_capitals: bool) -> Word | None:
        """The word in the characters of the face; None where the face lacks some."""
        if (in_capitals and word.kind in _PLAIN) or not face.characters.issuperset(word.text):
            text = upper(word.text)
            if face.characters.issuperset(text) and self._words.charset.covers(text):
                return Word(text, word.kind)
        return word if face.characters.issuperset(word.text) else None
