"""A request's constraints on the words that it expects: they select words, and tell look-alike characters apart.

The graph gives only the best reading of each character. So a word that does not fit is left out, unless it fits once
characters are replaced by others that look like them (see `look_alikes`), which the answer then marks.
"""

from dataclasses import dataclass

from spotter.reading.lexicons import Lexicon
from spotter.reading.look_alikes import changes, look_alikes
from spotter.reading.patterns import Pattern

_ANY = Pattern(".*")


@dataclass(frozen=True)
class Wording:
    """charset: the characters that may occur, None for all. pattern: must match each whole word. lexicon: must contain
    each word."""

    charset: frozenset[str] | None = None
    pattern: Pattern | None = None
    lexicon: Lexicon | None = None

    def fit(self, text: str, exact: bool = False) -> str | None:
        """The text, unchanged or repaired; None where it does not fit. exact: nothing is repaired."""
        if self.charset is not None or self.pattern is not None:
            choices = [self._choices(character, exact) for character in text]
            fitting = (self.pattern or _ANY).fit(choices, 0 if exact else changes(len(text)))
            if fitting is None:
                return None
            text = fitting
        return text if self.lexicon is None else self.lexicon.fit(text, exact)

    def _choices(self, character: str, exact: bool) -> list[tuple[str, int]]:
        """The characters that a character may be, each with its number of changes, 0 or 1."""
        others = () if exact else look_alikes(character)
        return [
            (each, cost)
            for each, cost in ((character, 0), *((other, 1) for other in others))
            if self.charset is None or each in self.charset
        ]
