"""Characters that look alike in many typefaces, so that only the expected text tells which one was meant."""

GROUPS = ("0OoQ", "1Il|", "2Zz", "5Ss", "6Gb", "8B", "9gq", "Cc", "Kk", "Pp", "Uu", "Vv", "Ww", "Xx")
MOST = 4
"""The most characters that are changed in a word; also never more than half of them, so that part of what was read is
kept."""

_OF = {character: group for group in GROUPS for character in group}


def look_alikes(character: str) -> str:
    """The other characters of a character's group; none for most characters."""
    return _OF.get(character, character).replace(character, "")


def shape(text: str) -> str:
    """A text in lower case with one character for each group: the same for all texts that look alike, ignoring case."""
    return "".join((_OF.get(each) or _OF.get(each.upper()) or each)[0] for each in text).lower()


def changes(length: int) -> int:
    """How many characters may be changed in a word of this length."""
    return min(length // 2, MOST)
