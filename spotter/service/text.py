"""Characters' classes to text."""

from collections.abc import Iterable
from functools import lru_cache

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def decode(classes: Iterable[int], charset: str) -> str:
    """Text of one row of the graph's `characters`: zeros dropped, class i is the i-th character from 1.

    A class that the charset lacks becomes U+FFFD, which no charset of ours holds, so that it is seen.
    """
    table = _table(charset)
    return "".join([table[index] for index in classes if index])


class _Table(dict[int, str]):
    def __missing__(self, index: int) -> str:
        return UNKNOWN


@lru_cache
def _table(charset: str) -> _Table:
    return _Table(enumerate(charset, 1))
