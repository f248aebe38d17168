"""Tiny fonts made for a test: every character a box of its own shape."""

from collections.abc import Mapping
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

_EM = 1000


def made_font(
    file: Path, characters: str, family: str = "Made", same_as: Mapping[str, str] | None = None, blank: str = ""
) -> Path:
    """Writes a font to `file`, which it returns.

    same_as: characters that share the glyph of another. blank: characters that have a glyph without ink.
    """
    glyphs, widths = {".notdef": _boxes(0x10FFFF, 300)}, {".notdef": (600, 0)}
    cmap = {}
    for character in characters:
        shape = (same_as or {}).get(character, character)
        name = f"u{ord(shape):04X}"
        cmap[ord(character)] = name
        # Small letters are lower, and widths differ, so that no two shapes are alike once brought to one size.
        glyphs[name] = _boxes(0 if shape in blank else ord(shape), 500 if shape.islower() else 700)
        widths[name] = (600 + ord(shape) % 7 * 20, 0)
    builder = FontBuilder(_EM, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(cmap)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(widths)
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(file)
    return file


def _boxes(number: int, height: int) -> Glyph:
    """The bits of a number as boxes in a frame of three columns; nothing for 0."""
    pen = TTGlyphPen(None)
    for bit in range(21):
        if number >> bit & 1:
            x, y = 40 + bit % 3 * 180, bit // 3 * height // 7
            pen.moveTo((x, y))
            pen.lineTo((x, y + height // 8))
            pen.lineTo((x + 150, y + height // 8))
            pen.lineTo((x + 150, y))
            pen.closePath()
    return pen.glyph()
