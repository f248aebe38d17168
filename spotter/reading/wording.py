"""What a request says of the words that it expects: they select words, and tell look-alike characters apart.

The graph gives each character's best reading and no others. So what does not fit is left out, unless it fits once
characters are replaced by others that look like them (see `look_alikes`), which the answer then marks.
"""

from dataclasses import dataclass

from spotter.reading.lexicons import Lexicon
from spotter.reading.look_alikes import changes, look_alikes
from spotter.reading.patterns import Pattern

_ANY = Pattern(".*")


@dataclass(frozen=True)
class Wording:
    """charset: the characters that may occur, None for all; pattern: that each whole word matches; lexicon: that each
    word is in."""

    charset: frozenset[str] | None = None
    pattern: Pattern | None = None
    lexicon: Lexicon | None = None

    def fit(self, text: str, exact: bool = False) -> str | None:
        """The text as it is, or repaired; None where it cannot be what is expected. exact: nothing is repaired."""
        if self.charset is not None or self.pattern is not None:
            choices = [self._choices(character, exact) for character in text]
            fitting = (self.pattern or _ANY).fit(choices, 0 if exact else changes(len(text)))
            if fitting is None:
                return None
            text = fitting
        return text if self.lexicon is None else self.lexicon.fit(text, exact)

    def _choices(self, character: str, exact: bool) -> list[tuple[str, int]]:
        """The characters that it may be, with the number of changes."""
        others = () if exact else look_alikes(character)
        return [
            (each, cost)
            for each, cost in ((character, 0), *((other, 1) for other in others))
            if self.charset is None or each in self.charset
        ]
