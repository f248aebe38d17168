"""Lists of the words that may occur in a picture."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from spotter.reading.look_alikes import changes, shape

WORDS = 200_000
"""The most words of a list."""
LETTERS = 64
"""The most characters of a word."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class LexiconError(ValueError):
    """A text is no valid list of words; the message says why."""


class Lexicon:
    """A list of words, case ignored."""

    def __init__(self, words: Iterable[str]) -> None:
        """Raises LexiconError."""
        self._words: set[str] = set()
        self._by_shape: dict[str, str | None] = {}
        for count, word in enumerate(words):
            if count >= WORDS:
                raise LexiconError(f"it has more than {WORDS} words")
            if not word or len(word) > LETTERS or any(map(str.isspace, word)):
                raise LexiconError(f"{word[:LETTERS]!r} is not a word of 1 to {LETTERS} characters without spaces")
            if word.lower() in self._words:
                continue
            self._words.add(word.lower())
            own = shape(word)
            self._by_shape[own] = None if own in self._by_shape else word

    def fit(self, text: str, exact: bool = False) -> str | None:
        """The text, if it is a word of the list, with or without punctuation at its ends. Else, where exactly one word
        of the list looks like it, the text with that word in its place. None otherwise. exact: no look-alikes are
        replaced.
        """
        if text.lower() in self._words:
            return text
        begin, end = _core(text)
        core = text[begin:end]
        if core.lower() in self._words:
            return text
        word = None if exact else self._by_shape.get(shape(core))
        if word is None or sum(map(str.__ne__, word.lower(), core.lower())) > changes(len(core)):
            return None
        return text[:begin] + word + text[end:]


def read_lexicon(file: Path) -> Lexicon:
    """Reads a list from a file, in UTF-8 with one word a line. Raises LexiconError."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        return Lexicon(filter(None, map(str.strip, lines)))
    except (OSError, UnicodeDecodeError, LexiconError) as error:
        raise LexiconError(f"{file}: {error}") from None


def read_lexicons(folder: Path) -> Mapping[str, Lexicon]:
    """Reads the lists in a folder, by the names of its files, NAME.txt. Raises LexiconError."""
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix == ".txt")
    except OSError as error:
        raise LexiconError(f"{folder}: {error}") from None
    for file in files:
        if _NAME.fullmatch(file.stem) is None:
            raise LexiconError(f"{file}: a name has letters, digits, '.', '_' and '-'")
    return {file.stem: read_lexicon(file) for file in files}


def _core(text: str) -> tuple[int, int]:
    """The start and end of a text without the punctuation at its ends."""
    places = [at for at, character in enumerate(text) if character.isalnum()]
    return (places[0], places[-1] + 1) if places else (0, len(text))
