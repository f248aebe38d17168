"""Fonts and backgrounds that are held out from training for evaluation sets, chosen by name so that all machines
agree."""

import hashlib
from typing import Literal

Part = Literal["all", "training", "held out"]
"""A part of the fonts or the backgrounds."""

_OF = 8  # one in so many names is held out


def is_held_out(name: str) -> bool:
    """Whether the font family or picture file of this name is held out."""
    return hashlib.sha256(name.encode()).digest()[0] % _OF == 0


def belongs(name: str, part: Part) -> bool:
    """Whether the font family or picture file of this name belongs to a part."""
    return part == "all" or is_held_out(name) == (part == "held out")


def family_of(font: str) -> str:
    """The first word of a font's name, so that all faces of a family and of related families stay together."""
    return font.split(maxsplit=1)[0] if font.strip() else font
