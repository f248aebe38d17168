"""Characters' classes to text."""

from collections.abc import Iterable

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def decode(classes: Iterable[int], charset: str) -> str:
    """Text of one row of the graph's `characters`: zeros dropped, class i is the i-th character from 1.

    A class that the charset lacks becomes U+FFFD, which no charset of ours holds, so that it is seen.
    """
    size = len(charset)
    return "".join(charset[index - 1] if 0 < index <= size else UNKNOWN for index in classes if index != 0)
