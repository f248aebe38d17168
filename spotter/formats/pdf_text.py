"""The invisible text of a searchable PDF, for selecting and searching.

No glyph is shown, so Helvetica, which every viewer has, is used for all characters: codes are assigned to characters in
order of appearance, ASCII first, 200 to a font, and each font maps them to Unicode by its ToUnicode map
(ISO 32000-1, 9.10.3).
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from spotter.formats.pdf_objects import Objects, Reference
from spotter.reading.words import Page, Word

_FIRST, _CODES = 40, 200
"""The first code of a font and the number of its codes; code 32 is not used, since word spacing applies to it."""
_UPSIDE_DOWN = -0.7
"""Cosine of the largest angle between words of one run."""
_WIDTH = 0.5
"""The width of every character, in font sizes."""
_DESCENT = 0.2
"""The share of a word's height below its baseline."""


class Letters:
    """Assigns fonts and codes to characters."""

    def __init__(self) -> None:
        self._codes = {chr(point): number for number, point in enumerate(range(ord(" "), ord("~") + 1))}

    def runs(self, text: str) -> Iterator[tuple[int, str]]:
        """The text in runs of one font: the font's number, and the codes in hexadecimal."""
        font, codes = -1, ""
        for character in text:
            number = self._codes.setdefault(character, len(self._codes))
            if number // _CODES != font and codes:
                yield font, codes
                codes = ""
            font = number // _CODES
            codes += f"{_FIRST + number % _CODES:02x}"
        if codes:
            yield font, codes

    def fonts(self, objects: Objects) -> dict[str, Reference]:
        """Adds the fonts to a file; returns them by name."""
        characters = list(self._codes)
        return {
            f"F{start // _CODES}": _font(objects, characters[start : start + _CODES])
            for start in range(0, len(characters), _CODES)
        }


def text_layer(page: Page, scale: float, letters: Letters) -> bytes:
    """A content stream with the page's words as invisible text at their positions, with a space after each except the
    last of a line; `scale`: points per pixel."""
    operators = ["BT", "3 Tr 0 Tc 0 Tw 0 Ts"]
    for line in page.lines:
        placed = [_Placed.of(word, page.size[1], scale) for word in line.words]
        if placed[0].cosine < _UPSIDE_DOWN:
            operators += _at_once(placed, letters)
        else:
            for number, word in enumerate(placed):
                operators += _word(word, letters, space=number + 1 < len(placed))
    operators.append("ET")
    return "\n".join(operators).encode("ascii")


class _Placed(NamedTuple):
    """A word in points, y upwards: start of the baseline, direction, width and height."""

    text: str
    x: float
    y: float
    cosine: float
    sine: float
    width: float
    height: float

    @classmethod
    def of(cls, word: Word, page_height: int, scale: float) -> Self:
        half = len(word.polygon) // 2
        first, second = word.polygon[0], word.polygon[half - 1]
        below, start = word.polygon[half], word.polygon[-1]
        right = (second[0] - first[0] + below[0] - start[0]) / 2, (second[1] - first[1] + below[1] - start[1]) / 2
        up = (first[0] - start[0] + second[0] - below[0]) / 2, (first[1] - start[1] + second[1] - below[1]) / 2
        width, height = max(math.hypot(*right), 0.1), max(math.hypot(*up), 0.1)
        x, y = start[0] + _DESCENT * up[0], start[1] + _DESCENT * up[1]
        return cls(
            word.text,
            x * scale,
            (page_height - y) * scale,
            right[0] / width,
            -right[1] / width,
            width * scale,
            height * scale,
        )

    def begin(self, stretch: float) -> str:
        """The operators that set the position and the horizontal scaling; stretch: the scaling in percent."""
        return (
            f"{self.cosine:.4f} {self.sine:.4f} {-self.sine:.4f} {self.cosine:.4f} "
            f"{self.x:.2f} {self.y:.2f} Tm {stretch:.2f} Tz"
        )


def _word(word: _Placed, letters: Letters, space: bool) -> Iterator[str]:
    yield word.begin(100 * word.width / (len(word.text) * _WIDTH * word.height))
    for font, codes in letters.runs(word.text + " " * space):
        yield f"/F{font} {word.height:.2f} Tf <{codes}> Tj"


def _at_once(words: Sequence[_Placed], letters: Letters) -> Iterator[str]:
    """A line with one operator for each run of a font. With one operator for each word, PDFium would return the words
    of an upside-down line in their order on the page, the last word first."""
    first = words[0]
    text = "".join(word.text for word in words)
    stretch = sum([word.width for word in words]) / (len(text) * _WIDTH * first.height)
    letter = _WIDTH * first.height * stretch
    yield first.begin(100 * stretch)
    end, own, shown = 0.0, -1, ""
    for number, word in enumerate(words):
        start = (word.x - first.x) * first.cosine + (word.y - first.y) * first.sine
        shown += f"{1000 * _WIDTH * (end - start) / letter:.0f} "
        for font, codes in letters.runs(word.text + " " * (number + 1 < len(words))):
            if font != own and own >= 0:
                yield f"/F{own} {first.height:.2f} Tf [{shown}] TJ"
                shown = ""
            own, shown = font, f"{shown}<{codes}>"
        end = start + letter * (len(word.text) + 1)
    yield f"/F{own} {first.height:.2f} Tf [{shown}] TJ"


def _font(objects: Objects, characters: list[str]) -> Reference:
    last = _FIRST + len(characters) - 1
    names = " ".join(f"/u{ord(character):04X}" for character in characters)
    meanings = "\n".join(
        f"<{_FIRST + place:02x}> <{character.encode('utf-16-be').hex()}>" for place, character in enumerate(characters)
    )
    blocks = meanings.split("\n")
    parts = [blocks[start : start + 100] for start in range(0, len(blocks), 100)]
    body = "\n".join(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar" for part in parts)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange\n{body}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )
    widths = " ".join([f"{1000 * _WIDTH:g}"] * len(characters))
    meaning = objects.add_stream("", cmap.encode("ascii"))
    return objects.add(
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /FirstChar {_FIRST} /LastChar {last} "
        f"/Widths [{widths}] /Encoding << /Type /Encoding /Differences [{_FIRST} {names}] >> /ToUnicode {meaning} >>"
    )
