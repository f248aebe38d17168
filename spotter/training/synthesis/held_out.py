"""Fonts and backgrounds that training leaves to evaluation sets: by their names alone, so that every machine agrees."""

import hashlib
from typing import Literal

Part = Literal["all", "training", "held out"]
"""Of the fonts or the backgrounds."""

_OF = 8  # one in so many names is held out


def is_held_out(name: str) -> bool:
    """Whether a name, of a family of fonts or of a picture's file, is held out."""
    return hashlib.sha256(name.encode()).digest()[0] % _OF == 0


def belongs(name: str, part: Part) -> bool:
    """Whether what has that name is in a part."""
    return part == "all" or is_held_out(name) == (part == "held out")


def family_of(font: str) -> str:
    """The first word of a font's name, under which all faces of a family, and its relatives, stay together."""
    return font.split(maxsplit=1)[0] if font.strip() else font
