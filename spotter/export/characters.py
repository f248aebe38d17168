"""Describes a set of characters in words."""

import unicodedata

from spotter.model.charset import PRINTABLE_ASCII

_SCRIPTS = {"LATIN": "Latin", "GREEK": "Greek", "CYRILLIC": "Cyrillic", "CJK": "Chinese", "HIRAGANA": "Japanese"}


def described(charset: str) -> str:
    """A description such as "printable ASCII" or "1,012 characters: Latin and Greek letters, digits, punctuation and
    symbols"."""
    if charset == PRINTABLE_ASCII:
        return "printable ASCII"
    first = {unicodedata.name(character, "").split()[0] for character in charset if character.isalpha()}
    scripts = [name for word, name in _SCRIPTS.items() if word in first]
    named = f"{', '.join(scripts[:-1])} and {scripts[-1]}" if scripts[1:] else "".join(scripts)
    kinds = [f"{named} letters"] if scripts else []
    return f"{len(charset):,} characters: {', '.join([*kinds, 'digits, punctuation and symbols'])}"
