import pytest

from spotter.training.synthesis.fonts import FontSet, find_fonts
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS, SIGNS
from spotter.training.synthesis.words import WordGenerator


@pytest.fixture(scope="session")
def own_font() -> FontSet:
    """The face that Pillow brings, so that tests draw the same everywhere."""
    return find_fonts((), usual=False)


@pytest.fixture(scope="session")
def own_words() -> WordGenerator:
    """Words that need no word list of the machine."""
    return WordGenerator(SIGNS + RECEIPTS + COMMON, lists={})


@pytest.fixture(scope="session")
def pool(own_font: FontSet, own_words: WordGenerator) -> PatchPool:
    """400 words in Pillow's face: the same on every machine."""
    return PatchPool.build(400, seed=5, fonts=own_font, words=own_words)
