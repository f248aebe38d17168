"""Characters that look alike in many typefaces, so that only what is expected tells which one was meant."""

GROUPS = ("0OoQ", "1Il|", "2Zz", "5Ss", "6Gb", "8B", "9gq", "Cc", "Kk", "Pp", "Uu", "Vv", "Ww", "Xx")
MOST = 4
"""The most characters that are changed in a word; never more than half of its characters, so that something of what was
read stays."""

_OF = {character: group for group in GROUPS for character in group}


def look_alikes(character: str) -> str:
    """The other characters of its group; none for most."""
    return _OF.get(character, character).replace(character, "")


def shape(text: str) -> str:
    """The text with one character for each group and in lower case: the same for all texts that look alike, in capitals
    or not."""
    return "".join((_OF.get(each) or _OF.get(each.upper()) or each)[0] for each in text).lower()


def changes(length: int) -> int:
    """How many characters of a word of so many may be changed."""
    return min(length // 2, MOST)
