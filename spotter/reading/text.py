"""Converts classes of characters to text."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def texts(characters: NDArray[np.int32], charset: str) -> list[str]:
    """The text of each row of the graph's `characters` [N, T]: zeros are dropped, class i is the i-th character counted
    from 1, and spaces at the ends are removed.

    A class outside the charset becomes U+FFFD, which is in no charset, so that the error is visible.
    """
    count, length = characters.shape
    points = _code_points(charset).take(
        characters.view(np.uint32), mode="clip"
    )  # a negative class becomes a very large one
    whole = points.tobytes().decode("utf-32-le", "surrogatepass")
    return [whole[row * length : (row + 1) * length].replace("\0", "").strip(" ") for row in range(count)]


@lru_cache
def _code_points(charset: str) -> NDArray[np.uint32]:
    return np.frombuffer(f"\0{charset}{UNKNOWN}".encode("utf-32-le", "surrogatepass"), "<u4")
