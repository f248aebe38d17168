"""Characters and their classes."""

from collections.abc import Iterable
from dataclasses import dataclass

PRINTABLE_ASCII = "".join(chr(code) for code in range(0x20, 0x7F))


@dataclass(frozen=True)
class Charset:
    """Class 0 is the blank (and the end); class i is the i-th character, counted from 1."""

    characters: str = PRINTABLE_ASCII

    def __post_init__(self) -> None:
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("a character occurs twice")

    @property
    def classes(self) -> int:
        """Number of classes, the blank included."""
        return len(self.characters) + 1

    def encode(self, text: str) -> list[int]:
        """Classes of a transcript. Raises ValueError for a character outside the set."""
        return [self.characters.index(character) + 1 for character in text]

    def decode(self, classes: Iterable[int]) -> str:
        """Text of a row of classes whose repeats are already collapsed; zeros are dropped."""
        return "".join(self.characters[index - 1] for index in classes if index > 0)
