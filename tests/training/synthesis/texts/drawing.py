"""What the tests of all kinds of words share."""

import unicodedata
from collections.abc import Callable

import numpy as np

from spotter.model.charset import LATIN_AND_GREEK
from spotter.training.synthesis.words import LONGEST


def drawn(function: Callable[[np.random.Generator], str], count: int = 600, seed: int = 0) -> list[str]:
    """About so many texts of a kind, in NFC, as short as they must be, of the charset's characters without space.

    Fails where more than a few are not, for which the generator draws others.
    """
    rng = np.random.default_rng(seed)
    texts = [function(rng) for _ in range(count)]
    known = set(LATIN_AND_GREEK) - {" "}
    usable = [text for text in texts if 0 < len(text) <= LONGEST and known.issuperset(text)]
    assert len(usable) >= 0.96 * count, [text for text in texts if text not in usable]
    assert all(unicodedata.is_normalized("NFC", text) for text in usable)
    return usable
